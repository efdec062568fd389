/** DASH by shaka-player. */
import type shakaNamespace from 'shaka-player'
import { hasMediaSource, loadScript, type Playback, type PlaybackEngine, type PlaybackEvents } from './playback.ts'

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
        rebufferingGoal: 0.3,
        // Shaka believes the segment in production to be there to its end; the target leaves room for that. After a stall it plays
        // slowly until there is more in the buffer.
        liveSync: {
          enabled: true,
          targetLatency: 1.5,
          targetLatencyTolerance: 0.5,
          minPlaybackRate: 0.96,
          maxPlaybackRate: 1.04,
          panicMode: true,
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
  const notFound = code === 1001 && data?.[1] === 404
  return new Error(notFound ? 'This stream is not on air.' : `DASH: error ${code ?? String(error)}`)
}
