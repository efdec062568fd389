/** The doors for reports over HTTP: `/logs/cmcd` (CTA-5004-B sections 2 and 3) and `/logs/wms` (MS-WMLOG 2.3). */
import type { ServerResponse } from 'node:http'
import { PeerError } from '../../../errors.ts'
import { optsOut, peerOf } from '../../../net/http/client-data.ts'
import { answerPreflight, MEDIA_CORS_HEADERS } from '../../../net/http/cors.ts'
import { problemOf, sendProblem } from '../../../net/http/problem.ts'
import type { HttpRequest } from '../../../net/http/routes.ts'
import { cmcdLines } from '../../../playlog/cmcd/message.ts'
import { WEB_LOG_PAGE, WEB_LOG_PAGE_CONTENT_TYPE } from '../../../playlog/weblog.ts'
import { MAX_WMLOG_LENGTH } from '../../../playlog/wmlog-value.ts'
import {
  ACCEPTED_HEADERS,
  CMCD_PATH,
  CmcdDoor,
  type DoorOptions,
  expectCmcdType,
  retryHeaders,
  takeTurn,
} from './cmcd-door.ts'
import { textsOfRequest } from './cmcd-report.ts'
import { readBody } from './read-body.ts'
import { wmsReport } from './wms-report.ts'

export const WMS_PATH = '/logs/wms'

/** Bytes of one body of events. */
const MAX_CMCD_BODY = 256 * 1024
/** Bytes of a body that is refused and read all the same, so that its sender hears why. */
const MAX_THROWN_AWAY = 4 * 1024 * 1024
const WMS_PAGE = Buffer.from(WEB_LOG_PAGE)

export class LogRoutes {
  readonly #options: DoorOptions
  readonly #door: CmcdDoor

  constructor(options: DoorOptions, door: CmcdDoor) {
    this.#options = options
    this.#door = door
  }

  /** Returns false for paths that are not its own. */
  async handle(request: HttpRequest, response: ServerResponse): Promise<boolean> {
    const { path, method } = request
    if (path !== CMCD_PATH && path !== WMS_PATH) return false
    if (method === 'OPTIONS') {
      answerPreflight(response, ['GET', 'POST', 'OPTIONS'])
      return true
    }
    try {
      if (method !== 'GET' && method !== 'POST') {
        throw new PeerError('ERR_HTTP_METHOD_UNKNOWN', `expected GET or POST, found ${method.slice(0, 20)}`)
      }
      takeTurn(this.#options.limit, request.remoteAddress)
      if (path === CMCD_PATH) await this.#takeCmcd(request, response)
      else await this.#takeWms(request, response)
    } catch (error) {
      this.#refuse(request, response, error)
    }
    return true
  }

  async #takeCmcd(request: HttpRequest, response: ServerResponse): Promise<void> {
    const texts = request.method === 'GET' ? textsOfRequest(request.raw) : cmcdLines(await this.#readCmcd(request))
    await this.#door.take(texts, peerOf(request))
    response.writeHead(204, ACCEPTED_HEADERS)
    response.end()
  }

  async #readCmcd({ raw }: HttpRequest): Promise<string> {
    expectCmcdType(raw.headers['content-type'])
    expectPlain(raw.headers['content-encoding'])
    return (await readBody(raw, MAX_CMCD_BODY)).toString('utf8')
  }

  async #takeWms(request: HttpRequest, response: ServerResponse): Promise<void> {
    const { raw } = request
    if (request.method === 'GET') {
      // Players look for this page before they post anything.
      response.writeHead(200, {
        'Content-Type': WEB_LOG_PAGE_CONTENT_TYPE,
        'Content-Length': String(WMS_PAGE.byteLength),
        'Cache-Control': 'no-store',
        'X-Content-Type-Options': 'nosniff',
        ...MEDIA_CORS_HEADERS,
      })
      response.end(WMS_PAGE)
      return
    }
    expectPlain(raw.headers['content-encoding'])
    const log = wmsReport(await readBody(raw, MAX_WMLOG_LENGTH), request.remoteAddress)
    await this.#options.reports.appendLog(log, optsOut(raw.headers))
    response.writeHead(200, { 'Content-Length': '0', 'Cache-Control': 'no-store', ...MEDIA_CORS_HEADERS })
    response.end()
  }

  #refuse({ raw, remoteAddress, path }: HttpRequest, response: ServerResponse, error: unknown): void {
    const { status, code } = problemOf(error)
    if (status === 500) throw error
    this.#options.log.counted(code, { remoteAddress, route: path }, 'a report is refused')
    // What is left of a body is thrown away; of one that is longer, or says no length, with its connection.
    const isShort = raw.complete || Number(raw.headers['content-length'] ?? Number.NaN) <= MAX_THROWN_AWAY
    if (isShort) raw.resume()
    sendProblem(response, error, {
      ...(status === 405 ? { Allow: 'GET, POST, OPTIONS' } : {}),
      ...retryHeaders(status, error),
      ...(isShort || raw.httpVersionMajor > 1 ? {} : { Connection: 'close' }),
    })
  }
}

/** Nothing is unpacked: a few bytes could be many. */
function expectPlain(encoding: string | undefined): void {
  if (encoding === undefined || encoding.toLowerCase() === 'identity') return
  throw new PeerError('ERR_AUDIENCE_MEDIA_TYPE', 'expected a report without content coding')
}
