/** DASH by shaka-player. */
import type shakaNamespace from 'shaka-player'
import {
  describeStatus,
  hasMediaSource,
  loadScript,
  type Playback,
  type PlaybackEngine,
  type PlaybackEvents,
} from './playback.ts'

declare const shaka: typeof shakaNamespace

export const dashEngine: PlaybackEngine = {
  kind: 'dash',
  label: 'DASH',
  supported: hasMediaSource,
  url: (path) => `/${path}/manifest.mpd`,
  async open(video: HTMLVideoElement, url: string, events: PlaybackEvents): Promise<Playback> {
    await loadScript('/assets/vendor/shaka.js')
    shaka.polyfill.installAll()
    const player = new shaka.Player()
    player.addEventListener('error', (event) => {
      const { detail } = event as unknown as { detail: { code: number; severity: number } }
      if (detail.severity === shaka.util.Error.Severity.CRITICAL) events.onFatal(`DASH: error ${detail.code}`)
    })
    player.configure({
      streaming: {
        lowLatencyMode: true,
        // Shaka hears of the next segment when it asks for the manifest again, up to a second after the segment began: with
        // less than this at hand, the first end of a segment is a stall.
        rebufferingGoal: 1,
        // Shaka believes the segment in production to be there to its end; the target leaves room for that.
        liveSync: {
          enabled: true,
          targetLatency: 1.5,
          targetLatencyTolerance: 0.5,
          minPlaybackRate: 0.96,
          maxPlaybackRate: 1.04,
        },
      },
      manifest: { dash: { ignoreMinBufferTime: true } },
    })
    await player.attach(video)
    try {
      await player.load(url)
    } catch (error) {
      void player.destroy()
      throw describe(error)
    }
    return {
      kind: 'dash',
      delay: () => player.getStats().liveLatency,
      bitrate: () => player.getStats().streamBandwidth || undefined,
      destroy: () => void player.destroy(),
    }
  },
}

/** Shaka throws objects with numbers; people get a sentence. */
function describe(error: unknown): Error {
  const { code, data } = error as { code?: number; data?: unknown[] }
  const answered = code === 1001 ? describeStatus(data?.[1]) : undefined
  return new Error(answered ?? `DASH: error ${code ?? String(error)}`)
}
