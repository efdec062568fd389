/** The init segment: `ftyp` and `moov` of a fragmented movie (ISO/IEC 14496-12 section 8.2 to 8.8, CMAF ISO/IEC 23000-19 section 7.3). */
import { FormatError } from '../../../errors.ts'
import { ByteWriter } from '../../bytes/byte-writer.ts'
import { type Micros, microsToTicks } from '../../time.ts'
import type { Track } from '../../track.ts'
import { type Box, childBoxes, readFullBoxHeader, topLevelBoxes, writeBox, writeFullBox } from './box.ts'
import { MOVIE_TIMESCALE, writeMovieHeader, writeTrackBox } from './movie-boxes.ts'
import { hasSampleEntry } from './sample-entry.ts'

const FULL_BOX = { version: 0, flags: 0 }

export interface InitSegmentOptions {
  /** Whole length, when it is known; 0 keeps a place for it, see `withDuration`. */
  readonly duration?: Micros
}

/**
 * `ftyp` and `moov` for fragments of these tracks; track_ID is the track's id. Tracks that MP4 has no sample entry for (data) are
 * left out. No edit list is written: fragments carry negative composition offsets instead, so that movie time is packet time.
 */
export function writeInitSegment(tracks: readonly Track[], options: InitSegmentOptions = {}): Uint8Array {
  return writeFragmentedMovie(
    tracks.filter((track) => hasSampleEntry(track.codec)),
    options,
  )
}

/** The same for one text track, whose fragments `writeTextSegment` makes. */
export function writeTextInitSegment(track: Track, options: InitSegmentOptions = {}): Uint8Array {
  return writeFragmentedMovie([track], options)
}

function writeFragmentedMovie(stored: readonly Track[], { duration }: InitSegmentOptions): Uint8Array {
  const writer = new ByteWriter(1024)
  writeFileType(writer, stored)
  writeBox(writer, 'moov', () => {
    writeMovieHeader(writer, stored)
    for (const track of stored) writeTrackBox(writer, track)
    writeBox(writer, 'mvex', () => {
      if (duration !== undefined) {
        writeFullBox(writer, 'mehd', { version: 1, flags: 0 }, () => {
          writer.u64(microsToTicks(duration, MOVIE_TIMESCALE))
        })
      }
      for (const track of stored) {
        writeFullBox(writer, 'trex', FULL_BOX, () => {
          writer
            .u32(track.id)
            .u32(1) // default_sample_description_index
            .zeros(12) // default duration, size, flags: each fragment tells its own
        })
      }
    })
  })
  return writer.toBytes()
}

/** A copy of an init segment that was written with a `duration`, with another one in its place. Throws FormatError for one without. */
export function withDuration(init: Uint8Array, duration: Micros): Uint8Array {
  const place = durationPlace(topLevelBoxes(init))
  if (place === undefined) throw new FormatError('ERR_MP4_NO_MEHD', 'expected mehd of version 1 in moov, found none')
  const copy = init.slice()
  const ticks = microsToTicks(duration, MOVIE_TIMESCALE)
  const view = new DataView(copy.buffer, copy.byteOffset, copy.byteLength)
  view.setUint32(place, Math.floor(ticks / 2 ** 32))
  view.setUint32(place + 4, ticks >>> 0)
  return copy
}

function durationPlace(boxes: Iterable<Box>): number | undefined {
  for (const box of boxes) {
    if (box.type === 'mehd') return readFullBoxHeader(box.body).version === 1 ? box.body.offset : undefined
    if (box.type === 'moov' || box.type === 'mvex') return durationPlace(childBoxes(box))
  }
  return undefined
}

function writeFileType(writer: ByteWriter, tracks: readonly Track[]): void {
  writeBox(writer, 'ftyp', () => {
    writer.latin1('iso6').u32(0).latin1('iso6').latin1('mp41')
    // A CMAF track file has one track.
    if (tracks.length === 1) writer.latin1('cmfc')
    if (tracks.some((track) => track.codec === 'webvtt')) writer.latin1('cwvt')
    if (tracks.some((track) => track.codec === 'av1')) writer.latin1('av01')
  })
}
