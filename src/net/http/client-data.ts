/** Where client data (CMCD) and the wish not to be tracked stand in a request; what they say is read elsewhere. */
import type { IncomingHttpHeaders } from 'node:http'
import type { HttpRequest } from './routes.ts'

/** In the order in which they are joined (CTA-5004-B section 3.1). */
const HEADERS = ['cmcd-request', 'cmcd-object', 'cmcd-status', 'cmcd-session'] as const

/** Names in lower case. */
export function isClientDataHeader(name: string): boolean {
  return name.startsWith('cmcd-') && (HEADERS as readonly string[]).includes(name)
}

/** The headers as one text; `undefined`: there is none of them. */
export function clientDataOf(headers: IncomingHttpHeaders): string | undefined {
  let joined: string | undefined
  for (const name of HEADERS) {
    const value = headers[name]
    if (value === undefined) continue
    const text = typeof value === 'string' ? value : value.join(',')
    joined = joined === undefined ? text : `${joined},${text}`
  }
  return joined
}

/** Whether a target has the query argument, as far as that can be told without taking it apart. */
export function hasClientData(target: string): boolean {
  return target.includes('CMCD=')
}

/** `DNT: 1` (Tracking Preference Expression) and `Sec-GPC: 1` (Global Privacy Control). */
export function isOptOut(name: string, value: string): boolean {
  return (name === 'dnt' || name === 'sec-gpc') && value === '1'
}

/** Who asks, as far as a request tells. */
export function peerOf({ raw, remoteAddress }: HttpRequest) {
  return { remoteAddress, userAgent: raw.headers['user-agent'], optedOut: optsOut(raw.headers) }
}

/** Whether a request has one of them. */
export function optsOut(headers: IncomingHttpHeaders): boolean {
  return headers['dnt'] === '1' || headers['sec-gpc'] === '1'
}
