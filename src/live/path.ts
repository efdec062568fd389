/** The one rule for names of live streams and channels, used by every protocol. */
import { PeerError } from '../errors.ts'

/** Bytes. */
export const MAX_PATH_LENGTH = 200
const MAX_SEGMENTS = 8
const ROOTS = new Set(['live', 'channel'])

/**
 * Checks a path like `live/studio-1` and returns it. Segments are of `[A-Za-z0-9_.-]` and no segment consists of dots only.
 * Throws PeerError ERR_PATH_INVALID and says what was expected; the offending text is quoted shortened and escaped.
 */
export function checkPath(path: string): string {
  if (path.length > MAX_PATH_LENGTH) throw invalid(`at most ${MAX_PATH_LENGTH} characters`, path)
  const segments = path.split('/')
  if (!ROOTS.has(segments[0] as string) || segments.length < 2) throw invalid('live/NAME or channel/NAME', path)
  if (segments.length > MAX_SEGMENTS) throw invalid(`at most ${MAX_SEGMENTS} segments`, path)
  for (const segment of segments) {
    if (!/^[A-Za-z0-9_.-]+$/.test(segment) || /^\.+$/.test(segment)) {
      throw invalid('segments of letters, digits, "_", "-" and "."', path)
    }
  }
  return path
}

function invalid(expected: string, found: string): PeerError {
  return new PeerError(
    'ERR_PATH_INVALID',
    `expected a path of ${expected}, found ${JSON.stringify(found.slice(0, 60))}`,
  )
}
