/** Reports on their way to a collector: in batches, again when nobody took them, and no more than fit (CTA-5004-B, event mode). Owns neither clock nor network. */

/** Records that wait; the oldest leave first. */
export const MAX_WAITING = 500
/** Bytes of what a browser sends for a page that is gone (Fetch standard, keepalive: 64 KiB for all that is on its way). */
export const MAX_LEAVING_BYTES = 60_000
const BATCH = 20
const MAX_BATCH = 100
/** A batch waits for more records for so long. */
const GATHER_MS = 500
const FIRST_RETRY_MS = 1000
const MAX_RETRY_MS = 60_000
const MAX_RETRY_AFTER_MS = 600_000

/** Nobody takes reports there: 410 says so, the others say that there is no collector, or none for us. */
const SILENCING: ReadonlySet<number> = new Set([401, 403, 404, 405, 410])
/** Besides 5xx, and 0 for no answer. */
const RETRIED: ReadonlySet<number> = new Set([0, 408, 425, 429])

export class ReportQueue {
  readonly #random: () => number
  #waiting: string[] = []
  #sent: string[] = []
  #sending = false
  #batch = BATCH
  #failures = 0
  #notBefore: number | undefined
  #dropped = 0
  #silent = false

  /** `random`: from 0 up to 1, so that players that failed together do not come back together. */
  constructor(random: () => number = Math.random) {
    this.#random = random
  }

  /** Records that no collector got, and none will. */
  get dropped(): number {
    return this.#dropped
  }

  /** The collector wants no more. */
  get silent(): boolean {
    return this.#silent
  }

  /** When to ask `take` again; `undefined`: after the next record or answer. */
  get nextAt(): number | undefined {
    return this.#sending || this.#waiting.length + this.#sent.length === 0 ? undefined : this.#notBefore
  }

  add(records: readonly string[], now: number): void {
    if (records.length === 0) return
    if (this.#silent) {
      this.#dropped += records.length
      return
    }
    this.#notBefore ??= now + GATHER_MS
    this.#waiting.push(...records)
    const excess = this.#waiting.length - MAX_WAITING
    if (excess <= 0) return
    this.#waiting.splice(0, excess)
    this.#dropped += excess
  }

  /** A body to send; its answer goes to `answered` before there is another one. `undefined`: nothing yet. */
  take(now: number): string | undefined {
    const at = this.nextAt
    if (at === undefined || now < at) return undefined
    this.#sending = true
    // What was sent before goes again as it was, and with the same numbers: a collector knows it again.
    if (this.#sent.length === 0) this.#sent = this.#waiting.splice(0, this.#batch)
    return this.#sent.join('\n')
  }

  /** `status`: of HTTP, 0 when there was no answer. `retryAfterMs`: as the collector asks. */
  answered(status: number, now: number, retryAfterMs = 0): void {
    this.#sending = false
    if (SILENCING.has(status)) {
      this.#silent = true
      this.#dropped += this.#sent.length + this.#waiting.length
      this.#sent = []
      this.#waiting = []
      return
    }
    if (RETRIED.has(status) || status >= 500) {
      if (status === 429) this.#batch = Math.min(MAX_BATCH, this.#batch * 2)
      const delay = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(this.#failures++, 10))
      const asked = Math.min(MAX_RETRY_AFTER_MS, retryAfterMs)
      this.#notBefore = now + Math.max(asked, delay / 2 + (delay / 2) * this.#random())
      return
    }
    this.#failures = 0
    if (status < 200 || status >= 300) this.#dropped += this.#sent.length
    this.#sent = []
    this.#notBefore = this.#waiting.length > 0 ? now : undefined
  }

  /** All that may still be sent when the page goes, in one body of at most `MAX_LEAVING_BYTES`; `undefined`: nothing. The newest stay. */
  takeLast(): string | undefined {
    // A batch that is on its way goes on without the page.
    const all = this.#sending ? this.#waiting : [...this.#sent, ...this.#waiting]
    this.#waiting = []
    if (!this.#sending) this.#sent = []
    let length = 0
    let first = all.length
    while (first > 0 && length + (all[first - 1]?.length ?? 0) + 1 <= MAX_LEAVING_BYTES) {
      length += (all[--first]?.length ?? 0) + 1
    }
    this.#dropped += first
    return first === all.length ? undefined : all.slice(first).join('\n')
  }
}
