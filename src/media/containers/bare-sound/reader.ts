/** Reads frames of sound that have no container around them, at random: what MP3 and ADTS files have in common. */
import type { ByteSource } from '../../byte-source.ts'
import { KeyPointList, keyPointAt } from '../../key-point-list.ts'
import type { Notes } from '../../notes.ts'
import type { Packet } from '../../packet.ts'
import type { KeyPoint, MediaReader, PicturePlace, ReadOptions } from '../../reader.ts'
import { MICROS_PER_SECOND, type Micros, microsToTicks, ticksToMicros } from '../../time.ts'
import type { Track } from '../../track.ts'
import { type BareFrameFormat, FrameWalk } from './frame-walk.ts'

/** Read at once to find frames, and to give packets. */
const SCAN_BLOCK_BYTES = 1024 * 1024
const READ_BLOCK_BYTES = 64 * 1024

/** A file of frames that all have the same length in time. */
export interface BareSound {
  readonly format: 'mp3' | 'aac'
  readonly track: Track
  readonly frames: BareFrameFormat
  /** Bytes: where the frames begin and end. */
  readonly from: number
  readonly to: number
  readonly samplesPerFrame: number
  /** Samples at the beginning that an encoder put there and nobody is to hear. */
  readonly leadingSamples: number
  /** Samples at the end that nobody is to hear. */
  readonly trailingSamples: number
  /** Frames in the file, where something tells it; else they are counted when the file is opened. */
  readonly frameCount: number | undefined
  /** Bytes before the packet in each frame. */
  headerSizeOf(frame: Uint8Array): number
  readonly metadata: Readonly<Record<string, string | number>>
  readonly picture: PicturePlace | undefined
}

interface Scanned {
  readonly keyPoints: readonly KeyPoint[]
  readonly frameCount: number
}

export class BareSoundReader implements MediaReader {
  readonly format: BareSound['format']
  readonly tracks: readonly Track[]
  readonly foreign = []
  readonly metadata: BareSound['metadata']
  readonly picture: PicturePlace | undefined
  readonly #source: ByteSource
  readonly #sound: BareSound
  readonly #notes: Notes
  #frameCount: number
  #scanning: Promise<Scanned> | undefined

  private constructor(source: ByteSource, sound: BareSound, notes: Notes) {
    this.format = sound.format
    this.tracks = [sound.track]
    this.metadata = sound.metadata
    this.picture = sound.picture
    this.#source = source
    this.#sound = sound
    this.#notes = notes
    this.#frameCount = sound.frameCount ?? 0
  }

  /** Counts the frames where nothing told their number. */
  static async open(source: ByteSource, sound: BareSound, notes: Notes): Promise<BareSoundReader> {
    const reader = new BareSoundReader(source, sound, notes)
    if (sound.frameCount === undefined) await reader.#scan()
    return reader
  }

  get duration(): Micros {
    const { samplesPerFrame, leadingSamples, trailingSamples } = this.#sound
    const samples = this.#frameCount * samplesPerFrame - leadingSamples - trailingSamples
    return ticksToMicros(Math.max(0, samples), this.#sampleRate)
  }

  get notes(): readonly string[] {
    return this.#notes.list()
  }

  async keyPoints(): Promise<readonly KeyPoint[]> {
    return (await this.#scan()).keyPoints
  }

  async *packets(from: Micros | KeyPoint, options: ReadOptions = {}): AsyncGenerator<Packet> {
    const { track, frames, to } = this.#sound
    if (options.tracks !== undefined && !options.tracks.includes(track.id)) return
    const key = typeof from === 'number' ? await this.#keyAt(from) : from
    const walk = new FrameWalk(this.#source, frames, {
      from: key?.position ?? this.#sound.from,
      to,
      blockBytes: READ_BLOCK_BYTES,
      notes: this.#notes,
    })
    let number = key === undefined ? 0 : this.#frameNumberAt(key.dts)
    while (walk.next() || (await walk.fill())) {
      if (!walk.found) continue
      const frame = walk.bytes.subarray(walk.at, walk.at + walk.size)
      const time = this.#timeOf(number)
      number++
      yield { track, data: frame.subarray(this.#sound.headerSizeOf(frame)), pts: time, dts: time, key: true }
    }
  }

  get #sampleRate(): number {
    return this.#sound.track.timescale
  }

  #timeOf(frameNumber: number): Micros {
    const { samplesPerFrame, leadingSamples } = this.#sound
    return ticksToMicros(frameNumber * samplesPerFrame - leadingSamples, this.#sampleRate)
  }

  #frameNumberAt(time: Micros): number {
    const { samplesPerFrame, leadingSamples } = this.#sound
    return Math.round((microsToTicks(time, this.#sampleRate) + leadingSamples) / samplesPerFrame)
  }

  /** The place of a time is known exactly only when the frames before it were counted: tables of contents are a second off or more. */
  async #keyAt(time: Micros): Promise<KeyPoint | undefined> {
    return time <= 0 ? undefined : keyPointAt((await this.#scan()).keyPoints, time)
  }

  #scan(): Promise<Scanned> {
    this.#scanning ??= this.#readThrough().then(
      (scanned) => {
        this.#frameCount = scanned.frameCount
        return scanned
      },
      (error: unknown) => {
        this.#scanning = undefined
        throw error
      },
    )
    return this.#scanning
  }

  async #readThrough(): Promise<Scanned> {
    const { frames, from, to } = this.#sound
    const walk = new FrameWalk(this.#source, frames, { from, to, blockBytes: SCAN_BLOCK_BYTES, notes: this.#notes })
    const list = new KeyPointList()
    let frameCount = 0
    let next = Number.NEGATIVE_INFINITY
    while (walk.next() || (await walk.fill())) {
      if (!walk.found) continue
      const time = this.#timeOf(frameCount)
      frameCount++
      if (time < next) continue
      list.add({ dts: time, pts: time, position: walk.position })
      next = time + MICROS_PER_SECOND
    }
    return { keyPoints: list.points, frameCount }
  }
}
