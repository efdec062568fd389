/** Low-latency HLS by hls.js, and by the browser itself where that is all there is (older iPhones). */
import type HlsClass from 'hls.js'
import {
  describeStatus,
  hasMediaSource,
  loadScript,
  type Playback,
  type PlaybackEngine,
  type PlaybackEvents,
} from './playback.ts'

declare const Hls: typeof HlsClass

/** Media errors are often cured by a fresh decoder; more than this many in one playback are not. */
const MAX_RECOVERIES = 2

export const hlsEngine: PlaybackEngine = {
  kind: 'hls',
  label: 'LL-HLS',
  supported: hasMediaSource,
  url: (path) => `/${path}/index.m3u8`,
  async open(video: HTMLVideoElement, url: string, events: PlaybackEvents): Promise<Playback> {
    await loadScript('/assets/vendor/hls.js')
    const hls = new Hls({ lowLatencyMode: true, backBufferLength: 30 })
    let recoveries = 0
    hls.on(Hls.Events.ERROR, (_event, data) => {
      if (!data.fatal) return
      if (data.type === Hls.ErrorTypes.MEDIA_ERROR && recoveries++ < MAX_RECOVERIES) hls.recoverMediaError()
      else events.onFatal(describeStatus(data.response?.code) ?? `HLS: ${data.details}`)
    })
    hls.loadSource(url)
    hls.attachMedia(video)
    return {
      kind: 'hls',
      delay: () => (hls.latency > 0 ? hls.latency : undefined),
      bitrate: () => hls.levels[hls.currentLevel]?.bitrate,
      destroy: () => hls.destroy(),
    }
  },
}

export const nativeEngine: PlaybackEngine = {
  kind: 'native',
  label: 'HLS by the browser',
  supported: () => document.createElement('video').canPlayType('application/vnd.apple.mpegurl') !== '',
  url: hlsEngine.url,
  open(video: HTMLVideoElement, url: string, events: PlaybackEvents): Promise<Playback> {
    const onError = () => events.onFatal(`HLS: ${video.error?.message ?? 'cannot be played'}`)
    video.addEventListener('error', onError)
    video.src = url
    return Promise.resolve({
      kind: 'native',
      delay() {
        // Safari tells the wall time of media time zero where the playlist has program dates.
        const start = (video as { getStartDate?: () => Date }).getStartDate?.().getTime()
        return start === undefined || Number.isNaN(start) ? undefined : (Date.now() - start) / 1000 - video.currentTime
      },
      bitrate: () => undefined,
      destroy() {
        video.removeEventListener('error', onError)
        video.removeAttribute('src')
        video.load()
      },
    })
  },
}
