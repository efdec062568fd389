/** What a browser or any other HTTP client gets at the address of a stream: the watch page, or an ASX file that leads players here (ASX 3.0). */
import type { ServerResponse } from 'node:http'
import { carriedQuery } from '../../../live/access.ts'
import { checkPath } from '../../../live/path.ts'
import { formatAsx } from '../../../media/manifests/asx/format.ts'
import { hostOf } from '../../../net/http/origin.ts'
import type { HttpRequest } from '../../../net/http/routes.ts'
import type { ServerContext } from '../../protocol.ts'

const SUFFIX = '.asx'
/**
 * Windows Media Player's mark of an address that is a stream whatever it looks like. Others get no ASX file under it: VLC follows the
 * references of one after the other, and would come back to the same file for ever.
 */
const FOR_PLAYERS = 'MSWMExt'
const LIVE = /^\/(?:live|channel)\//
const FILES = /^\/vod\//

/** Adds the routes `/live/NAME`, `/channel/NAME`, `/vod/FILE`, and the same with `.asx`. Returns a function that removes them. */
export function asxRoutes(context: Pick<ServerContext, 'http' | 'hub' | 'library' | 'playlist'>): () => void {
  return context.http.route(async (request, response) => {
    const { method, path } = request
    if ((method !== 'GET' && method !== 'HEAD') || !(LIVE.test(path) || FILES.test(path))) return false
    const asked = path.endsWith(SUFFIX)
    const content = asked ? path.slice(1, -SUFFIX.length) : path.slice(1)
    // Without the suffix the address belongs to whoever knows it: only what exists is answered for.
    if (!asked && (request.query.has(FOR_PLAYERS) || !(await exists(context, content)))) return false
    if (LIVE.test(path)) checkPath(content)
    if (!asked && (request.raw.headers.accept ?? '').includes('text/html')) redirect(response, content)
    else sendAsx(request, response, content)
    return true
  })
}

/** The document for a path: the same content by every way that players know. `query` is what follows the question mark, if anything. */
export function asxFor(
  content: string,
  host: string,
  options: { readonly secure: boolean; readonly query?: string },
): string {
  const path = content.split('/').map(encodeURIComponent).join('/')
  const query = options.query === undefined || options.query === '' ? [] : [options.query]
  const reference = (scheme: string, ...more: readonly string[]) => {
    const all = [...query, ...more]
    return { href: `${scheme}://${host}/${path}${all.length === 0 ? '' : `?${all.join('&')}`}` }
  }
  const http = reference(options.secure ? 'https' : 'http', `${FOR_PLAYERS}=.asf`)
  const references = options.secure ? [http] : [reference('mms'), http]
  return formatAsx({ title: content, items: [{ type: 'entry', references }] })
}

async function exists({ hub, library, playlist }: Pick<ServerContext, 'hub' | 'library' | 'playlist'>, path: string) {
  if (!path.startsWith('vod/')) return hub.find(path) !== undefined || playlist(path) !== undefined
  try {
    const file = await library.open(path)
    await file.close()
    return true
  } catch {
    return false
  }
}

function redirect(response: ServerResponse, content: string): void {
  const path = content.split('/').map(encodeURIComponent).join('/')
  response.writeHead(302, { Location: `/watch/${path}`, Vary: 'Accept', 'Cache-Control': 'no-store' }).end()
}

function sendAsx({ raw, secure, query, method }: HttpRequest, response: ServerResponse, content: string): void {
  const carried = carriedQuery(query)
  const options = { secure, ...(carried !== undefined && { query: carried }) }
  const body = Buffer.from(asxFor(content, hostOf(raw), options), 'utf8')
  response.writeHead(200, {
    'Content-Type': 'video/x-ms-asf',
    'Content-Length': String(body.byteLength),
    'Cache-Control': 'no-store',
    Vary: 'Accept',
    'X-Content-Type-Options': 'nosniff',
  })
  response.end(method === 'HEAD' ? undefined : body)
}
