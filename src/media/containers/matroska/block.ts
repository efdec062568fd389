/** Blocks: head and lacing (RFC 9559 section 10). */
import { FormatError } from '../../../errors.ts'
import { readVint } from './ebml.ts'

/** Track number, relative time and flags, at most. */
export const MAX_BLOCK_HEAD_BYTES = 11
/** Two bytes of time, one of flags. */
const FIXED_HEAD_BYTES = 3
const FLAG_KEY = 0x80
const LACING = { XIPH: 1, FIXED: 2, EBML: 3 } as const

/** What a block begins with. */
export interface BlockHead {
  readonly headBytes: number
  readonly trackNumber: number
  /** Ticks, from the time of the cluster. */
  readonly relativeTime: number
  /** In simple blocks only. */
  readonly key: boolean
  /** 0: the block is one frame. */
  readonly lacing: number
}

/** `undefined` where there is none, or it is cut short. */
export function readBlockHead(bytes: Uint8Array): BlockHead | undefined {
  const track = readVint(bytes, 0)
  if (track?.value === undefined || bytes.byteLength < track.bytes + FIXED_HEAD_BYTES) return undefined
  const at = track.bytes
  const flags = bytes[at + 2] as number
  return {
    headBytes: at + FIXED_HEAD_BYTES,
    trackNumber: track.value,
    relativeTime: (((bytes[at] as number) << 24) >> 16) | (bytes[at + 1] as number),
    key: (flags & FLAG_KEY) !== 0,
    lacing: (flags >> 1) & 3,
  }
}

/** The frames in what follows the head, as views. Throws ERR_MATROSKA_LACING for sizes that do not fit. */
export function framesOf(data: Uint8Array, lacing: number): Uint8Array[] {
  if (lacing === 0) return [data]
  const count = (data[0] ?? 0) + 1
  const sizes = new LaceSizes(data, count)
  if (lacing === LACING.XIPH) sizes.readXiph()
  else if (lacing === LACING.EBML) sizes.readEbml()
  else sizes.readFixed()
  let at = sizes.position
  return sizes.list.map((size) => data.subarray(at, (at += size)))
}

/** Sizes of the frames of a laced block: those of all but the last are told. */
class LaceSizes {
  readonly list: number[] = []
  /** Where the first frame begins, once the sizes are read. */
  position = 1
  readonly #data: Uint8Array
  readonly #count: number
  #total = 0

  constructor(data: Uint8Array, count: number) {
    this.#data = data
    this.#count = count
    if (data.byteLength === 0) throw this.#wrong()
  }

  readXiph(): void {
    while (this.list.length < this.#count - 1) {
      let size = 0
      let byte = 0xff
      while (byte === 0xff) {
        byte = this.#data[this.position++] ?? this.#end()
        size += byte
      }
      this.#add(size)
    }
    this.#addLast()
  }

  readEbml(): void {
    let size = 0
    while (this.list.length < this.#count - 1) {
      const vint = readVint(this.#data, this.position)
      if (vint?.value === undefined) throw this.#wrong()
      this.position += vint.bytes
      // Behind the first, differences: as many negative ones as others.
      size = this.list.length === 0 ? vint.value : size + vint.value - (2 ** (7 * vint.bytes - 1) - 1)
      this.#add(size)
    }
    this.#addLast()
  }

  readFixed(): void {
    const bytes = this.#data.byteLength - this.position
    if (bytes % this.#count !== 0) throw this.#wrong()
    for (let i = 0; i < this.#count; i++) this.#add(bytes / this.#count)
  }

  #add(size: number): void {
    this.#total += size
    if (size < 0 || this.#total > this.#data.byteLength - this.position) throw this.#wrong()
    this.list.push(size)
  }

  #addLast(): void {
    this.#add(this.#data.byteLength - this.position - this.#total)
  }

  #end(): never {
    throw this.#wrong()
  }

  #wrong(): FormatError {
    return new FormatError(
      'ERR_MATROSKA_LACING',
      `expected the sizes of ${this.#count} frames in a block of ${this.#data.byteLength} bytes, found others`,
    )
  }
}
