/** Request target to checked path and query (RFC 9112 section 3.2, RFC 3986 section 2). Decodes once and refuses what could mean two things. */
import { PeerError } from '../../errors.ts'

/** Characters of a target. */
export const MAX_TARGET_LENGTH = 8 * 1024
/** Parameters of one query. */
const MAX_QUERY_PARAMETERS = 64

export interface RequestTarget {
  /** Decoded; starts with `/`. No dots-only, empty (but the last) or control-character segment, no backslash. */
  readonly path: string
  readonly query: URLSearchParams
}

/** Throws PeerError ERR_HTTP_TARGET_INVALID. */
export function parseTarget(target: string): RequestTarget {
  if (target.length > MAX_TARGET_LENGTH) throw invalid(`at most ${MAX_TARGET_LENGTH} characters`, target)
  // Absolute form (for proxies), authority form and `*` are not for this server.
  if (!/^\/[!-~]*$/.test(target)) throw invalid('a path of visible ASCII that starts with "/"', target)
  if (target.includes('#')) throw invalid('no fragment', target)
  const mark = target.indexOf('?')
  const path = decodePath(mark < 0 ? target : target.slice(0, mark))
  const search = mark < 0 ? '' : target.slice(mark + 1)
  if (search.split('&', MAX_QUERY_PARAMETERS + 1).length > MAX_QUERY_PARAMETERS) {
    throw invalid(`at most ${MAX_QUERY_PARAMETERS} query parameters`, target)
  }
  return { path, query: new URLSearchParams(search) }
}

function decodePath(encoded: string): string {
  // A separator that hides behind a percent sign would cut the path differently for everybody who decodes later.
  if (/%(2f|5c|00)/i.test(encoded)) throw invalid('no encoded slash, backslash or NUL', encoded)
  let path: string
  try {
    path = decodeURIComponent(encoded)
  } catch (cause) {
    throw invalid('percent-encoded UTF-8', encoded, cause)
  }
  if (/[\p{Cc}\\]/u.test(path)) throw invalid('no control character or backslash', encoded)
  // Encoded twice: somebody hopes that somebody decodes twice.
  if (/%(2e|2f|5c|00|25)/i.test(path)) throw invalid('a path that is encoded once', encoded)
  const segments = path.split('/')
  for (let index = 1; index < segments.length; index++) {
    const segment = segments[index] as string
    if (segment === '' ? index < segments.length - 1 : /^\.+$/.test(segment)) {
      throw invalid('no empty segment and none of dots only', encoded)
    }
  }
  return path
}

function invalid(expected: string, found: string, cause?: unknown): PeerError {
  return new PeerError(
    'ERR_HTTP_TARGET_INVALID',
    `expected a request target with ${expected}, found ${JSON.stringify(found.slice(0, 60))}`,
    { cause },
  )
}
