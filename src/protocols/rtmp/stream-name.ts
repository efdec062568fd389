/** What a peer calls a stream (application, name, queries) as a path and a key, and back from a URL. */
import { PeerError } from '../../errors.ts'
import { librarySegments } from '../../library/library.ts'
import { secretOfQuery } from '../../live/access.ts'
import { checkPath } from '../../live/path.ts'

/** A stream as a peer named it. */
export interface NamedStream {
  /** Checked. */
  readonly path: string
  /** `?key=` or `?token=` of the name, of the application, or of `tcUrl`; in this order. */
  readonly key: string | undefined
  /** Files of the library that may be meant, likeliest first; `undefined`: it names no file. */
  readonly files?: readonly string[]
}

/** Characters of application, name and tcUrl each; longer ones are refused before any work. */
const MAX_NAME_LENGTH = 2048

/** Endings that a name is tried with, by the prefix before it: `mp4:film` may be `film.mp4`. */
const ENDINGS: Readonly<Record<string, readonly string[]>> = {
  // Players take this ending off, and put nothing before the name.
  '': ['.flv'],
  'flv:': ['.flv'],
  'mp4:': ['.mp4', '.m4v', '.mov', '.f4v'],
  'mp3:': ['.mp3'],
}

/**
 * Application `live` and name `studio?key=secret` are path `live/studio`. Application `vod` and name `mp4:film` are
 * `vod/film.mp4` of the library. Throws PeerError ERR_PATH_INVALID for names that are not text and for paths that break the rule of
 * live/path.ts or of library/library.ts.
 */
export function nameStream(app: string, name: unknown, tcUrl: string): NamedStream {
  if (typeof name !== 'string') throw invalid(`expected the name of a stream as text, found ${typeof name}`)
  if (name.length > MAX_NAME_LENGTH) throw invalid(`expected a name of at most ${MAX_NAME_LENGTH} characters`)
  const [appPath, appQuery] = split(app)
  const [namePath, nameQuery] = split(name)
  const key = keyOf(nameQuery) ?? keyOf(appQuery) ?? keyOf(split(tcUrl)[1])
  const path = joinPath(appPath, namePath)
  if (!isLibraryPath(path)) return { path: checkPath(path), key }
  const files = filesOf(appPath, namePath)
  return { path: files[0] as string, key, files }
}

/** The files that a name may stand for: with and without an ending, percent-encoded as some players leave it, or not. */
function filesOf(appPath: string, namePath: string): readonly string[] {
  const [prefix = ''] = /^(?:flv|mp4|mp3):/.exec(namePath) ?? []
  const path = joinPath(appPath, namePath.slice(prefix.length))
  librarySegments(path)
  const decoded = decode(path)
  const names = decoded !== path && isValidFile(decoded) ? [path, decoded] : [path]
  const endings = ['', ...(ENDINGS[prefix] ?? [])]
  return endings.flatMap((ending) => names.map((name) => `${name}${ending}`))
}

function isValidFile(path: string): boolean {
  try {
    librarySegments(path)
    return true
  } catch {
    return false
  }
}

function isLibraryPath(path: string): boolean {
  return path.startsWith('vod/')
}

function joinPath(app: string, name: string): string {
  return app === '' ? name : `${app}/${name}`
}

/** Checks the application of `connect`, with the same rules. Throws PeerError ERR_PATH_INVALID. */
export function checkApp(app: unknown): string {
  if (typeof app !== 'string') throw invalid(`expected the name of an application as text, found ${typeof app}`)
  if (app.length > MAX_NAME_LENGTH) throw invalid(`expected an application of at most ${MAX_NAME_LENGTH} characters`)
  const [path] = split(app)
  const example = joinPath(path, 'name')
  if (isLibraryPath(example)) librarySegments(example)
  else if (path !== '') checkPath(example)
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
  return secretOfQuery(new URLSearchParams(query))
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
