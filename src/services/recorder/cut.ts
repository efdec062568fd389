/** Cuts a range of the wall clock out of recordings, on a key picture and without encoding, into one movie. */
import { type FileHandle, open } from 'node:fs/promises'
import { UnavailableError } from '../../errors.ts'
import type { SampleLocation } from '../../media/containers/isobmff/fragment-reader.ts'
import { MovieWriter } from '../../media/containers/isobmff/movie-writer.ts'
import { MICROS_PER_MS, type Micros } from '../../media/time.ts'
import { type CutFile, type CutRange, findCut } from './cut-source.ts'
import { scanFragments } from './fragment-scan.ts'
import { fileSource } from './index-file.ts'
import type { SegmentEntry } from './recording-index.ts'

/** A movie that is ready to be written. */
export interface Cut {
  /** Of the whole movie. */
  readonly byteLength: number
  readonly durationMs: number
  /** The picture it begins with, milliseconds since 1970: the last key picture that is not after the moment asked for, where there is one. */
  readonly startedAt: number
  /** The bytes in their order. Rejects when a recording was deleted meanwhile. */
  pieces(): AsyncGenerator<Uint8Array>
}

/** Bytes of samples that lie one behind the other. */
interface Run {
  readonly path: string
  readonly offset: number
  length: number
}

/** Read at a time. */
const READ_BYTES = 1024 * 1024
/** Segments further apart are joined: what was not recorded makes no hole in the movie. */
const LARGEST_STEP: Micros = 200 * MICROS_PER_MS

/** `root`: folder of all recordings. Throws what `findCut` throws, and PeerError ERR_PATH_INVALID. */
export async function cutRecordings(root: string, path: string, range: CutRange): Promise<Cut> {
  const { files, tracks } = await findCut(root, path, range)
  const cutter = new Cutter(range, new MovieWriter(tracks))
  for (const file of files) {
    const handle = await open(file.path, 'r')
    try {
      await cutter.take(file, handle)
    } finally {
      await handle.close()
    }
  }
  return cutter.finish(path)
}

class Cutter {
  readonly #range: CutRange
  readonly #movie: MovieWriter
  readonly #runs: Run[] = []
  /** Of the output, where the leading track begins. */
  #start: Micros | undefined
  #startedAt = 0
  /** Added to stream times gives times of the output. */
  #offset: Micros = 0
  /** In the output: what is before it is not taken of the other tracks. */
  #from: Micros = 0
  /** Of the output so far. */
  #end: Micros = 0
  /** Of the leading track, in stream time of its run, and the run. */
  #last: { readonly token: string; readonly end: Micros } | undefined

  constructor(range: CutRange, movie: MovieWriter) {
    this.#range = range
    this.#movie = movie
  }

  async take(file: CutFile, handle: FileHandle): Promise<void> {
    for (const segment of file.segments) {
      if (segment.rendition === file.lead) await this.#takeLead(file, handle, segment)
      else await this.#takeOther(file, handle, segment)
    }
  }

  finish(path: string): Cut {
    const start = this.#start
    if (start === undefined) {
      throw new UnavailableError('ERR_RECORDING_NOT_FOUND', `no key picture of ${path} was recorded then`)
    }
    const header = this.#movie.finish(start)
    const runs = this.#runs
    return {
      byteLength: header.byteLength + this.#movie.dataBytes,
      durationMs: Math.round((this.#end - start) / MICROS_PER_MS),
      startedAt: this.#startedAt,
      pieces: () => readPieces(header, runs),
    }
  }

  async #takeLead(file: CutFile, handle: FileHandle, segment: SegmentEntry): Promise<void> {
    const { from, to } = this.#range
    const wallOf = ({ pts }: SampleLocation) =>
      segment.wallMs + (pts + file.entry.start - segment.presentationStart) / MICROS_PER_MS
    let samples = (await samplesOf(file, handle, segment)).filter((sample) => wallOf(sample) < to)
    if (this.#start === undefined) {
      const key = samples.findLastIndex((sample) => sample.key && wallOf(sample) <= from)
      const first = key >= 0 ? key : samples.findIndex(({ key: isKey }) => isKey)
      samples = first < 0 ? [] : samples.slice(first)
    }
    const [first] = samples
    const last = samples.at(-1)
    if (first === undefined || last === undefined) return
    const { start, run } = file.entry
    const begin = first.dts + start
    const goesOn = this.#last?.token === run.token && Math.abs(begin - this.#last.end) <= LARGEST_STEP
    if (!goesOn) {
      this.#offset = (this.#start === undefined ? 0 : this.#end) - begin
      this.#from = first.pts + start + this.#offset
    }
    if (this.#start === undefined) {
      this.#start = this.#from
      this.#startedAt = Math.round(wallOf(first))
    }
    this.#last = { token: run.token, end: last.dts + last.duration + start }
    this.#add(file, samples)
  }

  async #takeOther(file: CutFile, handle: FileHandle, segment: SegmentEntry): Promise<void> {
    if (this.#start === undefined) return
    const shift = file.entry.start + this.#offset
    const limit = this.#end
    const samples = (await samplesOf(file, handle, segment)).filter(
      ({ pts, duration }) => pts + duration + shift > this.#from && pts + shift < limit,
    )
    this.#add(file, samples)
  }

  #add(file: CutFile, samples: readonly SampleLocation[]): void {
    const [first] = samples
    if (first === undefined) return
    const shift = file.entry.start + this.#offset
    const isLead = file.lead === `${first.movieTrack.track.kind}-${first.movieTrack.trackId}`
    this.#movie.add(
      first.movieTrack.trackId,
      samples.map(({ size, dts, pts, duration, key }) => ({ size, dts: dts + shift, pts: pts + shift, duration, key })),
    )
    for (const { offset, size, pts, duration } of samples) {
      const run = this.#runs.at(-1)
      if (run !== undefined && run.path === file.path && run.offset + run.length === offset) run.length += size
      else this.#runs.push({ path: file.path, offset, length: size })
      if (isLead) this.#end = Math.max(this.#end, pts + duration + shift)
    }
  }
}

/** All samples of a segment, in the order of the file. */
async function samplesOf(file: CutFile, handle: FileHandle, { extents }: SegmentEntry): Promise<SampleLocation[]> {
  const samples: SampleLocation[] = []
  for (const [offset, length] of extents) {
    for await (const fragment of scanFragments(fileSource(handle, offset + length), file.movie, offset)) {
      samples.push(...fragment.samples)
    }
  }
  return samples
}

async function* readPieces(header: Uint8Array, runs: readonly Run[]): AsyncGenerator<Uint8Array> {
  yield header
  let current: { readonly path: string; readonly handle: FileHandle } | undefined
  try {
    for (const { path, offset, length } of runs) {
      if (current?.path !== path) {
        await current?.handle.close()
        current = { path, handle: await open(path, 'r') }
      }
      for (let at = 0; at < length; at += READ_BYTES) {
        const wanted = Math.min(READ_BYTES, length - at)
        const { buffer, bytesRead } = await current.handle.read(Buffer.allocUnsafeSlow(wanted), 0, wanted, offset + at)
        if (bytesRead < wanted) throw new UnavailableError('ERR_RECORDING_NOT_FOUND', 'a recording has become shorter')
        yield buffer
      }
    }
  } finally {
    await current?.handle.close()
  }
}
