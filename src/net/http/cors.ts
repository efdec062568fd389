/** The one cross-origin policy: everybody may read media, nobody's cookies or logins are ever used for it (Fetch standard, CORS protocol). */
import type { IncomingMessage, ServerResponse } from 'node:http'

/** On every answer that web pages of other sites may read. A wildcard never covers credentials. */
export const MEDIA_CORS_HEADERS = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers':
    'Content-Length, Content-Range, Date, ETag, Location, Link, Age, CMSD-Static, CMSD-Dynamic',
} as const

/** Seconds a browser may remember a preflight's answer; browsers cap it at two hours or less. */
const MAX_AGE = 7200

/** Is this a CORS preflight? */
export function isPreflight(request: IncomingMessage): boolean {
  return request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined
}

/** Answers a preflight. `methods` is what the path understands. */
export function answerPreflight(
  response: ServerResponse,
  methods: readonly string[] = ['GET', 'HEAD', 'OPTIONS'],
): void {
  response.writeHead(204, {
    'Access-Control-Allow-Origin': '*',
    'Access-Control-Allow-Methods': methods.join(', '),
    'Access-Control-Allow-Headers':
      'Authorization, CMCD-Object, CMCD-Request, CMCD-Session, CMCD-Status, Content-Type, If-Match, If-None-Match, Range',
    'Access-Control-Max-Age': String(MAX_AGE),
  })
  response.end()
}
