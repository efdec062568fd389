/** The init segment: `ftyp` and `moov` of a fragmented movie (ISO/IEC 14496-12 section 8.2 to 8.8, CMAF ISO/IEC 23000-19 section 7.3). */
import { ByteWriter } from '../../bytes/byte-writer.ts'
import { type Micros, microsToTicks } from '../../time.ts'
import type { Track } from '../../track.ts'
import { writeBox, writeFullBox } from './box.ts'
import { packLanguage } from './language.ts'
import { hasSampleEntry, writeSampleEntry } from './sample-entry.ts'

const MOVIE_TIMESCALE = 1000
const VIDEO_TIMESCALE = 90_000
const DEFAULT_AUDIO_TIMESCALE = 48_000
/** Below, a tick is too coarse for frame times. */
const MIN_TIMESCALE = 1000
/** Above, microseconds do not give the ticks back. */
const MAX_EXACT_TIMESCALE = 500_000
const UNITY_MATRIX = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000]
const FULL_BOX = { version: 0, flags: 0 }
/** Enabled, in the movie, in the preview. */
const TRACK_FLAGS = 0x7
/** Media is in the same file. */
const DATA_IN_FILE = 0x1

export interface InitSegmentOptions {
  /** Whole length, when it is known beforehand. */
  readonly duration?: Micros
}

/**
 * `ftyp` and `moov` for fragments of these tracks; track_ID is the track's id. Tracks that MP4 has no sample entry for (data) are
 * left out. No edit list is written: fragments carry negative composition offsets instead, so that movie time is packet time.
 */
export function writeInitSegment(tracks: readonly Track[], options: InitSegmentOptions = {}): Uint8Array {
  const stored = tracks.filter((track) => hasSampleEntry(track.codec))
  const writer = new ByteWriter(1024)
  writeFileType(writer, stored)
  writeBox(writer, 'moov', () => {
    writeMovieHeader(writer, stored)
    for (const track of stored) writeTrack(writer, track)
    writeBox(writer, 'mvex', () => {
      const { duration } = options
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

/**
 * Ticks a second of a track in the files we write. Video: 90 000, unless the source's own clock does not divide it (as 24 000 or
 * 12 800 do not) and is usable. Audio: the sample rate.
 */
export function trackTimescale(track: Track): number {
  const own = track.timescale
  const usable = Number.isInteger(own) && own >= MIN_TIMESCALE && own <= MAX_EXACT_TIMESCALE
  if (track.kind === 'audio') return track.audio?.sampleRate || (usable ? own : DEFAULT_AUDIO_TIMESCALE)
  return usable && VIDEO_TIMESCALE % own !== 0 ? own : VIDEO_TIMESCALE
}

function writeFileType(writer: ByteWriter, tracks: readonly Track[]): void {
  writeBox(writer, 'ftyp', () => {
    writer.latin1('iso6').u32(0).latin1('iso6').latin1('mp41')
    // A CMAF track file has one track.
    if (tracks.length === 1) writer.latin1('cmfc')
    if (tracks.some((track) => track.codec === 'av1')) writer.latin1('av01')
  })
}

function writeMovieHeader(writer: ByteWriter, tracks: readonly Track[]): void {
  writeFullBox(writer, 'mvhd', FULL_BOX, () => {
    writer
      .zeros(8) // creation_time, modification_time
      .u32(MOVIE_TIMESCALE)
      .u32(0) // duration: it is in the fragments
      .u32(0x1_0000) // rate
      .u16(0x100) // volume
      .zeros(10)
    writeMatrix(writer)
    writer.zeros(24).u32(tracks.reduce((largest, track) => Math.max(largest, track.id), 0) + 1)
  })
}

function writeTrack(writer: ByteWriter, track: Track): void {
  writeBox(writer, 'trak', () => {
    writeFullBox(writer, 'tkhd', { version: 0, flags: TRACK_FLAGS }, () => {
      writer
        .zeros(8) // creation_time, modification_time
        .u32(track.id)
        .zeros(16) // reserved, duration, reserved
        .u16(0) // layer
        .u16(0) // alternate_group
        .u16(track.kind === 'audio' ? 0x100 : 0) // volume
        .u16(0)
      writeMatrix(writer)
      writer
        .u16(Math.min(track.video?.width ?? 0, 0xffff))
        .u16(0)
        .u16(Math.min(track.video?.height ?? 0, 0xffff))
        .u16(0)
    })
    writeBox(writer, 'mdia', () => {
      writeFullBox(writer, 'mdhd', FULL_BOX, () => {
        writer
          .zeros(8) // creation_time, modification_time
          .u32(trackTimescale(track))
          .u32(0) // duration
          .u16(packLanguage(track.language))
          .u16(0)
      })
      writeFullBox(writer, 'hdlr', FULL_BOX, () => {
        writer
          .u32(0)
          .latin1(track.kind === 'video' ? 'vide' : 'soun')
          .zeros(12)
          .utf8(track.name ?? '')
          .u8(0)
      })
      const { language } = track
      if (language !== undefined) {
        writeFullBox(writer, 'elng', FULL_BOX, () => {
          writer.utf8(language).u8(0)
        })
      }
      writeMediaInformation(writer, track)
    })
  })
}

function writeMediaInformation(writer: ByteWriter, track: Track): void {
  writeBox(writer, 'minf', () => {
    if (track.kind === 'video') {
      writeFullBox(writer, 'vmhd', { version: 0, flags: 1 }, () => {
        writer.zeros(8) // graphicsmode, opcolor
      })
    } else {
      writeFullBox(writer, 'smhd', FULL_BOX, () => {
        writer.zeros(4) // balance
      })
    }
    writeBox(writer, 'dinf', () => {
      writeFullBox(writer, 'dref', FULL_BOX, () => {
        writer.u32(1)
        writeFullBox(writer, 'url ', { version: 0, flags: DATA_IN_FILE }, () => {})
      })
    })
    writeBox(writer, 'stbl', () => {
      writeFullBox(writer, 'stsd', FULL_BOX, () => {
        writer.u32(1)
        writeSampleEntry(writer, track)
      })
      for (const emptyTable of ['stts', 'stsc', 'stco']) {
        writeFullBox(writer, emptyTable, FULL_BOX, () => {
          writer.u32(0)
        })
      }
      writeFullBox(writer, 'stsz', FULL_BOX, () => {
        writer.u32(0).u32(0)
      })
    })
  })
}

function writeMatrix(writer: ByteWriter): void {
  for (const value of UNITY_MATRIX) writer.u32(value)
}
