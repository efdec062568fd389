/** What a peer calls a stream (application, name, queries) as a path and a key, and back from a URL. */
import { PeerError } from '../../errors.ts'
import { checkPath } from '../../live/path.ts'

/** A stream as a peer named it. */
export interface NamedStream {
  /** Checked. */
  readonly path: string
  /** `?key=` of the name, of the application, or of `tcUrl`; in this order. */
  readonly key: string | undefined
}

/** Characters of application, name and tcUrl each; longer ones are refused before any work. */
const MAX_NAME_LENGTH = 2048

/**
 * Application `live` and name `studio?key=secret` are path `live/studio`. Throws PeerError ERR_PATH_INVALID for names that are not
 * text and for paths that break the rule of live/path.ts.
 */
export function nameStream(app: string, name: unknown, tcUrl: string): NamedStream {
  if (typeof name !== 'string') throw invalid(`expected the name of a stream as text, found ${typeof name}`)
  if (name.length > MAX_NAME_LENGTH) throw invalid(`expected a name of at most ${MAX_NAME_LENGTH} characters`)
  const [appPath, appQuery] = split(app)
  const [namePath, nameQuery] = split(name)
  const path = appPath === '' ? namePath : `${appPath}/${namePath}`
  return { path: checkPath(path), key: keyOf(nameQuery) ?? keyOf(appQuery) ?? keyOf(split(tcUrl)[1]) }
}

/** Checks the application of `connect`, with the same rule. Throws PeerError ERR_PATH_INVALID. */
export function checkApp(app: unknown): string {
  if (typeof app !== 'string') throw invalid(`expected the name of an application as text, found ${typeof app}`)
  if (app.length > MAX_NAME_LENGTH) throw invalid(`expected an application of at most ${MAX_NAME_LENGTH} characters`)
  const [path] = split(app)
  if (path !== '') checkPath(`${path}/name`)
  return app
}

/** An rtmp URL as a client says it. The last segment is the name, with the query; what is before is the application. */
export function splitRtmpUrl(url: URL): { app: string; name: string; tcUrl: string } {
  const path = url.pathname.replace(/^\/+/, '')
  const slash = path.lastIndexOf('/')
  if (slash < 1 || slash === path.length - 1) {
    throw new PeerError(
      'ERR_RTMP_URL',
      `expected ${url.protocol}//HOST/APP/NAME, found path ${JSON.stringify(url.pathname)}`,
    )
  }
  const app = decode(path.slice(0, slash))
  return { app, name: `${decode(path.slice(slash + 1))}${url.search}`, tcUrl: `${url.protocol}//${url.host}/${app}` }
}

/** Text before and after the first question mark, without slashes at the ends of what is before. */
function split(text: string): [string, string] {
  const mark = text.indexOf('?')
  const path = mark < 0 ? text : text.slice(0, mark)
  return [path.replace(/^\/|\/$/g, ''), mark < 0 ? '' : text.slice(mark + 1)]
}

function keyOf(query: string): string | undefined {
  if (query === '') return undefined
  return new URLSearchParams(query).get('key') ?? undefined
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // Not percent-encoded: taken as it stands.
    return text
  }
}

function invalid(message: string): PeerError {
  return new PeerError('ERR_PATH_INVALID', message)
}
