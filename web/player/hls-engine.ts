/** HLS by hls.js: low-latency for live streams, with all tracks for films. */
import type HlsClass from 'hls.js'
import { clearKeyLicenses } from './hls-keys.ts'
import { hlsLoaders } from './hls-loaders.ts'
import { qualityLabel } from './labels.ts'
import {
  type Choice,
  type ChoiceKind,
  encodePath,
  hasMediaSource,
  loadScript,
  type OpenOptions,
  type Playback,
  type PlaybackEngine,
  type TimeRange,
} from './playback.ts'

declare const Hls: typeof HlsClass

/** Media errors are often cured by a fresh decoder; more than this many in one playback are not. */
const MAX_RECOVERIES = 2

export const hlsEngine: PlaybackEngine = {
  kind: 'hls',
  label: 'HLS',
  decrypts: true,
  supported: hasMediaSource,
  url: (path) => `/${encodePath(path)}/index.m3u8`,
  async open({ video, url, events, startTime, licenseUrl, mark }: OpenOptions): Promise<Playback> {
    await loadScript('/assets/vendor/hls.js')
    const hls: HlsClass = new Hls({
      lowLatencyMode: true,
      backBufferLength: 30,
      ...(startTime !== undefined && { startPosition: startTime }),
      ...(licenseUrl !== undefined && clearKeyLicenses(licenseUrl)),
      ...(mark !== undefined && hlsLoaders(Hls.DefaultConfig, { mark, player: () => hls })),
    })
    let recoveries = 0
    hls.on(Hls.Events.ERROR, (_event, data) => {
      if (!data.fatal) return
      if (data.type === Hls.ErrorTypes.MEDIA_ERROR && recoveries++ < MAX_RECOVERIES) hls.recoverMediaError()
      else events.onFatal(`HLS: ${data.details}`)
    })
    for (const event of [
      Hls.Events.MANIFEST_PARSED,
      Hls.Events.AUDIO_TRACKS_UPDATED,
      Hls.Events.AUDIO_TRACK_SWITCHED,
      Hls.Events.SUBTITLE_TRACKS_UPDATED,
      Hls.Events.SUBTITLE_TRACK_SWITCH,
      Hls.Events.LEVEL_SWITCHED,
    ]) {
      hls.on(event, () => events.onTracks())
    }
    hls.loadSource(url)
    hls.attachMedia(video)
    return new HlsPlayback(hls, video)
  },
}

class HlsPlayback implements Playback {
  readonly kind = 'hls'
  readonly #hls: HlsClass
  readonly #video: HTMLVideoElement

  constructor(hls: HlsClass, video: HTMLVideoElement) {
    this.#hls = hls
    this.#video = video
  }

  delay(): number | undefined {
    return this.#hls.latestLevelDetails?.live === true && this.#hls.latency > 0 ? this.#hls.latency : undefined
  }

  bitrate(): number | undefined {
    return this.#hls.levels[this.#hls.currentLevel]?.bitrate
  }

  throughput(): number | undefined {
    return this.#hls.bandwidthEstimate || undefined
  }

  seekable(): TimeRange | undefined {
    const details = this.#hls.latestLevelDetails
    if (details === null) return undefined
    const start = details.fragmentStart
    if (!details.live) return { start, end: Math.max(details.edge, this.#video.duration || 0) }
    return { start, end: this.#hls.liveSyncPosition ?? details.edge }
  }

  wallClock(time: number): number | undefined {
    const dated = this.#hls.latestLevelDetails?.fragments.findLast(
      ({ programDateTime, start }, at) => programDateTime !== null && (start <= time || at === 0),
    )
    const date = dated?.programDateTime ?? undefined
    return dated === undefined || date === undefined ? undefined : date + (time - dated.start) * 1000
  }

  follow(): void {
    // hls.js goes on at normal speed from wherever it is.
  }

  choices(kind: ChoiceKind): readonly Choice[] {
    const hls = this.#hls
    if (kind === 'quality') {
      const manual = hls.autoLevelEnabled ? -1 : hls.loadLevel
      return hls.levels.map(({ height, bitrate }, id) => ({
        id: String(id),
        label: qualityLabel(height, bitrate),
        selected: id === manual,
      }))
    }
    const tracks = kind === 'audio' ? hls.audioTracks : hls.subtitleTracks
    const selected = kind === 'audio' ? hls.audioTrack : hls.subtitleTrack
    return tracks.map(({ name, lang }, id) => ({
      id: String(id),
      label: name,
      ...(lang !== undefined && { language: lang }),
      selected: id === selected,
    }))
  }

  choose(kind: ChoiceKind, id: string | undefined): void {
    const hls = this.#hls
    const index = id === undefined ? -1 : Number(id)
    if (kind === 'quality') hls.nextLevel = index
    else if (kind === 'audio') hls.audioTrack = Math.max(0, index)
    else {
      hls.subtitleDisplay = index >= 0
      hls.subtitleTrack = index
    }
  }

  destroy(): void {
    this.#hls.destroy()
  }
}
