/** Picture and sound of one file that are encoded together: who asks for a segment gets it from the cache, or from a run of the encoder. */
import { UnavailableError } from '../../errors.ts'
import type { EncodedKind } from './segment-encoder.ts'
import { type RunSource, SegmentRun } from './segment-run.ts'

/** A run may end just when it is asked, for want of room; more often than this it is not by chance. */
const MAX_ATTEMPTS = 4
/** What could not be made is not tried again for so long, milliseconds: players ask again at once. */
const FAILURE_MS = 3000

export class SegmentLine {
  readonly #source: RunSource
  readonly #runs = new Set<SegmentRun>()
  /** Where the file ended too early. */
  #endsAt = Number.POSITIVE_INFINITY
  readonly #failures = new Map<string, { readonly error: unknown; readonly until: number }>()
  #closed = false

  constructor(source: RunSource) {
    this.#source = source
  }

  /**
   * A segment's bytes, or the decoder configuration of its kind. Throws HeadendError: ERR_TRANSCODE_BUSY, ERR_TRANSCODE_FAILED,
   * ERR_TRANSCODE_ENDED behind the place where a damaged file ends, ERR_TRANSCODE_NO_FFMPEG.
   */
  async get(kind: EncodedKind, what: number | 'config', signal: AbortSignal): Promise<Uint8Array> {
    const { cache, token, path } = this.#source
    const name = this.#source.nameOf(kind, what)
    const index = what === 'config' ? 0 : what
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const known = await cache.read(token, name)
      if (known !== undefined) {
        for (const run of this.#runs) run.follow(index)
        return known
      }
      // It may have been made since.
      if (cache.hasNow(token, name)) continue
      this.#checkFailure(name, index)
      const run = this.#runFor(kind, index)
      try {
        const made = await run.wait(kind, what, signal)
        if (made !== undefined) return made
      } catch (error) {
        if (!signal.aborted) this.#remember(name, error)
        throw error
      }
    }
    throw new UnavailableError('ERR_TRANSCODE_FAILED', `${path} cannot be encoded just now: try again in a moment`)
  }

  /** Ends all runs. */
  close(): void {
    this.#closed = true
    for (const run of this.#runs) run.stop()
  }

  #runFor(kind: EncodedKind, index: number): SegmentRun {
    if (this.#closed) throw new UnavailableError('ERR_TRANSCODE_FAILED', `${this.#source.path} is closed`)
    for (const run of this.#runs) if (run.reaches(kind, index)) return run
    // Who asks went elsewhere; the encoder that was there follows if nobody else watches.
    for (const run of this.#runs) if (!run.followed) run.stop()
    const run = new SegmentRun(this.#source, index)
    this.#runs.add(run)
    void run.over.then(() => {
      this.#runs.delete(run)
      if (run.endedAt !== undefined) this.#endsAt = Math.min(this.#endsAt, run.endedAt)
    })
    return run
  }

  #checkFailure(name: string, index: number): void {
    if (index >= this.#endsAt) {
      throw new UnavailableError('ERR_TRANSCODE_ENDED', `${this.#source.path} cannot be decoded to its end`)
    }
    const failure = this.#failures.get(name)
    if (failure === undefined) return
    if (performance.now() < failure.until) throw failure.error
    this.#failures.delete(name)
  }

  #remember(name: string, error: unknown): void {
    const now = performance.now()
    for (const [old, { until }] of this.#failures) if (until < now) this.#failures.delete(old)
    this.#failures.set(name, { error, until: now + FAILURE_MS })
  }
}
