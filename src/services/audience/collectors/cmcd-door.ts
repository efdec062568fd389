/** Where reports of CMCD come in, whichever way HTTP brings them (CTA-5004-B section 3). */
import { PeerError } from '../../../errors.ts'
import { MEDIA_CORS_HEADERS } from '../../../net/http/cors.ts'
import { emptyAnswer } from '../../../net/http/hot-answer.ts'
import { problemBytes, problemOf } from '../../../net/http/problem.ts'
import type { SmallPost } from '../../../net/http/routes.ts'
import { CMCD_BODY_TYPES, cmcdLines } from '../../../playlog/cmcd/message.ts'
import type { PlayReports } from '../../../playlog/play-reports.ts'
import type { Logger } from '../../../protocols/protocol.ts'
import type { AddressLimit } from './address-limit.ts'
import { cmcdReport, type ReportSender } from './cmcd-report.ts'

export interface DoorOptions {
  readonly reports: PlayReports
  readonly limit: AddressLimit
  readonly log: Logger
}

export const CMCD_PATH = '/logs/cmcd'
/** On the answer to a report that was taken. */
export const ACCEPTED_HEADERS = { 'Cache-Control': 'no-store', ...MEDIA_CORS_HEADERS } as const
/** Seconds after which a report that was not taken may come again. */
const RETRY_SECONDS = 10

export class CmcdDoor {
  readonly #options: DoorOptions
  #accepted = emptyAnswer(ACCEPTED_HEADERS)
  #acceptedAt = 0

  constructor(options: DoorOptions) {
    this.#options = options
  }

  /** Resolves when the records are safe. Throws as `cmcdReport` does, rejects as `PlayReports.append`. */
  take(texts: readonly string[] | undefined, sender: ReportSender): Promise<void> {
    const { reports, log } = this.#options
    const { remoteAddress, optedOut } = sender
    const { events, refused, reason } = cmcdReport(texts, sender, reports)
    if (refused > 0) {
      log.counted('ERR_AUDIENCE_REPORT', { remoteAddress, refused, reason }, 'records of a report cannot be read')
    }
    return events.length === 0 ? Promise.resolve() : reports.append(events, optedOut)
  }

  /** For `HttpRoutes.smallPost`: what most reports are. */
  readonly takePost = async (post: SmallPost): Promise<Uint8Array> => {
    try {
      takeTurn(this.#options.limit, post.remoteAddress)
      expectCmcdType(post.contentType)
      await this.take(cmcdLines(textOf(post.body)), post)
      return this.#accept()
    } catch (error) {
      const { status, code } = problemOf(error)
      if (status === 500) throw error
      this.#options.log.counted(code, { remoteAddress: post.remoteAddress, route: CMCD_PATH }, 'a report is refused')
      return problemBytes(error, { ...MEDIA_CORS_HEADERS, ...retryHeaders(status, error) })
    }
  }

  /** With the date of this second. */
  #accept(): Uint8Array {
    const second = Math.floor(Date.now() / 1000)
    if (second !== this.#acceptedAt) {
      this.#accepted = emptyAnswer(ACCEPTED_HEADERS)
      this.#acceptedAt = second
    }
    return this.#accepted
  }
}

/** Too many reports from one address, and when there may be more. */
class RateError extends PeerError {
  readonly seconds: number

  constructor(seconds: number) {
    super('ERR_AUDIENCE_RATE', `too many reports; try again in ${seconds} s`)
    this.seconds = seconds
  }
}

/** Throws PeerError ERR_AUDIENCE_RATE for an address that reports too often. */
export function takeTurn(limit: AddressLimit, remoteAddress: string): void {
  const seconds = limit.take(remoteAddress)
  if (seconds > 0) throw new RateError(seconds)
}

/** When a report that was refused may come again. */
export function retryHeaders(status: number, error: unknown): Readonly<Record<string, string>> {
  if (status !== 429 && status !== 503) return {}
  return { 'Retry-After': String(error instanceof RateError ? error.seconds : RETRY_SECONDS) }
}

/** Throws PeerError ERR_AUDIENCE_MEDIA_TYPE. A body without a type is read as well. */
export function expectCmcdType(contentType = ''): void {
  const type = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  if (type === '' || CMCD_BODY_TYPES.has(type)) return
  throw new PeerError('ERR_AUDIENCE_MEDIA_TYPE', 'expected application/cmcd, text/cmcd or text/plain')
}

function textOf(body: Uint8Array): string {
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8')
}
