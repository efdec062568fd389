/** Demuxes a stream of fragmented MP4: HLS and DASH segments, or a file read from its start (ISO/IEC 14496-12 section 8.8). */
import { FormatError } from '../../../errors.ts'
import { ByteQueue } from '../../bytes/byte-queue.ts'
import { ByteReader } from '../../bytes/byte-reader.ts'
import type { Demuxer, DemuxResult } from '../../container.ts'
import type { Packet } from '../../packet.ts'
import { type Box, MAX_BOX_HEADER_BYTES, readBoxHeader } from './box.ts'
import { FragmentReader, MAX_MOOF_BYTES, MAX_SAMPLE_DATA_BYTES, type SampleLocation } from './fragment-reader.ts'
import { MAX_MOOV_BYTES, readMovie } from './movie.ts'
import { packetOf } from './sample-packets.ts'

/** What a file or a segment can begin with. */
const FIRST_BOXES: ReadonlySet<string> = new Set([
  'ftyp',
  'styp',
  'moov',
  'moof',
  'sidx',
  'ssix',
  'emsg',
  'prft',
  'pdin',
  'free',
  'skip',
  'wide',
  'uuid',
  'mdat',
  'meta',
])

/**
 * Bytes of init segments and fragments to tracks and packets. A sample comes as soon as its bytes are there; only a fragment with
 * several tracks is held until it is complete and then comes in the order of decode times. A repeated init segment that says the same
 * gives no new tracks. Where the input ends within a sample the rest is dropped: a recording that was cut off is played to its last
 * whole sample. Tracks in fragments of their own come fragment by fragment. Times are negative where an edit list cuts the start off.
 * Samples in the tables of `moov` itself are not read here (see MovieReader).
 */
export class FragmentDemuxer implements Demuxer {
  readonly #queue = new ByteQueue()
  /** Offset in the stream of the first byte in the queue. */
  #position = 0
  #box: OpenBox | undefined
  #anyBox = false
  #moovBytes: Uint8Array | undefined
  #fragments: FragmentReader | undefined
  /** Samples of the fragment whose bytes have not come yet, in the order of their offsets from `#nextSample` on. */
  #samples: SampleLocation[] = []
  #nextSample = 0
  /** Packets of a fragment with several tracks. */
  #held: Packet[] | undefined
  #results: DemuxResult[] = []
  #nextResult = 0

  write(piece: Uint8Array): void {
    this.#queue.push(piece)
    while (this.#step()) {
      // As far as the bytes go.
    }
  }

  read(): DemuxResult | undefined {
    const result = this.#results[this.#nextResult]
    if (result === undefined) {
      this.#results = []
      this.#nextResult = 0
      return undefined
    }
    this.#nextResult++
    return result
  }

  end(): void {
    this.#release()
  }

  /** Returns false when more bytes are needed. */
  #step(): boolean {
    const box = this.#box
    if (box === undefined) return this.#openBox()
    if (box.left === 0) {
      this.#box = undefined
      return true
    }
    switch (box.type) {
      case 'moov':
      case 'moof': {
        const content = this.#queue.take(box.left)
        if (content === undefined) return false
        const whole: Box = { type: box.type, body: new ByteReader(content, this.#position), depth: 0 }
        if (box.type === 'moov') this.#readMoov(whole, content)
        else this.#readMoof(whole, box.start)
        this.#position += box.left
        this.#box = undefined
        return true
      }
      case 'mdat':
        return this.#readData(box)
      default:
        return this.#skip(box, box.left)
    }
  }

  #openBox(): boolean {
    const head = this.#queue.peek(Math.min(this.#queue.length, MAX_BOX_HEADER_BYTES))
    const header = head === undefined ? undefined : readBoxHeader(head, this.#position)
    if (header === undefined) return false
    const { type, size, headerBytes } = header
    if (!this.#anyBox && !FIRST_BOXES.has(type)) {
      throw new FormatError(
        'ERR_MP4_NOT_MP4',
        `expected a box of MP4 first, found ${JSON.stringify(type)}`,
        this.#position,
      )
    }
    this.#anyBox = true
    const left = size === undefined ? Number.POSITIVE_INFINITY : size - headerBytes
    const limit = limitOf(type, this.#nextSample < this.#samples.length)
    if (left > limit) {
      throw new FormatError(
        'ERR_MP4_BOX_TOO_LARGE',
        `expected ${type} of at most ${limit} bytes, found ${left}`,
        this.#position,
      )
    }
    this.#box = { type, start: this.#position, left }
    this.#queue.skip(headerBytes)
    this.#position += headerBytes
    return true
  }

  #readMoov(moov: Box, content: Uint8Array): void {
    if (this.#moovBytes !== undefined && equalBytes(this.#moovBytes, content)) return
    const whole = readMovie(moov)
    // Text comes by the playlist's own renditions.
    const movie = { ...whole, tracks: whole.tracks.filter(({ track }) => track.kind !== 'text') }
    if (!movie.fragmented) {
      throw new FormatError(
        'ERR_MP4_NOT_FRAGMENTED',
        'expected a movie in fragments (mvex), found none',
        moov.body.offset,
      )
    }
    this.#moovBytes = content
    this.#fragments = new FragmentReader(movie)
    this.#results.push({ type: 'tracks', tracks: movie.tracks.map(({ track }) => track) })
  }

  #readMoof(moof: Box, start: number): void {
    const left = this.#samples[this.#nextSample]
    if (left !== undefined) throw outside(left, `before the next fragment at ${start}`)
    if (this.#fragments === undefined) {
      throw new FormatError('ERR_MP4_NO_MOOV', 'expected moov before moof, found none', start)
    }
    const samples = this.#fragments.read(moof, start).filter(({ size }) => size > 0)
    let bytes = 0
    for (const { size } of samples) bytes += size
    if (bytes > MAX_SAMPLE_DATA_BYTES) {
      throw new FormatError(
        'ERR_MP4_BOX_TOO_LARGE',
        `expected samples of at most ${MAX_SAMPLE_DATA_BYTES} bytes, found ${bytes}`,
        start,
      )
    }
    this.#samples = samples.sort((a, b) => a.offset - b.offset)
    this.#nextSample = 0
    const track = samples[0]?.movieTrack
    this.#held = samples.every(({ movieTrack }) => movieTrack === track) ? undefined : []
  }

  #readData(box: OpenBox): boolean {
    const sample = this.#samples[this.#nextSample]
    const end = this.#position + box.left
    if (sample === undefined || sample.offset >= end) return this.#skip(box, box.left)
    if (sample.offset < this.#position) throw outside(sample, `behind byte ${this.#position}`)
    if (sample.offset > this.#position) return this.#skip(box, sample.offset - this.#position)
    if (sample.offset + sample.size > end) throw outside(sample, `in mdat up to ${end}`)
    const data = this.#queue.take(sample.size)
    if (data === undefined) return false
    this.#position += sample.size
    box.left -= sample.size
    this.#nextSample++
    const packet = packetOf(sample, data)
    if (this.#held === undefined) this.#results.push({ type: 'packet', packet })
    else this.#held.push(packet)
    if (this.#nextSample === this.#samples.length) this.#release()
    return true
  }

  /** Skips up to `count` bytes of the box; returns false when they are not all there. */
  #skip(box: OpenBox, count: number): boolean {
    const here = Math.min(count, this.#queue.length)
    this.#queue.skip(here)
    this.#position += here
    box.left -= here
    return here === count
  }

  #release(): void {
    if (this.#held === undefined) return
    for (const packet of this.#held.sort((a, b) => a.dts - b.dts)) this.#results.push({ type: 'packet', packet })
    this.#held = undefined
  }
}

interface OpenBox {
  readonly type: string
  /** Offset in the stream of its header. */
  readonly start: number
  /** Bytes of its content that are still to be read; infinite for a box up to the end. */
  left: number
}

function limitOf(type: string, wanted: boolean): number {
  if (type === 'moov') return MAX_MOOV_BYTES
  if (type === 'moof') return MAX_MOOF_BYTES
  return type === 'mdat' && wanted ? MAX_SAMPLE_DATA_BYTES : Number.POSITIVE_INFINITY
}

function outside({ offset, size }: SampleLocation, where: string): FormatError {
  return new FormatError('ERR_MP4_SAMPLE_RANGE', `expected a sample ${where}, found ${size} bytes at ${offset}`, offset)
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && a.every((byte, i) => byte === b[i])
}
