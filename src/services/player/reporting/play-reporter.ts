/** Tells a collector how playing goes, as CMCD version 2: events in batches, and with requests where playing is by HTTP. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { HeadendError } from '../../../errors.ts'
import type { Packet } from '../../../media/packet.ts'
import { urlWithCmcd } from '../../../playlog/cmcd/request-url.ts'
import { ReportQueue } from '../../../playlog/reporting/report-queue.ts'
import {
  type PlaybackReading,
  type RequestedObject,
  SessionReport,
  type StreamingFormat,
} from '../../../playlog/reporting/session-report.ts'
import { Playout } from './playout.ts'

const TICK_MS = 250
const ANSWER_MS = 10_000
/** The command ends when a collector that does not answer has had this long, milliseconds. */
const LAST_MS = 3000
const FORMATS: Readonly<Record<string, StreamingFormat>> = { '.m3u8': 'h', '.mpd': 'd' }

export interface PlayReporterOptions {
  readonly collector: URL
  /** What is played. */
  readonly url: URL
  /** Seconds behind the encoder, where that is known. */
  readonly delay: () => number | undefined
}

export class PlayReporter {
  readonly #collector: URL
  readonly #delay: () => number | undefined
  readonly #report: SessionReport
  readonly #queue = new ReportQueue()
  readonly #playout = new Playout()
  readonly #timer: NodeJS.Timeout
  readonly #told = new Set<string>()
  #bitrate: number | undefined
  #sending: Promise<void> | undefined

  /** Begins a session; `end` must be called. */
  constructor({ collector, url, delay }: PlayReporterOptions) {
    this.#collector = collector
    this.#delay = delay
    const contentId = contentOf(url)
    const streamType = streamTypeOf(contentId)
    this.#report = new SessionReport({ sessionId: randomUUID(), contentId, ...(streamType && { streamType }) })
    this.#report.setFormat(FORMATS[/\.\w+$/.exec(url.pathname)?.[0].toLowerCase() ?? ''] ?? 'o')
    this.#signal('start')
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
  }

  /** The address with what is told beside a request for it. */
  mark(url: URL, object: RequestedObject): URL {
    if (object.bitrate !== undefined && object.type !== 'a') this.#bitrate = object.bitrate
    return new URL(urlWithCmcd(url.href, this.#report.request(object, this.#reading())))
  }

  add({ dts }: Packet): void {
    this.#playout.add(dts)
    this.#move()
  }

  /** The stream broke a rule. Each is told once. */
  problem(rule: string): void {
    if (this.#told.has(rule)) return
    this.#told.add(rule)
    this.#report.error([rule], Date.now(), this.#reading())
    this.#send()
  }

  /** The stream is over, playing was stopped, or it broke: resolves when the last report is sent, or cannot be. */
  async end(how: 'end' | 'quit' | { readonly error: unknown }): Promise<void> {
    clearInterval(this.#timer)
    if (typeof how === 'object') {
      this.#report.error([codeOf(how.error)], Date.now(), this.#reading())
      this.#signal('fail')
    } else this.#signal(how)
    // The process is about to end: nothing holds it longer than this.
    await Promise.race([this.#sendLast(), sleep(LAST_MS, undefined, { ref: false })])
  }

  #tick(): void {
    this.#move()
    this.#report.tick(Date.now(), this.#reading())
    this.#send()
  }

  #move(): void {
    const signal = this.#playout.tick(performance.now())
    if (signal !== undefined) this.#signal(signal)
  }

  #signal(signal: Parameters<SessionReport['signal']>[0]): void {
    this.#report.signal(signal, Date.now(), this.#reading())
    this.#send()
  }

  #send(): void {
    const now = Date.now()
    this.#queue.add(this.#report.take(), now)
    const body = this.#queue.take(now)
    if (body === undefined) return
    this.#sending = this.#post(body).then(({ status, retryAfter }) => {
      this.#queue.answered(status, Date.now(), retryAfter)
    })
  }

  async #sendLast(): Promise<void> {
    await this.#sending
    const body = this.#queue.takeLast()
    if (body !== undefined) await this.#post(body)
  }

  /** Never rejects: playing goes on without a collector. */
  async #post(body: string): Promise<{ readonly status: number; readonly retryAfter: number }> {
    try {
      const response = await fetch(this.#collector, {
        method: 'POST',
        headers: { 'content-type': 'application/cmcd', 'user-agent': 'Headend' },
        body,
        signal: AbortSignal.timeout(ANSWER_MS),
      })
      await response.body?.cancel()
      const seconds = Number(response.headers.get('retry-after') ?? 0)
      return { status: response.status, retryAfter: seconds > 0 ? seconds * 1000 : 0 }
    } catch {
      return { status: 0, retryAfter: 0 }
    }
  }

  #reading(): PlaybackReading {
    const delay = this.#delay()
    const buffer = Math.round(this.#playout.buffer)
    return {
      position: Math.round(this.#playout.position),
      buffer,
      bitrate: this.#bitrate,
      // What has come is as far behind the encoder as it is, and the playhead behind that.
      latency: delay === undefined ? undefined : Math.round(delay * 1000) + buffer,
    }
  }
}

/** The path, as servers name it: without the manifest or the ending that chooses a format. */
function contentOf({ pathname }: URL): string {
  const path = pathname.slice(1).replace(/\/(?:index\.m3u8|manifest\.mpd)$/, '')
  return path.startsWith('vod/') ? path : path.replace(/\.(?:flv|asf)$/, '')
}

/** As far as paths of this server tell. */
function streamTypeOf(path: string): 'v' | 'l' | undefined {
  if (path.startsWith('vod/')) return 'v'
  return /^(?:live|channel)\//.test(path) ? 'l' : undefined
}

function codeOf(error: unknown): string {
  if (error instanceof HeadendError) return error.code
  return error instanceof Error ? error.name : 'unknown'
}
