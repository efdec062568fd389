/** What every way of playing offers to the player element. */

export type PlaybackKind = 'hls' | 'dash' | 'flv' | 'native'

export interface PlaybackEvents {
  /** Playing is over for this playback; the element decides what comes next. `message` is for people. */
  readonly onFatal: (message: string) => void
}

/** One stream being played in one video element. */
export interface Playback {
  readonly kind: PlaybackKind
  /** Seconds between the encoder's clock (or the newest data, where that is all that is known) and the picture. */
  delay(): number | undefined
  /** Bits a second of the stream, measured or declared. */
  bitrate(): number | undefined
  /** Frees everything; the video element can be used again. */
  destroy(): void
}

export interface PlaybackEngine {
  readonly kind: PlaybackKind
  readonly label: string
  /** False where the browser cannot play this kind at all. */
  supported(): boolean
  /** Address of the stream with that path, for example `live/test`. */
  url(path: string): string
  open(video: HTMLVideoElement, url: string, events: PlaybackEvents): Promise<Playback>
}

/** What the server's status means to who watches; `undefined`: nothing in particular. */
export function describeStatus(status: unknown): string | undefined {
  if (status === 404) return 'This stream is not on air.'
  if (status === 406) return 'Browsers do not know the codecs of this stream. Windows Media players and VLC do.'
  return undefined
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
