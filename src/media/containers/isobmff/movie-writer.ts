/** Lays out a progressive movie: `ftyp`, `moov` with sample tables, and the head of `mdat` whose content follows (ISO/IEC 14496-12 section 8). */
import { assert, FormatError } from '../../../errors.ts'
import { ByteWriter } from '../../bytes/byte-writer.ts'
import { type Micros, microsToTicks } from '../../time.ts'
import type { Track } from '../../track.ts'
import { writeBox, writeFullBox } from './box.ts'
import { type Edit, trackTimescale, writeMovieHeader, writeTrackBox } from './movie-boxes.ts'
import { hasSampleEntry } from './sample-entry.ts'

/** A sample of the movie: its bytes are wherever the caller has them. */
export interface MovieSample {
  /** Bytes. */
  readonly size: number
  /** On a time line that all tracks share; where it begins does not matter. */
  readonly dts: Micros
  readonly pts: Micros
  /** Until the next one is decoded; used for the last sample of a track. */
  readonly duration: Micros
  readonly key: boolean
}

/** Samples of all tracks together: two days of 100 pictures and 50 sounds a second. Each costs some 20 bytes of memory at most. */
export const MAX_MOVIE_SAMPLES = 1 << 24
const MAX_U32 = 0xffff_ffff
const FULL_BOX = { version: 0, flags: 0 }
/** Size and type, with a size of 64 bits. */
const WIDE_BOX_BYTES = 16

/**
 * First `add` in the order in which the samples' bytes will follow, then `finish`. Since `moov` comes first the movie plays while it is
 * loaded. Bytes are never held here.
 */
export class MovieWriter {
  readonly #tracks: readonly TrackTables[]
  #dataBytes = 0
  #samples = 0

  /** Throws FormatError ERR_MP4_NO_TRACK when MP4 can carry none of the tracks. */
  constructor(tracks: readonly Track[]) {
    this.#tracks = tracks.filter(({ codec }) => hasSampleEntry(codec)).map((track) => new TrackTables(track))
    if (this.#tracks.length === 0)
      throw new FormatError('ERR_MP4_NO_TRACK', 'expected a track of a codec of MP4, found none')
  }

  /** Bytes of all samples so far. */
  get dataBytes(): number {
    return this.#dataBytes
  }

  /** A run of samples of one track, which lie one behind the other. Throws FormatError ERR_MP4_TOO_MANY_SAMPLES. */
  add(trackId: number, samples: readonly MovieSample[]): void {
    const tables = this.#tracks.find(({ track }) => track.id === trackId)
    assert(tables !== undefined, 'samples are of a track of the movie')
    this.#samples += samples.length
    if (this.#samples > MAX_MOVIE_SAMPLES) {
      throw new FormatError('ERR_MP4_TOO_MANY_SAMPLES', `expected at most ${MAX_MOVIE_SAMPLES} samples in a movie`)
    }
    this.#dataBytes += tables.add(samples, this.#dataBytes)
  }

  /** All that stands before the bytes of the first sample. `start` is the time that the movie begins with: what comes before is not shown. */
  finish(start: Micros): Uint8Array {
    const tracks = this.#tracks.filter(({ count }) => count > 0)
    const wide = this.#dataBytes + 2 ** 20 + this.#samples * 32 > MAX_U32
    const size = this.#write(tracks, { start, wide, dataOffset: 0 }).length
    return this.#write(tracks, { start, wide, dataOffset: size }).toBytes()
  }

  #write(tracks: readonly TrackTables[], layout: Layout): ByteWriter {
    const writer = new ByteWriter(1 << 16)
    writeBox(writer, 'ftyp', () => {
      writer.latin1('isom').u32(512).latin1('isom').latin1('iso2').latin1('mp41')
    })
    const duration = tracks.reduce((longest, tables) => Math.max(longest, tables.end - layout.start), 0)
    writeBox(writer, 'moov', () => {
      writeMovieHeader(
        writer,
        tracks.map(({ track }) => track),
        duration,
      )
      for (const tables of tracks) tables.write(writer, layout)
    })
    if (layout.wide)
      writer
        .u32(1)
        .latin1('mdat')
        .u64(this.#dataBytes + WIDE_BOX_BYTES)
    else writer.u32(this.#dataBytes + 8).latin1('mdat')
    return writer
  }
}

interface Layout {
  readonly start: Micros
  /** Offsets of 64 bits. */
  readonly wide: boolean
  /** Where the first sample lies in the file. */
  readonly dataOffset: number
}

/** The sample tables of one track, written as the samples come. */
class TrackTables {
  readonly track: Track
  count = 0
  /** Presentation end of the last sample. */
  end: Micros = 0
  readonly #timescale: number
  #firstDts: Micros = 0
  #firstPts: Micros = 0
  #lastTicks = 0
  #lastDuration: Micros = 0
  readonly #durations = new RunLengths()
  readonly #offsets = new RunLengths()
  readonly #sizes = new ByteWriter(4096)
  readonly #keys = new ByteWriter(1024)
  #keyCount = 0
  /** Chunk numbers and sample counts of `stsc`. */
  readonly #chunkRuns = new ByteWriter(1024)
  #chunkRunCount = 0
  #lastChunkSamples = 0
  /** Offsets in the data. */
  readonly #chunks: number[] = []
  #anyOffset = false

  constructor(track: Track) {
    this.track = track
    this.#timescale = trackTimescale(track)
  }

  /** Returns the bytes of the samples. */
  add(samples: readonly MovieSample[], dataOffset: number): number {
    if (samples.length === 0) return 0
    if (samples.length !== this.#lastChunkSamples) {
      this.#chunkRuns
        .u32(this.#chunks.length + 1)
        .u32(samples.length)
        .u32(1)
      this.#chunkRunCount++
      this.#lastChunkSamples = samples.length
    }
    this.#chunks.push(dataOffset)
    let bytes = 0
    for (const sample of samples) bytes += this.#addSample(sample)
    return bytes
  }

  #addSample({ size, dts, pts, duration, key }: MovieSample): number {
    if (this.count === 0) {
      this.#firstDts = dts
      this.#firstPts = pts
    }
    const ticks = Math.max(this.#lastTicks, microsToTicks(dts - this.#firstDts, this.#timescale))
    if (this.count > 0) this.#durations.add(ticks - this.#lastTicks)
    const offset = microsToTicks(pts - this.#firstDts, this.#timescale) - ticks
    if (offset !== 0) this.#anyOffset = true
    this.#offsets.add(offset)
    this.#sizes.u32(size)
    this.count++
    if (key) {
      this.#keys.u32(this.count)
      this.#keyCount++
    }
    this.#lastTicks = ticks
    this.#lastDuration = duration
    this.end = Math.max(this.end, pts + duration)
    return size
  }

  write(writer: ByteWriter, { start, wide, dataOffset }: Layout): void {
    const shown = Math.max(0, this.end - Math.max(start, this.#firstPts))
    const delay = this.#firstPts - start
    const edits: Edit[] = delay > 0 ? [{ duration: delay, mediaTicks: -1 }] : []
    const from = delay > 0 ? this.#firstPts : start
    edits.push({ duration: shown, mediaTicks: Math.max(0, microsToTicks(from - this.#firstDts, this.#timescale)) })
    const lastTicks = Math.max(1, microsToTicks(this.#lastDuration, this.#timescale))
    writeTrackBox(writer, this.track, {
      duration: Math.max(0, this.end - start),
      edits,
      tables: () => {
        writeFullBox(writer, 'stts', FULL_BOX, () => {
          this.#durations.write(writer, lastTicks)
        })
        if (this.#anyOffset) {
          writeFullBox(writer, 'ctts', { version: 1, flags: 0 }, () => {
            this.#offsets.write(writer)
          })
        }
        if (this.#keyCount < this.count) {
          writeFullBox(writer, 'stss', FULL_BOX, () => {
            writer.u32(this.#keyCount).bytes(this.#keys.view())
          })
        }
        writeFullBox(writer, 'stsc', FULL_BOX, () => {
          writer.u32(this.#chunkRunCount).bytes(this.#chunkRuns.view())
        })
        writeFullBox(writer, 'stsz', FULL_BOX, () => {
          writer.u32(0).u32(this.count).bytes(this.#sizes.view())
        })
        writeFullBox(writer, wide ? 'co64' : 'stco', FULL_BOX, () => {
          writer.u32(this.#chunks.length)
          for (const chunk of this.#chunks) {
            if (wide) writer.u64(chunk + dataOffset)
            else writer.u32(chunk + dataOffset)
          }
        })
      },
    })
  }
}

/** Values with the number of times that each comes in a row: the form of `stts` and `ctts`. */
class RunLengths {
  readonly #entries = new ByteWriter(1024)
  #entryCount = 0
  #value = 0
  #repeats = 0

  add(value: number): void {
    if (this.#repeats > 0 && value === this.#value) {
      this.#repeats++
      return
    }
    this.#flush()
    this.#value = value
    this.#repeats = 1
  }

  /** Writes count and entries, with one more value where there is one. */
  write(writer: ByteWriter, last?: number): void {
    const runs = [...(this.#repeats > 0 ? [{ value: this.#value, repeats: this.#repeats }] : [])]
    if (last !== undefined) {
      const open = runs[0]
      if (open?.value === last) open.repeats++
      else runs.push({ value: last, repeats: 1 })
    }
    writer.u32(this.#entryCount + runs.length).bytes(this.#entries.view())
    for (const { value, repeats } of runs) writer.u32(repeats).i32(value)
  }

  #flush(): void {
    if (this.#repeats === 0) return
    this.#entries.u32(this.#repeats).i32(this.#value)
    this.#entryCount++
  }
}
