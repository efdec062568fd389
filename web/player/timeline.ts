/** Where playing is and where it can go: in a film from its beginning to its end, live in what the server keeps. */
import type { Playback, TimeRange } from './playback.ts'

/** This close to the live edge, seconds, is live. */
const LIVE_TOLERANCE = 5
/** Live streams that keep less than this, seconds, have nothing to go back to. */
const MIN_WINDOW = 15
/** The oldest of a live window may be gone by the time it is asked for, seconds. */
const OLDEST_MARGIN = 3

export class Timeline {
  readonly video: HTMLVideoElement
  readonly onDemand: boolean
  readonly #playback: () => Playback | undefined

  constructor(video: HTMLVideoElement, playback: () => Playback | undefined, onDemand: boolean) {
    this.video = video
    this.#playback = playback
    this.onDemand = onDemand
  }

  /** Seconds of the element's clock; `undefined`: there is nowhere to go. */
  range(): TimeRange | undefined {
    const { duration } = this.video
    if (this.onDemand && Number.isFinite(duration) && duration > 0) return { start: 0, end: duration }
    const range = this.#playback()?.seekable()
    if (range === undefined || this.onDemand) return range
    return range.end - range.start >= MIN_WINDOW ? { start: range.start, end: range.end } : undefined
  }

  get position(): number {
    return this.video.currentTime
  }

  /** Seconds behind the live edge; 0 for films. */
  get behind(): number {
    const end = this.onDemand ? undefined : this.#playback()?.seekable()?.end
    return end === undefined ? 0 : Math.max(0, end - this.position)
  }

  get atLive(): boolean {
    return !this.onDemand && this.behind < LIVE_TOLERANCE
  }

  wallClock(time: number): Date | undefined {
    const ms = this.onDemand ? undefined : this.#playback()?.wallClock(time)
    return ms === undefined ? undefined : new Date(ms)
  }

  /** Goes to a time of the element's clock, or to the nearest that there is. */
  seek(time: number): void {
    const range = this.range()
    if (range === undefined) return
    const start = this.onDemand ? range.start : Math.min(range.start + OLDEST_MARGIN, range.end)
    const target = Math.min(range.end, Math.max(start, time))
    this.#playback()?.follow(target > range.end - LIVE_TOLERANCE)
    this.video.currentTime = target
  }

  step(seconds: number): void {
    this.seek(this.position + seconds)
  }

  /** Back to live, and playing. */
  goLive(): void {
    const end = this.#playback()?.seekable()?.end
    if (end === undefined) return
    this.#playback()?.follow(true)
    this.video.currentTime = end
    void this.video.play().catch(() => {})
  }

  /** Called when playing goes on after a pause: a live stream has gone on meanwhile. */
  resumed(): void {
    if (!this.onDemand) this.#playback()?.follow(this.atLive)
  }
}
