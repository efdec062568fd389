/** The licence server over HTTP: `POST /license/clearkey`, `GET /key/aes128/KID` and `GET /license/status`, with problems in the words of the DASH-IF licence model. */
import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { FormatError, HeadendError, PeerError } from '../../errors.ts'
import type { Credentials } from '../../live/access.ts'
import { addressGroup, plainAddress } from '../../net/http/client-address.ts'
import { answerPreflight, MEDIA_CORS_HEADERS } from '../../net/http/cors.ts'
import { credentialsOf } from '../../net/http/credentials.ts'
import { problemOf } from '../../net/http/problem.ts'
import type { HttpRequest } from '../../net/http/routes.ts'
import type { ContentKeys, LicenseOutcome } from '../../packaging/protection/content-keys.ts'
import type { ServerContext } from '../../protocols/protocol.ts'
import { formatLicense, MAX_LICENSE_REQUEST, parseLicenseRequest } from './clear-key-messages.ts'
import type { LicenseOptions } from './options.ts'
import { type Decision, decide } from './policy.ts'
import { isPrivateAddress } from './private-network.ts'
import { RateLimit } from './rate-limit.ts'
import { type LicenseStatus, licenseStatus, refusedStatus, STATUS_PATH } from './status.ts'

export const CLEAR_KEY_PATH = '/license/clearkey'
const AES_128_PATH = /^\/key\/aes128\/([\da-f]{8}-?(?:[\da-f]{4}-?){3}[\da-f]{12})$/i
const PROBLEM = 'https://dashif.org/drm-problems/'

/** Problem types of the DASH-IF licence request model. */
const PROBLEM_TYPES: Readonly<Record<string, string>> = {
  ERR_LICENSE_NEEDED: `${PROBLEM}insufficient-proof-of-authorization`,
  ERR_LICENSE_EXPIRED: `${PROBLEM}insufficient-proof-of-authorization`,
  ERR_LICENSE_REFUSED: `${PROBLEM}not-authorized`,
  ERR_LICENSE_INSECURE: `${PROBLEM}not-authorized`,
}

const OUTCOMES: Readonly<Record<string, LicenseOutcome>> = {
  ERR_LICENSE_RATE: 'limited',
  ERR_LICENSE_REQUEST: 'invalid',
  ERR_HTTP_BODY_TOO_LARGE: 'invalid',
}

type LicenseContext = Pick<ServerContext, 'authorize' | 'protection' | 'log'> & { readonly keys: ContentKeys }

export class LicenseRoutes {
  readonly #context: LicenseContext
  readonly #limits = new RateLimit()
  #options: LicenseOptions

  constructor(context: LicenseContext, options: LicenseOptions) {
    this.#context = context
    this.#options = options
  }

  update(options: LicenseOptions): void {
    this.#options = options
  }

  /** Returns false for paths that are not its own. */
  async handle(request: HttpRequest, response: ServerResponse): Promise<boolean> {
    if (request.path === STATUS_PATH) {
      await this.#sendStatus(request, response)
      return true
    }
    const aes128 = AES_128_PATH.exec(request.path)?.[1]
    if (request.path !== CLEAR_KEY_PATH && aes128 === undefined) return false
    const methods = aes128 === undefined ? ['POST'] : ['GET', 'HEAD']
    if (request.method === 'OPTIONS') {
      answerPreflight(response, [...methods, 'OPTIONS'])
      return true
    }
    let asked: readonly string[] = aes128 === undefined ? [] : [aes128.replaceAll('-', '').toLowerCase()]
    try {
      if (!methods.includes(request.method)) throw wrongMethod(methods)
      const credentials = credentialsOf(request)
      this.#admit(request, credentials)
      let type: 'temporary' | 'persistent-license' = 'temporary'
      if (aes128 === undefined) {
        const read = parseLicenseRequest(await readBody(request))
        asked = read.keyIds.map((id) => Buffer.from(id).toString('hex'))
        type = read.type
      }
      if (type !== 'temporary') throw new PeerError('ERR_LICENSE_REFUSED', 'licences are not given to be kept')
      const { remoteAddress } = request
      const ids = asked.map((id) => Uint8Array.from(Buffer.from(id, 'hex')))
      const decision = await decide(this.#context, ids, { remoteAddress, credentials })
      this.#granted(request, asked, decision)
      if (aes128 === undefined)
        send(request, response, 'application/json', Buffer.from(formatLicense(decision.keys, type)))
      else send(request, response, 'application/octet-stream', Buffer.from(decision.keys[0]?.key ?? []))
    } catch (error) {
      this.#refused(request, asked, error)
      sendProblem(response, error)
    }
    return true
  }

  async #sendStatus(request: HttpRequest, response: ServerResponse): Promise<void> {
    if (request.method !== 'GET' && request.method !== 'HEAD') throw wrongMethod(['GET', 'HEAD'])
    const credentials = credentialsOf(request)
    const { remoteAddress, query } = request
    let status: LicenseStatus = await licenseStatus(this.#context, query.get('path') ?? '', {
      remoteAddress,
      credentials,
    })
    try {
      this.#checkSecure(request)
    } catch (error) {
      if (!(error instanceof HeadendError)) throw error
      status = refusedStatus(status, error)
    }
    send(request, response, 'application/json', Buffer.from(JSON.stringify(status)))
  }

  #checkSecure({ secure, remoteAddress }: HttpRequest): void {
    if (secure || this.#options.insecure || isPrivateAddress(plainAddress(remoteAddress))) return
    throw new PeerError('ERR_LICENSE_INSECURE', 'expected a request over TLS, found one over plain HTTP')
  }

  /** Whoever may not even ask hears it before anything is read. */
  #admit(request: HttpRequest, { key, bearer }: Credentials): void {
    const { remoteAddress, raw } = request
    const { perAddress, perToken } = this.#options
    this.#checkSecure(request)
    const wait = this.#limits.take(`address ${addressGroup(plainAddress(remoteAddress))}`, perAddress)
    const shown = bearer ?? key
    const more = shown === undefined ? 0 : this.#limits.take(`secret ${digestOf(shown)}`, perToken)
    if (Math.max(wait, more) === 0) return
    raw.resume()
    throw new RateError(Math.max(wait, more))
  }

  #granted({ remoteAddress, path }: HttpRequest, asked: readonly string[], { keys, paths, grant }: Decision): void {
    this.#context.keys.count?.('granted')
    const given = keys.map(({ id }) => Buffer.from(id).toString('hex'))
    const withheld = asked.filter((id) => !given.includes(id))
    const holder = grant === undefined ? {} : { grant: grant.tokenId, session: grant.session }
    this.#context.log.info(
      { audit: 'licence', route: path, remoteAddress, paths, given, withheld, ...holder },
      'keys given',
    )
  }

  #refused({ remoteAddress, path }: HttpRequest, asked: readonly string[], error: unknown): void {
    if (!(error instanceof HeadendError)) throw error
    this.#context.keys.count?.(OUTCOMES[error.code] ?? 'refused')
    this.#context.log.counted(
      error.code,
      { audit: 'licence', route: path, remoteAddress, withheld: asked, reason: error.message },
      'keys refused',
    )
  }
}

class RateError extends PeerError {
  readonly seconds: number

  constructor(seconds: number) {
    super('ERR_LICENSE_RATE', `too many requests for keys; try again in ${seconds} s`)
    this.seconds = seconds
  }
}

function digestOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64').slice(0, 22)
}

function wrongMethod(methods: readonly string[]): PeerError {
  return new PeerError('ERR_HTTP_METHOD_UNKNOWN', `expected ${methods.join(' or ')}`)
}

/** Whatever its content type: players send several, or none. */
async function readBody({ raw }: HttpRequest): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let size = 0
  try {
    for await (const piece of raw as AsyncIterable<Uint8Array>) {
      size += piece.byteLength
      if (size > MAX_LICENSE_REQUEST) {
        throw new PeerError('ERR_HTTP_BODY_TOO_LARGE', `expected at most ${MAX_LICENSE_REQUEST} bytes`)
      }
      pieces.push(piece)
    }
  } catch (cause) {
    if (cause instanceof HeadendError) throw cause
    throw new FormatError('ERR_LICENSE_REQUEST', 'the licence request broke off', undefined, { cause })
  }
  return Buffer.concat(pieces)
}

function send({ method }: HttpRequest, response: ServerResponse, type: string, body: Buffer): void {
  response.writeHead(200, {
    'Content-Type': type,
    'Content-Length': String(body.byteLength),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...MEDIA_CORS_HEADERS,
  })
  response.end(method === 'HEAD' ? undefined : body)
}

function sendProblem(response: ServerResponse, error: unknown): void {
  const problem = problemOf(error)
  const type = PROBLEM_TYPES[problem.code]
  const body = Buffer.from(JSON.stringify({ ...(type === undefined ? {} : { type }), ...problem }))
  response.writeHead(problem.status, {
    'Content-Type': 'application/problem+json',
    'Content-Length': String(body.byteLength),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...(error instanceof RateError ? { 'Retry-After': String(error.seconds) } : {}),
    ...(problem.status === 413 ? { Connection: 'close' } : {}),
    ...MEDIA_CORS_HEADERS,
  })
  response.end(body)
}
