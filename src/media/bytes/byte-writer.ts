/** Writes integers and byte strings into a growing buffer. */

const DEFAULT_CAPACITY = 256
/** Of writers that are done. */
const EMPTY = new Uint8Array(0)
const EMPTY_VIEW = new DataView(EMPTY.buffer)

/** All integers are big-endian unless the name ends in `le`. */
export class ByteWriter {
  #bytes: Uint8Array
  #view: DataView
  #length = 0

  constructor(capacity = DEFAULT_CAPACITY) {
    this.#bytes = new Uint8Array(capacity)
    this.#view = new DataView(this.#bytes.buffer)
  }

  get length(): number {
    return this.#length
  }

  u8(value: number): this {
    const at = this.reserve(1)
    this.#view.setUint8(at, value)
    return this
  }

  u16(value: number): this {
    const at = this.reserve(2)
    this.#view.setUint16(at, value)
    return this
  }

  i16(value: number): this {
    const at = this.reserve(2)
    this.#view.setInt16(at, value)
    return this
  }

  u24(value: number): this {
    const at = this.reserve(3)
    this.#view.setUint16(at, value >>> 8)
    this.#view.setUint8(at + 2, value & 0xff)
    return this
  }

  u32(value: number): this {
    const at = this.reserve(4)
    this.#view.setUint32(at, value)
    return this
  }

  i32(value: number): this {
    const at = this.reserve(4)
    this.#view.setInt32(at, value)
    return this
  }

  u64(value: number): this {
    const at = this.reserve(8)
    this.#view.setUint32(at, Math.floor(value / 2 ** 32))
    this.#view.setUint32(at + 4, value >>> 0)
    return this
  }

  f32(value: number): this {
    const at = this.reserve(4)
    this.#view.setFloat32(at, value)
    return this
  }

  f64(value: number): this {
    const at = this.reserve(8)
    this.#view.setFloat64(at, value)
    return this
  }

  u16le(value: number): this {
    const at = this.reserve(2)
    this.#view.setUint16(at, value, true)
    return this
  }

  u24le(value: number): this {
    const at = this.reserve(3)
    this.#view.setUint16(at, value & 0xffff, true)
    this.#view.setUint8(at + 2, value >>> 16)
    return this
  }

  u32le(value: number): this {
    const at = this.reserve(4)
    this.#view.setUint32(at, value, true)
    return this
  }

  u64le(value: number): this {
    const at = this.reserve(8)
    this.#view.setUint32(at, value >>> 0, true)
    this.#view.setUint32(at + 4, Math.floor(value / 2 ** 32), true)
    return this
  }

  bytes(data: Uint8Array): this {
    const at = this.reserve(data.byteLength)
    this.#bytes.set(data, at)
    return this
  }

  zeros(count: number): this {
    const at = this.reserve(count)
    this.#bytes.fill(0, at, at + count)
    return this
  }

  /** Text, one byte a character (box types, FourCC). */
  latin1(text: string): this {
    const at = this.reserve(text.length)
    for (let i = 0; i < text.length; i++) this.#bytes[at + i] = text.charCodeAt(i)
    return this
  }

  utf8(text: string): this {
    return this.bytes(utf8.encode(text))
  }

  /** Makes room for `count` bytes (their content is undefined) and returns their position, to be patched later. */
  reserve(count: number): number {
    const at = this.#length
    const end = at + count
    if (end > this.#bytes.byteLength) this.#grow(end)
    this.#length = end
    return at
  }

  /** Overwrites 32 bits that were written or reserved before. */
  patchU32(position: number, value: number): void {
    this.#view.setUint32(position, value)
  }

  patchU24(position: number, value: number): void {
    this.#view.setUint16(position, value >>> 8)
    this.#view.setUint8(position + 2, value & 0xff)
  }

  patchU32le(position: number, value: number): void {
    this.#view.setUint32(position, value, true)
  }

  /** What was written, as a view: valid until the next write. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  /** What was written, as bytes of its own. */
  toBytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }

  /** Hands the buffer over without a copy and starts a new one. `nextCapacity` bytes are made ready for it. */
  detach(nextCapacity = DEFAULT_CAPACITY): Uint8Array {
    const written = this.view()
    this.#bytes = nextCapacity === 0 ? EMPTY : new Uint8Array(nextCapacity)
    this.#view = nextCapacity === 0 ? EMPTY_VIEW : new DataView(this.#bytes.buffer)
    this.#length = 0
    return written
  }

  /** Forgets what was written, keeping the buffer. */
  clear(): void {
    this.#length = 0
  }

  #grow(needed: number): void {
    const larger = new Uint8Array(Math.max(needed, this.#bytes.byteLength * 2))
    larger.set(this.view())
    this.#bytes = larger
    this.#view = new DataView(larger.buffer)
  }
}

// Media code runs in Node and in browsers; both have TextEncoder, but neither's type library is loaded here.
declare const TextEncoder: new () => { encode(text: string): Uint8Array }
const utf8 = new TextEncoder()
