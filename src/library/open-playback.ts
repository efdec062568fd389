/** From a path of the library to a file that plays. */
import { FormatError, UnavailableError } from '../errors.ts'
import { checkReadable } from '../media/source-protection.ts'
import { MICROS_PER_MS } from '../media/time.ts'
import type { Track } from '../media/track.ts'
import { type Clock, systemClock } from './clock.ts'
import { FilePlayback } from './file-playback.ts'
import type { MediaFiles } from './media-files.ts'
import { timeOffset } from './time-offset.ts'

export interface OpenPlaybackOptions {
  /** Whether the wire can carry a track; others are left out. */
  readonly accepts: (track: Track) => boolean
  /** Milliseconds; what is no time of the file is the nearest one. */
  readonly startMs: number
  /** Of media, milliseconds; all when left out. */
  readonly durationMs?: number
  readonly aheadMs: number
  /** Default: the system's. */
  readonly clock?: Clock
}

/** A file that plays. `playback.close` lets go of it. */
export interface OpenPlayback {
  readonly path: string
  readonly playback: FilePlayback
  /** Those that are played. */
  readonly tracks: readonly Track[]
  readonly metadata: Readonly<Record<string, unknown>>
}

/**
 * Opens a file. Throws what `Library.open` throws, UnavailableError ERR_LIBRARY_UNREADABLE for one that is no media or broken, and
 * ERR_STREAM_NO_TRACK for one without a track that is accepted, and ERR_STREAM_PROTECTED for one that only a licence opens.
 */
export async function openPlayback(
  mediaFiles: MediaFiles,
  path: string,
  { accepts, startMs, durationMs, aheadMs, clock = systemClock }: OpenPlaybackOptions,
): Promise<OpenPlayback> {
  const { reader, close } = await readable(path, () => mediaFiles.open(path))
  try {
    const tracks = reader.tracks.filter(accepts)
    checkReadable(path, reader)
    if (tracks.length === 0) {
      const codecs = [...reader.tracks, ...reader.foreign].map(({ codec }) => codec).join(', ')
      throw new UnavailableError('ERR_STREAM_NO_TRACK', `expected a track that can be sent, found ${codecs || 'none'}`)
    }
    const offset = await readable(path, () => timeOffset(reader))
    const from = startMs * MICROS_PER_MS
    const until = durationMs === undefined ? undefined : from + durationMs * MICROS_PER_MS
    const part = { from, ...(until !== undefined && { until }) }
    const playback = new FilePlayback({ reader, tracks, offset, ...part, aheadMs, clock, onClose: close })
    return { path, playback, tracks, metadata: reader.metadata }
  } catch (error) {
    close()
    throw error
  }
}

/** What `read` gives. Throws UnavailableError ERR_LIBRARY_UNREADABLE where it throws FormatError: words for whoever asked for the file. */
export async function readable<Result>(path: string, read: () => Promise<Result>): Promise<Result> {
  try {
    return await read()
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause
    throw new UnavailableError('ERR_LIBRARY_UNREADABLE', `${path} cannot be read: ${cause.message}`, { cause })
  }
}

/** Why a file broke off. */
export function brokenOff(path: string): UnavailableError {
  return new UnavailableError('ERR_LIBRARY_BROKEN_OFF', `${path} cannot be read to its end`)
}
