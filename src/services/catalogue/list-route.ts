/** The list of the library over HTTP: `/library.json?folder=vod/…&search=…&page=…&key=…`. */
import { PeerError } from '../../errors.ts'
import { MEDIA_CORS_HEADERS } from '../../net/http/cors.ts'
import type { HttpHandler } from '../../net/http/routes.ts'
import { credentialsOf, type PlayAccess } from '../../packaging/play-access.ts'
import type { Catalogue } from './catalogue.ts'
import { visiblePaths } from './visibility.ts'

/** Characters of a search. */
const MAX_SEARCH = 100
const MAX_PAGE = 100_000

/** Answers `/library.json`; other paths are not its own. */
export function listRoute(catalogue: Catalogue, access: PlayAccess): HttpHandler {
  return async (request, response) => {
    if (request.path !== '/library.json') return false
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      throw new PeerError('ERR_HTTP_METHOD_UNKNOWN', `expected GET or HEAD, found ${request.method.slice(0, 20)}`)
    }
    const { query, remoteAddress, raw } = request
    const asker = { remoteAddress, credentials: credentialsOf(query, raw.headers.authorization) }
    const list = await catalogue.page({
      folder: query.get('folder') ?? 'vod',
      search: searchOf(query),
      page: pageOf(query),
      visible: (paths) => visiblePaths(access, asker, paths),
    })
    const body = JSON.stringify(list)
    response.writeHead(200, {
      'Content-Type': 'application/json',
      'Content-Length': String(Buffer.byteLength(body)),
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      ...MEDIA_CORS_HEADERS,
    })
    response.end(request.method === 'HEAD' ? undefined : body)
    return true
  }
}

function searchOf(query: URLSearchParams): string {
  const search = query.get('search') ?? ''
  if (search.length > MAX_SEARCH) {
    throw new PeerError('ERR_HTTP_QUERY_INVALID', `expected a search of at most ${MAX_SEARCH} characters`)
  }
  return search
}

function pageOf(query: URLSearchParams): number {
  const text = query.get('page') ?? '1'
  const page = /^\d{1,6}$/.test(text) ? Number(text) : 0
  if (page < 1 || page > MAX_PAGE) {
    throw new PeerError('ERR_HTTP_QUERY_INVALID', `expected a page from 1, found ${JSON.stringify(text.slice(0, 20))}`)
  }
  return page
}
