/** What a request shows of who it is: `?key=`, `?token=`, or `Authorization` (RFC 6750, RFC 7617). */
import { type Credentials, secretOfQuery } from '../../live/access.ts'
import type { HttpRequest } from './routes.ts'

/** A longer `Authorization` value shows nothing; tokens have up to 5,000 characters. */
const MAX_AUTHORIZATION_LENGTH = 6144

export function credentialsOf(request: HttpRequest): Credentials {
  const key = secretOfQuery(request.query)
  return { ...(key !== undefined && { key }), ...authorization(request.raw.headers.authorization) }
}

function authorization(value: string | undefined): Credentials {
  if (value === undefined || value.length > MAX_AUTHORIZATION_LENGTH) return {}
  const match = /^(bearer|basic) +(\S+) *$/i.exec(value)
  const [, scheme = '', token = ''] = match ?? []
  if (scheme.toLowerCase() === 'bearer') return { bearer: token }
  if (scheme.toLowerCase() !== 'basic') return {}
  const text = Buffer.from(token, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon < 0 ? {} : { basic: { user: text.slice(0, colon), password: text.slice(colon + 1) } }
}
