/** From the codec ids of Matroska to ours (RFC 9559 section 5.1.4.1.21, and the codec mappings it refers to). */
import { FormatError } from '../../../errors.ts'
import type { TrackKind } from '../../track.ts'
import { audioFormat } from './audio-format.ts'
import { textFormat } from './text-format.ts'
import { TRACK_TYPE, type TrackEntry } from './track-entry.ts'
import type { TrackFormat } from './track-format.ts'
import { videoFormat } from './video-format.ts'

/** Kind of a track, whether we know its codec or not. */
export function kindOf({ type }: TrackEntry): TrackKind {
  if (type === TRACK_TYPE.VIDEO) return 'video'
  if (type === TRACK_TYPE.AUDIO) return 'audio'
  return type === TRACK_TYPE.SUBTITLE ? 'text' : 'data'
}

/**
 * `frame`: the first one of the track, of which codecs without configuration are described. Returns the reason in words where the track
 * cannot be read, `undefined` where its codec is none of ours.
 */
export function formatOf(entry: TrackEntry, frame: Uint8Array | undefined): TrackFormat | string | undefined {
  if (entry.encoding !== undefined) return entry.encoding
  try {
    switch (kindOf(entry)) {
      case 'video':
        return videoFormat(entry, frame)
      case 'audio':
        return audioFormat(entry, frame)
      case 'text':
        return textFormat(entry.codecId)
      default:
        return undefined
    }
  } catch (error) {
    if (error instanceof FormatError) return error.message
    throw error
  }
}
