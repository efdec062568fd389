/** Bytes of recorded segments that were asked for a moment ago, of all paths together, and those that are being read. */
import { open } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import { shiftDecodeTimes } from '../../media/containers/isobmff/decode-time.ts'
import type { Extent } from './recording-index.ts'

/** Where a segment lies. */
export interface RecordedBytes {
  /** The recording. */
  readonly path: string
  readonly extents: readonly Extent[]
  readonly sum: number
  /** Ticks to be added to the decode times in the file. */
  readonly shift: number
}

/** Enough for a hundred viewers who go back at different places at 5 Mb/s. */
const MAX_BYTES = 128 * 1024 * 1024
/** What lies between the parts of a segment is read along with them when it is not more than they are. */
const MAX_WASTE = 1

export class SegmentCache {
  readonly #maxBytes: number
  /** The least lately used first. */
  readonly #kept = new Map<object, Buffer>()
  readonly #reading = new Map<object, Promise<Buffer | undefined>>()
  #bytes = 0

  constructor(maxBytes: number = MAX_BYTES) {
    this.#maxBytes = maxBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  /** `key` is known by identity. `undefined`: the file is gone, or its bytes do not fit their sum. */
  read(key: object, place: RecordedBytes): Promise<Buffer | undefined> {
    const kept = this.#kept.get(key)
    if (kept !== undefined) {
      this.#kept.delete(key)
      this.#kept.set(key, kept)
      return Promise.resolve(kept)
    }
    let reading = this.#reading.get(key)
    if (reading === undefined) {
      reading = readSegment(place)
        .catch(() => undefined)
        .then((bytes) => {
          this.#reading.delete(key)
          if (bytes !== undefined) this.#keep(key, bytes)
          return bytes
        })
      this.#reading.set(key, reading)
    }
    return reading
  }

  #keep(key: object, bytes: Buffer): void {
    if (bytes.byteLength > this.#maxBytes) return
    this.#kept.set(key, bytes)
    this.#bytes += bytes.byteLength
    for (const [oldest, { byteLength }] of this.#kept) {
      if (this.#bytes <= this.#maxBytes) return
      this.#kept.delete(oldest)
      this.#bytes -= byteLength
    }
  }
}

async function readSegment(place: RecordedBytes): Promise<Buffer | undefined> {
  const bytes = await readExtents(place)
  if (crc32(bytes) !== place.sum) return undefined
  shiftDecodeTimes(bytes, place.shift)
  return bytes
}

/** The bytes of all extents in a row; rejects when the file does not have them. */
export async function readExtents({ path, extents }: Pick<RecordedBytes, 'path' | 'extents'>): Promise<Buffer> {
  const first = extents[0]
  const last = extents.at(-1)
  if (first === undefined || last === undefined) return Buffer.alloc(0)
  const total = extents.reduce((sum, [, length]) => sum + length, 0)
  const span = last[0] + last[1] - first[0]
  const file = await open(path, 'r')
  try {
    const read = async (offset: number, length: number) => {
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafeSlow(length), 0, length, offset)
      if (bytesRead < length) throw new RangeError(`expected ${length} bytes at ${offset}`)
      return buffer
    }
    if (extents.length === 1) return await read(...first)
    if (span > total * (1 + MAX_WASTE))
      return Buffer.concat(await Promise.all(extents.map((extent) => read(...extent))))
    const around = await read(first[0], span)
    return Buffer.concat(
      extents.map(([offset, length]) => around.subarray(offset - first[0], offset - first[0] + length)),
    )
  } finally {
    await file.close()
  }
}
