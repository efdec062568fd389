/** What a Windows Media client shows of who it is, and how it is asked (MS-WMSP 2.2.1.9, 3.2.5.1; MS-WMHTTP 3.2.5.1; RFC 7616, 7617, 6750). */
import { type Credentials, secretOfQuery } from '../../live/access.ts'
import { DigestServer } from '../../net/http/digest.ts'
import type { HeaderLine } from './message-head.ts'
import type { WmRequest } from './request-reader.ts'

const REALM = 'headend'
/** A longer `Authorization` value shows nothing. */
const MAX_AUTHORIZATION_LENGTH = 4096

/** One for all, so that a nonce is good on every connection and its count is good once. */
const digest = new DigestServer({ realm: REALM, now: () => performance.now() })

/** Credentials of a request. */
export interface Shown {
  readonly credentials: Credentials
  /** A Digest answer came with a nonce that is too old: the client is to be asked again, its user is not. */
  readonly stale: boolean
}

/** Takes `?key=`, `?token=`, and `Authorization` of the schemes Digest, Basic and Bearer. What is broken shows nothing. */
export function shownBy(request: WmRequest): Shown {
  const key = secretOfQuery(request.query)
  const shown = authorizationOf(request)
  return { stale: shown.stale, credentials: { ...(key !== undefined && { key }), ...shown.credentials } }
}

/**
 * Headers of a 401: Digest and Basic, in the order of `X-Accept-Authentication` where the client sends it. MD5 comes before SHA-256,
 * because the clients of old take the first Digest they see and know nothing else. NTLM and Negotiate are not offered.
 */
export function challengesFor(request: WmRequest, stale = false): readonly HeaderLine[] {
  const accepted = (request.header('x-accept-authentication') ?? '').toLowerCase().split(',')
  const names = accepted.map((name) => name.trim())
  const schemes = ['digest', 'basic'].filter((scheme) => names.includes(scheme))
  schemes.sort((a, b) => names.indexOf(a) - names.indexOf(b))
  const offered = schemes.length > 0 ? schemes : ['digest', 'basic']
  return offered.flatMap((scheme): HeaderLine[] =>
    scheme === 'basic'
      ? [['WWW-Authenticate', `Basic realm="${REALM}"`]]
      : [
          ['WWW-Authenticate', digest.challenge('MD5', stale)],
          ['WWW-Authenticate', digest.challenge('SHA-256', stale)],
        ],
  )
}

function authorizationOf(request: WmRequest): Shown {
  const value = request.header('authorization')
  if (value === undefined || value.length > MAX_AUTHORIZATION_LENGTH) return NOTHING
  // A gateway between protocols names the method that the client's digest was made with.
  const method = request.header('x-proxy-client-verb') ?? request.method
  const answer = digest.judge(value, method, request.target)
  if (answer !== undefined) {
    if (answer.type !== 'claim') return { credentials: {}, stale: answer.type === 'stale' }
    return { credentials: { proves: answer.proves }, stale: false }
  }
  const [, scheme = '', token = ''] = /^(bearer|basic) +(\S+) *$/i.exec(value) ?? []
  if (scheme.toLowerCase() === 'bearer') return { credentials: { bearer: token }, stale: false }
  if (scheme === '') return NOTHING
  const text = Buffer.from(token, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 0) return NOTHING
  const basic = { user: text.slice(0, colon), password: text.slice(colon + 1) }
  return { credentials: { basic }, stale: false }
}

const NOTHING: Shown = { credentials: {}, stale: false }
