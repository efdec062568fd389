/** Asks an outside key server for content keys: SPEKE 2.0 and 2.1 over HTTPS. Neither keys nor credentials are in anything it throws. */
import type { KeyObject } from 'node:crypto'
import { ConfigError, PeerError, UnavailableError } from '../../errors.ts'
import { formatCpix } from '../../media/manifests/cpix/format.ts'
import type { CpixDocument } from '../../media/manifests/cpix/model.ts'
import { parseCpix } from '../../media/manifests/cpix/parse.ts'
import type { ContentKey } from '../../packaging/protection/segment-encryptor.ts'
import { openCpixKeys } from './cpix-secrets.ts'
import { checkSpekeReply, type SpekeContract, type SpekeVersion, spekeRequest } from './speke-document.ts'

const TIMEOUT_MS = 10_000
/** As large as a CPIX document may be. */
const MAX_REPLY_BYTES = 4 * 1024 * 1024
/** Of an error's text; more is not told. */
const MAX_MESSAGE = 200
/** The last part of the address of the one method there is. */
const METHOD = 'copyProtection'
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/

/** A key server, and what it wants to see. */
export interface SpekeServer {
  /** Ends with `/copyProtection`, as a rule. HTTPS, or HTTP on this machine. */
  readonly url: string
  readonly credentials?: SpekeCredentials
  /** Of the certificate that requests have, where keys come encrypted. */
  readonly privateKey?: KeyObject
  /** Default 10,000. */
  readonly timeoutMs?: number
}

/** Shown with each request (RFC 6750, RFC 7617). */
export type SpekeCredentials =
  | { readonly kind: 'bearer'; readonly token: string }
  | { readonly kind: 'basic'; readonly user: string; readonly password: string }

/** What the key server gave. */
export interface SpekeKeys {
  /** With the signalling of the systems; its keys are in the form they came in. */
  readonly document: CpixDocument
  /** By key id, as UUID in lower case. */
  readonly keys: ReadonlyMap<string, ContentKey>
}

/**
 * Asks once. Throws ConfigError ERR_SPEKE_URL, ERR_SPEKE_CREDENTIALS and ERR_SPEKE_CONTRACT before anything is sent, PeerError ERR_SPEKE_REFUSED for
 * credentials that are not accepted, ERR_SPEKE_REJECTED for a request the server does not take (status 4xx), ERR_SPEKE_REPLY for an answer that is not
 * what was asked for, UnavailableError ERR_SPEKE_UNAVAILABLE when there is no answer in time or the server fails, and what `parseCpix` and `openCpixKeys`
 * throw.
 */
export async function requestSpekeKeys(
  server: SpekeServer,
  contract: SpekeContract,
  signal?: AbortSignal,
): Promise<SpekeKeys> {
  const request = spekeRequest(contract)
  const text = await exchange(server, addressOf(server.url), contract.version, formatCpix(request), signal)
  const document = parseCpix(text)
  checkSpekeReply(request, document)
  return { document, keys: openCpixKeys(document, server.privateKey) }
}

/** What the server says of itself. Throws like `requestSpekeKeys`. */
export async function spekeHeartbeat(
  server: SpekeServer,
  version: SpekeVersion,
  signal?: AbortSignal,
): Promise<string> {
  const address = addressOf(server.url)
  address.pathname = address.pathname.replace(new RegExp(`${METHOD}/?$`), '').replace(/\/?$/, '/heartbeat')
  return messageOf(await exchange(server, address, version, undefined, signal))
}

function addressOf(url: string): URL {
  const address = URL.canParse(url) ? new URL(url) : undefined
  const isSafe = address?.protocol === 'https:' || (address?.protocol === 'http:' && LOOPBACK.test(address.hostname))
  if (address === undefined || !isSafe || address.username !== '' || address.password !== '') {
    // The address itself is not told: it may have the password in it.
    throw new ConfigError(
      'ERR_SPEKE_URL',
      'expected an https address of a key server without a password in it, or http on this machine, found another',
    )
  }
  return address
}

function headersOf({ credentials }: SpekeServer, version: SpekeVersion, hasBody: boolean): Record<string, string> {
  return {
    ...(hasBody ? { 'content-type': 'application/xml' } : {}),
    'x-speke-version': version,
    ...(credentials === undefined ? {} : { authorization: authorization(credentials) }),
  }
}

function authorization(credentials: SpekeCredentials): string {
  if (credentials.kind === 'bearer') {
    if (/^[\x21-\x7e]+$/.test(credentials.token)) return `Bearer ${credentials.token}`
  } else if (credentials.user !== '' && !/[:\p{Cc}]/u.test(credentials.user) && !/\p{Cc}/u.test(credentials.password)) {
    return `Basic ${Buffer.from(`${credentials.user}:${credentials.password}`).toString('base64')}`
  }
  throw new ConfigError(
    'ERR_SPEKE_CREDENTIALS',
    'expected a bearer token of visible characters, or a user without a colon and a password, found another',
  )
}

async function exchange(
  server: SpekeServer,
  address: URL,
  version: SpekeVersion,
  body: string | undefined,
  signal: AbortSignal | undefined,
): Promise<string> {
  const headers = headersOf(server, version, body !== undefined)
  const limit = AbortSignal.timeout(server.timeoutMs ?? TIMEOUT_MS)
  let response: Response
  let text: string
  try {
    response = await fetch(address, {
      method: body === undefined ? 'GET' : 'POST',
      redirect: 'manual',
      headers,
      ...(body === undefined ? {} : { body }),
      signal: signal === undefined ? limit : AbortSignal.any([limit, signal]),
    })
    text = await readText(response)
  } catch (cause) {
    if (cause instanceof PeerError) throw cause
    const reason = limit.aborted ? 'found no answer in time' : 'found none that could be reached'
    throw new UnavailableError(
      'ERR_SPEKE_UNAVAILABLE',
      `expected an answer of the key server ${address.host}, ${reason}`,
      {
        cause,
      },
    )
  }
  checkStatus(response, text, address.host)
  const echoed = response.headers.get('x-speke-version')
  if (echoed !== null && echoed.trim() !== version) {
    throw new PeerError('ERR_SPEKE_REPLY', `expected SPEKE ${version} of the key server, found another version`)
  }
  return text
}

function checkStatus({ status }: Response, text: string, host: string): void {
  if (status === 200) return
  const said = messageOf(text)
  const found = `status ${status}${said === '' ? '' : `: ${said}`}`
  if (status === 401 || status === 403) {
    throw new PeerError(
      'ERR_SPEKE_REFUSED',
      `expected the key server ${host} to accept the credentials, found ${found}`,
    )
  }
  if (status >= 300 && status < 400) {
    throw new PeerError('ERR_SPEKE_REPLY', `expected an answer of the key server ${host} itself, found a redirect`)
  }
  if (status >= 400 && status < 500) {
    throw new PeerError('ERR_SPEKE_REJECTED', `expected the key server ${host} to take the request, found ${found}`)
  }
  throw new UnavailableError('ERR_SPEKE_UNAVAILABLE', `expected keys of the key server ${host}, found ${found}`)
}

/** Text of an answer for people: one line, without documents and without what could be a key. */
function messageOf(text: string): string {
  if (text.includes('<')) return ''
  return text
    .replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .replaceAll(/[A-Za-z0-9+/_=]{20,}/g, '…')
    .trim()
    .slice(0, MAX_MESSAGE)
}

async function readText(response: Response): Promise<string> {
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of response.body ?? []) {
    size += piece.byteLength
    if (size > MAX_REPLY_BYTES) {
      throw new PeerError('ERR_SPEKE_REPLY', `expected an answer of at most ${MAX_REPLY_BYTES} bytes, found more`)
    }
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString('utf8')
}
