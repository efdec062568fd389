/** Sends reports to a collector by fetch, also while the page goes away. No cookies, no logins, no referrer. */
import { ReportQueue } from '../../../src/playlog/reporting/report-queue.ts'

const BODY_TYPE = 'application/cmcd'
/** A request with this one needs no preflight, for which a page that goes away has no time. */
const SIMPLE_TYPE = 'text/plain;charset=UTF-8'
const ANSWER_MS = 15_000

export class ReportSender {
  readonly #url: URL
  readonly #queue = new ReportQueue()
  #timer: number | undefined

  constructor(url: URL) {
    this.#url = url
  }

  send(records: readonly string[]): void {
    this.#queue.add(records, Date.now())
    this.#schedule()
  }

  /** The page goes, or may go: what waits is sent now, and what comes of it is not waited for. */
  leave(): void {
    const body = this.#queue.takeLast()
    this.#schedule()
    if (body === undefined) return
    const type = this.#url.origin === location.origin ? BODY_TYPE : SIMPLE_TYPE
    // Browsers without keepalive would end the request with the page.
    if ('keepalive' in Request.prototype) void this.#post(body, type, {}).catch(() => undefined)
    else navigator.sendBeacon(this.#url, new Blob([body], { type }))
  }

  #schedule(): void {
    window.clearTimeout(this.#timer)
    const at = this.#queue.nextAt
    if (at === undefined) return
    this.#timer = window.setTimeout(() => void this.#sendNext(), Math.max(0, at - Date.now()))
  }

  async #sendNext(): Promise<void> {
    const body = this.#queue.take(Date.now())
    if (body !== undefined) {
      const answer = await this.#post(body, BODY_TYPE, { signal: AbortSignal.timeout(ANSWER_MS) }).catch(
        () => undefined,
      )
      const seconds = Number(answer?.headers.get('Retry-After') ?? 0)
      this.#queue.answered(answer?.status ?? 0, Date.now(), seconds > 0 ? seconds * 1000 : 0)
    }
    this.#schedule()
  }

  #post(body: string, type: string, options: RequestInit): Promise<Response> {
    return fetch(this.#url, {
      method: 'POST',
      headers: { 'Content-Type': type },
      body,
      // A report that is on its way when the page goes arrives all the same.
      keepalive: true,
      credentials: 'omit',
      referrerPolicy: 'no-referrer',
      cache: 'no-store',
      ...options,
    })
  }
}
