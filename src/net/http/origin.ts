/** The address of this server as a client knows it. */
import { plainAddress } from './client-address.ts'
import type { HttpRequest } from './routes.ts'

/** A name and a port, or an address in brackets and a port. */
const HOST = /^(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/

/** `https://video.example.com:8443`, without a slash at the end: for players that resolve what they are told by another page. */
export function originOf({ raw, secure }: Pick<HttpRequest, 'raw' | 'secure'>): string {
  return `${secure ? 'https' : 'http'}://${hostOf(raw)}`
}

/** Host and port; what is no host name is replaced by the address that was reached. */
export function hostOf(raw: HttpRequest['raw']): string {
  const authority = raw.headers.host ?? raw.headers[':authority']
  if (typeof authority === 'string' && HOST.test(authority)) return authority
  const address = plainAddress(raw.socket.localAddress)
  return `${address.includes(':') ? `[${address}]` : address}:${raw.socket.localPort ?? 80}`
}
