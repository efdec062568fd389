/** FLV over WebSocket by mpegts.js: the lowest delay where the codecs allow it. */
import type mpegtsNamespace from 'mpegts.js'
import {
  bufferAhead,
  encodePath,
  hasMediaSource,
  isOnDemand,
  loadScript,
  type OpenOptions,
  type Playback,
  type PlaybackEngine,
} from './playback.ts'

declare const mpegts: typeof mpegtsNamespace

export const flvEngine: PlaybackEngine = {
  kind: 'flv',
  label: 'FLV',
  supported: (path) => 'MediaSource' in window && !isOnDemand(path),
  url: (path) => `/${encodePath(path)}.flv`,
  async open({ video, url, events, mark }: OpenOptions): Promise<Playback> {
    if (!hasMediaSource()) throw new Error('FLV needs Media Source Extensions.')
    await loadScript('/assets/vendor/mpegts.js')
    mpegts.LoggingControl.enableAll = false
    const player = mpegts.createPlayer(
      { type: 'flv', isLive: true, url: webSocketUrl(mark?.(url, { type: 'av' }) ?? url) },
      { enableStashBuffer: false, liveSync: true, liveSyncTargetLatency: 0.8, liveSyncMaxLatency: 2, lazyLoad: false },
    )
    player.on(mpegts.Events.ERROR, (_type: string, detail: string) => events.onFatal(`FLV: ${detail}`))
    player.on(mpegts.Events.LOADING_COMPLETE, () => events.onFatal('The stream has ended.'))
    player.attachMediaElement(video)
    player.load()
    return {
      kind: 'flv',
      // FLV carries no wall clock: this is the part of the delay that lies in this browser.
      delay: () => bufferAhead(video),
      bitrate() {
        const { speed } = player.statisticsInfo as { speed?: number }
        return speed === undefined ? undefined : speed * 8 * 1024
      },
      seekable: () => undefined,
      wallClock: () => undefined,
      follow: () => undefined,
      choices: () => [],
      choose: () => undefined,
      destroy: () => player.destroy(),
    }
  },
}

function webSocketUrl(url: string): string {
  const absolute = new URL(url, location.href)
  absolute.protocol = absolute.protocol === 'https:' ? 'wss:' : 'ws:'
  return absolute.href
}
