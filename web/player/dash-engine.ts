/** DASH by shaka-player. */
import type shakaNamespace from 'shaka-player'
import { qualityLabel } from './labels.ts'
import {
  type Choice,
  type ChoiceKind,
  encodePath,
  hasMediaSource,
  isOnDemand,
  loadScript,
  type MarkRequest,
  type OpenOptions,
  type Playback,
  type PlaybackEngine,
  type TimeRange,
} from './playback.ts'
import { KEY_SYSTEM } from './protection.ts'

declare const shaka: typeof shakaNamespace

const LIVE_SETTINGS = {
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
} as const

/** Of streams, as reports name them. */
const OBJECT_TYPES: Readonly<Record<string, 'v' | 'a' | 'c'>> = { video: 'v', audio: 'a', text: 'c' }

const AS_IT_WAS = { minPlaybackRate: 1, maxPlaybackRate: 1 } as const

export const dashEngine: PlaybackEngine = {
  kind: 'dash',
  label: 'DASH',
  decrypts: true,
  supported: hasMediaSource,
  url: (path) => `/${encodePath(path)}/manifest.mpd`,
  async open({ video, url, events, startTime, licenseUrl, mark }: OpenOptions): Promise<Playback> {
    await loadScript('/assets/vendor/shaka.js')
    shaka.polyfill.installAll()
    const player = new shaka.Player()
    player.addEventListener('error', (event) => {
      const { detail } = event as unknown as { detail: { code: number; severity: number } }
      if (detail.severity === shaka.util.Error.Severity.CRITICAL) events.onFatal(`DASH: error ${detail.code}`)
    })
    for (const name of ['trackschanged', 'variantchanged', 'textchanged', 'adaptation', 'audiotrackschanged']) {
      player.addEventListener(name, () => events.onTracks())
    }
    if (!isOnDemand(decodeURIComponent(url.slice(1)))) player.configure(LIVE_SETTINGS)
    if (licenseUrl !== undefined) player.configure({ drm: { servers: { [KEY_SYSTEM]: licenseUrl } } })
    if (mark !== undefined) markRequests(player, mark)
    await player.attach(video)
    try {
      await player.load(url, startTime)
    } catch (error) {
      void player.destroy()
      throw describe(error)
    }
    return new DashPlayback(player)
  },
}

class DashPlayback implements Playback {
  readonly kind = 'dash'
  readonly #player: shakaNamespace.Player

  constructor(player: shakaNamespace.Player) {
    this.#player = player
  }

  delay(): number | undefined {
    return this.#player.isLive() ? this.#player.getStats().liveLatency : undefined
  }

  bitrate(): number | undefined {
    return this.#player.getStats().streamBandwidth || undefined
  }

  throughput(): number | undefined {
    return this.#player.getStats().estimatedBandwidth || undefined
  }

  seekable(): TimeRange | undefined {
    const range = this.#player.seekRange()
    return range.end > range.start ? range : undefined
  }

  wallClock(time: number): number | undefined {
    const start = this.#player.getPresentationStartTimeAsDate()?.getTime()
    return start === undefined ? undefined : start + time * 1000
  }

  /** Shaka would hurry after the live edge at a slightly higher speed for hours; without its own rules it takes the manifest's. */
  follow(live: boolean): void {
    if (!this.#player.isLive()) return
    const { minPlaybackRate, maxPlaybackRate } = live ? LIVE_SETTINGS.streaming.liveSync : AS_IT_WAS
    this.#player.configure('streaming.liveSync.minPlaybackRate', minPlaybackRate)
    this.#player.configure('streaming.liveSync.maxPlaybackRate', maxPlaybackRate)
  }

  choices(kind: ChoiceKind): readonly Choice[] {
    const player = this.#player
    if (kind === 'quality') {
      const automatic = player.getConfiguration().abr.enabled
      return player.getVideoTracks().map(({ height, bandwidth, active }, id) => ({
        id: String(id),
        label: qualityLabel(height ?? undefined, bandwidth),
        selected: active && !automatic,
      }))
    }
    const tracks = kind === 'audio' ? player.getAudioTracks() : player.getTextTracks()
    return tracks.map(({ label, language, active }, id) => ({
      id: String(id),
      label: label ?? '',
      ...(language !== '' && { language }),
      selected: active,
    }))
  }

  choose(kind: ChoiceKind, id: string | undefined): void {
    const player = this.#player
    if (kind === 'text') {
      player.selectTextTrack(id === undefined ? null : player.getTextTracks()[Number(id)])
    } else if (kind === 'audio') {
      const track = player.getAudioTracks()[Number(id ?? 0)]
      if (track !== undefined) player.selectAudioTrack(track)
    } else {
      const track = id === undefined ? undefined : player.getVideoTracks()[Number(id)]
      player.configure('abr.enabled', track === undefined)
      if (track !== undefined) player.selectVideoTrack(track, true)
    }
  }

  destroy(): void {
    void this.#player.destroy()
  }
}

/** Manifests and segments; nothing goes with requests for licences. */
function markRequests(player: shakaNamespace.Player, mark: MarkRequest): void {
  const { RequestType, AdvancedRequestType } = shaka.net.NetworkingEngine
  player.getNetworkingEngine()?.registerRequestFilter((type, request, { type: detail, stream, segment } = {}) => {
    let object: Parameters<MarkRequest>[1]
    if (type === RequestType.MANIFEST) object = { type: 'm' }
    else if (type !== RequestType.SEGMENT) return
    else if (detail === AdvancedRequestType.INIT_SEGMENT) object = { type: 'i' }
    else {
      const seconds = segment == null ? undefined : segment.getEndTime() - segment.getStartTime()
      object = {
        type: OBJECT_TYPES[stream?.type ?? ''] ?? 'o',
        duration: seconds === undefined ? undefined : Math.round(seconds * 1000),
        bitrate: stream?.bandwidth === undefined ? undefined : Math.round(stream.bandwidth / 1000),
      }
    }
    request.uris = request.uris.map((uri) => mark(uri, object))
  })
}

/** Shaka throws objects with numbers; people get a sentence. */
function describe(error: unknown): Error {
  const { code } = error as { code?: number }
  return new Error(`DASH: error ${code ?? String(error)}`)
}
