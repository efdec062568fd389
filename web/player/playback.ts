/** What every way of playing offers to the player element. */
import type { RequestedObject } from '../../src/playlog/reporting/session-report.ts'

export type PlaybackKind = 'hls' | 'dash' | 'flv' | 'native' | 'file'

export interface PlaybackEvents {
  /** Playing is over for this playback; the element decides what comes next. `message` is for people. */
  readonly onFatal: (message: string) => void
  /** The tracks that can be chosen, or those that are chosen, are others now. */
  readonly onTracks: () => void
}

/** What can be chosen while something plays. */
export type ChoiceKind = 'audio' | 'text' | 'quality'

export interface Choice {
  readonly id: string
  /** For people; empty: its language says it. */
  readonly label: string
  /** BCP 47. */
  readonly language?: string
  readonly selected: boolean
}

/** Seconds of the video element's clock. */
export interface TimeRange {
  readonly start: number
  readonly end: number
}

/** One stream or film being played in one video element. */
export interface Playback {
  readonly kind: PlaybackKind
  /** Seconds between the encoder's clock (or the newest data, where that is all that is known) and the picture. */
  delay(): number | undefined
  /** Bits a second of the stream, measured or declared. */
  bitrate(): number | undefined
  /** Bits a second that the network seems to give, where that is measured. */
  throughput?(): number | undefined
  /** Where playing can go: a film, or what is kept of a live stream up to where it is watched live. `undefined`: nowhere. */
  seekable(): TimeRange | undefined
  /** Milliseconds since 1970 of a time of the element's clock, where the stream tells. */
  wallClock(time: number): number | undefined
  /** Whether playing shall keep up with a live stream, or stay where somebody went back to. */
  follow(live: boolean): void
  choices(kind: ChoiceKind): readonly Choice[]
  /** `undefined`: no subtitles, automatic quality. */
  choose(kind: ChoiceKind, id: string | undefined): void
  /** Frees everything; the video element can be used again. */
  destroy(): void
}

/** The address with what is reported beside a request for it. */
export type MarkRequest = (url: string, object: RequestedObject) => string

export interface OpenOptions {
  readonly video: HTMLVideoElement
  readonly url: string
  readonly events: PlaybackEvents
  /** Seconds from the beginning of a film. */
  readonly startTime?: number
  /** Where licences of Clear Key are; left out: it is in the clear. */
  readonly licenseUrl?: string
  /** For each request of media; left out: nothing is reported. */
  readonly mark?: MarkRequest
}

export interface PlaybackEngine {
  readonly kind: PlaybackKind
  readonly label: string
  /** Plays what is protected, too. */
  readonly decrypts?: true
  /** False where the browser cannot play this kind at all, or not this path. */
  supported(path: string): boolean
  /** Address of the stream with that path, for example `live/test`; percent-encoded. */
  url(path: string): string
  open(options: OpenOptions): Promise<Playback>
}

/** Films are on demand: they begin, end and can be paused for as long as one likes. Everything else is live. */
export function isOnDemand(path: string): boolean {
  return path.startsWith('vod/')
}

/** A path as part of an address: names of films may have any character. */
export function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/')
}

/** Loads a classic script once and resolves when it ran. */
export function loadScript(source: string): Promise<void> {
  const known = loading.get(source)
  if (known !== undefined) return known
  const promise = new Promise<void>((resolve, reject) => {
    const script = document.createElement('script')
    script.src = source
    script.onload = () => resolve()
    script.onerror = () => {
      loading.delete(source)
      reject(new Error(`${source} could not be loaded`))
    }
    document.head.append(script)
  })
  loading.set(source, promise)
  return promise
}

const loading = new Map<string, Promise<void>>()

/** Distance from the picture to the newest data in the buffer, seconds. */
export function bufferAhead(video: HTMLVideoElement): number | undefined {
  const { buffered, currentTime } = video
  for (let i = 0; i < buffered.length; i++) {
    if (buffered.start(i) <= currentTime + 0.1 && currentTime <= buffered.end(i)) return buffered.end(i) - currentTime
  }
  return buffered.length === 0 ? undefined : 0
}

/** True where Media Source Extensions (or the managed form of iPhones) exist. */
export function hasMediaSource(): boolean {
  return 'MediaSource' in window || 'ManagedMediaSource' in window
}
