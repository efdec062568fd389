/** The boxes of `moov` that all movies have: header and tracks, with or without sample tables (ISO/IEC 14496-12 section 8.2 to 8.7). */
import type { ByteWriter } from '../../bytes/byte-writer.ts'
import { type Micros, microsToTicks } from '../../time.ts'
import type { Track, TrackKind } from '../../track.ts'
import { writeBox, writeFullBox } from './box.ts'
import { packLanguage } from './language.ts'
import { writeMatrix } from './rotation.ts'
import { writeSampleEntry } from './sample-entry.ts'

/** Ticks a second of the movie's own clock. */
export const MOVIE_TIMESCALE = 1000
const VIDEO_TIMESCALE = 90_000
const DEFAULT_AUDIO_TIMESCALE = 48_000
/** Below, a tick is too coarse for frame times. */
const MIN_TIMESCALE = 1000
/** Above, microseconds do not give the ticks back. */
const MAX_EXACT_TIMESCALE = 500_000
/** handler_type. */
const HANDLERS = { video: 'vide', audio: 'soun', text: 'text', data: 'meta' } as const satisfies Record<
  TrackKind,
  string
>
const FULL_BOX = { version: 0, flags: 0 }
const MAX_U32 = 0xffff_ffff
/** Enabled, in the movie, in the preview. */
const TRACK_FLAGS = 0x7
/** Media is in the same file. */
const DATA_IN_FILE = 0x1
/** 1.0 in 16.16. */
const RATE = 0x1_0000

/** An entry of an edit list. */
export interface Edit {
  /** Of the movie that it fills. */
  readonly duration: Micros
  /** Ticks of the track where it begins; -1: shows nothing. */
  readonly mediaTicks: number
}

/** What a track has beside what `Track` says. */
export interface TrackBoxOptions {
  /** Length in the movie and in the media; left out: it is in the fragments. */
  readonly duration?: Micros
  readonly edits?: readonly Edit[]
  /** Writes the sample tables; left out: they are empty. */
  readonly tables?: () => void
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

/** Writes `mvhd`. `duration` 0: it is in the fragments. */
export function writeMovieHeader(writer: ByteWriter, tracks: readonly Track[], duration: Micros = 0): void {
  const ticks = microsToTicks(duration, MOVIE_TIMESCALE)
  writeFullBox(writer, 'mvhd', { version: versionOf(ticks), flags: 0 }, () => {
    writeDates(writer, ticks)
    writer.u32(MOVIE_TIMESCALE)
    writeDuration(writer, ticks)
    writer
      .u32(RATE)
      .u16(0x100) // volume
      .zeros(10)
    writeMatrix(writer)
    writer.zeros(24).u32(tracks.reduce((largest, track) => Math.max(largest, track.id), 0) + 1)
  })
}

/** Writes `trak`; track_ID is the track's id. */
export function writeTrackBox(writer: ByteWriter, track: Track, options: TrackBoxOptions = {}): void {
  const { duration = 0, edits = [], tables = () => writeEmptyTables(writer) } = options
  writeBox(writer, 'trak', () => {
    writeTrackHeader(writer, track, duration)
    if (edits.length > 0) writeEdits(writer, edits)
    writeBox(writer, 'mdia', () => {
      const ticks = microsToTicks(duration, trackTimescale(track))
      writeFullBox(writer, 'mdhd', { version: versionOf(ticks), flags: 0 }, () => {
        writeDates(writer, ticks)
        writer.u32(trackTimescale(track))
        writeDuration(writer, ticks)
        writer.u16(packLanguage(track.language)).u16(0)
      })
      writeFullBox(writer, 'hdlr', FULL_BOX, () => {
        writer
          .u32(0)
          .latin1(HANDLERS[track.kind])
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
      writeMediaInformation(writer, track, tables)
    })
  })
}

function writeTrackHeader(writer: ByteWriter, track: Track, duration: Micros): void {
  const ticks = microsToTicks(duration, MOVIE_TIMESCALE)
  writeFullBox(writer, 'tkhd', { version: versionOf(ticks), flags: TRACK_FLAGS }, () => {
    writeDates(writer, ticks)
    writer.u32(track.id).u32(0)
    writeDuration(writer, ticks)
    writer
      .zeros(8)
      .u16(0) // layer
      .u16(0) // alternate_group
      .u16(track.kind === 'audio' ? 0x100 : 0) // volume
      .u16(0)
    writeMatrix(writer, track.video)
    writer
      .u16(Math.min(track.video?.width ?? 0, 0xffff))
      .u16(0)
      .u16(Math.min(track.video?.height ?? 0, 0xffff))
      .u16(0)
  })
}

function writeEdits(writer: ByteWriter, edits: readonly Edit[]): void {
  writeBox(writer, 'edts', () => {
    writeFullBox(writer, 'elst', { version: 1, flags: 0 }, () => {
      writer.u32(edits.length)
      for (const { duration, mediaTicks } of edits) {
        writer.u64(microsToTicks(duration, MOVIE_TIMESCALE))
        if (mediaTicks < 0) writer.i32(-1).i32(-1)
        else writer.u64(mediaTicks)
        writer.u32(RATE)
      }
    })
  })
}

function writeMediaInformation(writer: ByteWriter, track: Track, tables: () => void): void {
  writeBox(writer, 'minf', () => {
    if (track.kind === 'video') {
      writeFullBox(writer, 'vmhd', { version: 0, flags: 1 }, () => {
        writer.zeros(8) // graphicsmode, opcolor
      })
    } else if (track.kind === 'audio') {
      writeFullBox(writer, 'smhd', FULL_BOX, () => {
        writer.zeros(4) // balance
      })
    } else {
      writeFullBox(writer, 'nmhd', FULL_BOX, () => {})
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
      tables()
    })
  })
}

function writeEmptyTables(writer: ByteWriter): void {
  for (const emptyTable of ['stts', 'stsc', 'stco']) {
    writeFullBox(writer, emptyTable, FULL_BOX, () => {
      writer.u32(0)
    })
  }
  writeFullBox(writer, 'stsz', FULL_BOX, () => {
    writer.u32(0).u32(0)
  })
}

/** Times of 64 bits only where they are needed: old readers know no others. */
function versionOf(ticks: number): number {
  return ticks > MAX_U32 ? 1 : 0
}

/** creation_time and modification_time, which are not told. */
function writeDates(writer: ByteWriter, ticks: number): void {
  writer.zeros(versionOf(ticks) === 1 ? 16 : 8)
}

function writeDuration(writer: ByteWriter, ticks: number): void {
  if (versionOf(ticks) === 1) writer.u64(ticks)
  else writer.u32(ticks)
}
