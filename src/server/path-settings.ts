/** Which settings hold for a path: the patterns of `paths`, merged in the order of the file. */
import type { PathSettings } from '../live/hub.ts'
import { compilePathPattern } from '../live/path-pattern.ts'
import { withoutQuality } from '../packaging/on-demand/media-set.ts'
import type { ProtectInput } from '../packaging/protection/protect-settings.ts'
import type { Playlist } from '../protocols/protocol.ts'
import { opensToAll, type PathAccess } from '../services/auth/path-access.ts'
import type { RecordInput } from '../services/recorder/record-settings.ts'
import { RECORDINGS } from './library-folders.ts'
import type { PathSettingsInput } from './settings.ts'

const DEFAULTS = { graceMs: 10_000, onBusy: 'refuse', windowMs: 100, play: 'open' } as const

export type ResolvedPath = PathSettings &
  PathAccess & { readonly record?: RecordInput | undefined; readonly protect?: ProtectInput | undefined }

/**
 * Compiles the patterns once; the result answers for any path. Recordings of a live path that is protected or not open
 * to all are so too and ask for the same, and so do the qualities of a film, unless a pattern says otherwise of them.
 */
export function compilePaths(paths: Readonly<Record<string, PathSettingsInput>>): (path: string) => ResolvedPath {
  const rules = Object.entries(paths).map(([pattern, settings]) => ({ matches: compilePathPattern(pattern), settings }))
  const resolve = (path: string, base: ResolvedPath) => {
    let resolved = base
    for (const { matches, settings } of rules) {
      if (matches(path)) resolved = { ...resolved, ...(settings as Partial<ResolvedPath>) }
    }
    return resolved
  }
  const settingsOf = (path: string): ResolvedPath => {
    for (const source of [...recordedPaths(path), ...setPaths(path)]) {
      const whole = resolve(source, DEFAULTS)
      const { play, playKey, publishKey, users, allow, deny, protect } = whole
      if (opensToAll(whole) && !protect) continue
      return resolve(path, { ...DEFAULTS, play, playKey, publishKey, users, allow, deny, protect })
    }
    return resolve(path, DEFAULTS)
  }
  // Asked for with each request and packet, and the same until the settings are read again.
  const known = new Map<string, ResolvedPath>()
  return (path) => {
    let settings = known.get(path)
    if (settings === undefined) {
      // Peers name as many paths as they like.
      if (known.size >= MAX_KNOWN) known.clear()
      known.set(path, (settings = settingsOf(path)))
    }
    return settings
  }
}

/** Paths whose settings are kept at hand. */
const MAX_KNOWN = 4096

const RECORDED = `vod/${RECORDINGS}/`

/** The live paths that a path of the library may be a recording, or the folder of recordings, of. */
function recordedPaths(path: string): readonly string[] {
  if (!path.startsWith(RECORDED)) return []
  const inside = path.slice(RECORDED.length)
  return [inside, inside.slice(0, Math.max(0, inside.lastIndexOf('/')))]
}

/** The film that a file of the library is a quality of: `vod/film` of `vod/film.720p.mp4`. */
function setPaths(path: string): readonly string[] {
  const set = path.startsWith('vod/') ? withoutQuality(path) : undefined
  return set === undefined ? [] : [set]
}

/** Addresses of the streams to be pulled, by path. */
export function pullsOf(paths: Readonly<Record<string, PathSettingsInput>>): ReadonlyMap<string, string> {
  const pulls = new Map<string, string>()
  for (const [path, { pull }] of Object.entries(paths)) if (pull !== undefined) pulls.set(path, pull)
  return pulls
}

const PLAYLIST_ROOT = 'channel/'

/** The playlist of a path, `channel/NAME`. */
export function playlistOf(playlists: Readonly<Record<string, Playlist>>, path: string): Playlist | undefined {
  const name = path.startsWith(PLAYLIST_ROOT) ? path.slice(PLAYLIST_ROOT.length) : ''
  return Object.hasOwn(playlists, name) ? playlists[name] : undefined
}
