/** Which stream or file an address is of: the paths of viewers in the addresses that players fetch and report. */

/** What is played here: the first segment says so, and none is empty. */
const PLAYED = /^(?:live|channel|vod)(?:\/[^/]+)+$/
/** Playlists, manifests and media of HLS and DASH: their folder is the path. */
const PACKAGED = /^(?:index\.m3u8|manifest\.mpd|(?:video|audio|text)-\d[^/]{0,80}\.(?:m3u8|mp4|m4s|vtt))$/
/** Endings that are no part of the path of a live stream. */
const LIVE_ENDING = /\.(?:flv|asx|wvx|wax)$/
/** A file of the library as FLV: its own ending is a part of its name. */
const FILE_AS_FLV = /(\.\w{2,5})\.flv$/

/** What is known of an address. */
export interface MediaPath {
  readonly path: string
  /** As far as the name tells. */
  readonly protocol: string | undefined
}

/** `target`: path and query of a request, or an address. `undefined`: nothing that is played here. */
export function mediaPathOf(target: string): MediaPath | undefined {
  const pathname = target.startsWith('/') ? target.split('?', 1)[0] : pathnameOf(target)
  const whole = pathname === undefined ? undefined : decodePath(pathname)?.slice(1)
  if (whole === undefined || !PLAYED.test(whole)) return undefined
  const slash = whole.lastIndexOf('/')
  const folder = whole.slice(0, slash)
  const file = whole.slice(slash + 1)
  if (PACKAGED.test(file) && PLAYED.test(folder)) return { path: folder, protocol: protocolOf(file) }
  const path = whole.startsWith('vod/') ? whole.replace(FILE_AS_FLV, '$1') : whole.replace(LIVE_ENDING, '')
  return PLAYED.test(path) ? { path, protocol: file.endsWith('.flv') ? 'http-flv' : undefined } : undefined
}

function protocolOf(file: string): string | undefined {
  if (file.endsWith('.m3u8')) return 'hls'
  return file.endsWith('.mpd') ? 'dash' : undefined
}

function pathnameOf(address: string): string | undefined {
  return URL.parse(address)?.pathname
}

function decodePath(pathname: string): string | undefined {
  try {
    return decodeURIComponent(pathname)
  } catch {
    return undefined
  }
}
