/** Reads integers and byte strings from one piece of bytes, with a cursor. Leaving the range is a FormatError with the offset. */
import { FormatError } from '../../errors.ts'

const MAX_SAFE_HIGH_WORD = 0x1f_ffff

/** All integers are big-endian unless the name ends in `le`. Views handed out share memory with the input. */
export class ByteReader {
  readonly bytes: Uint8Array
  /** Made when first needed: many readers only take bytes and views, and a DataView costs more than they do. */
  #lazyView: DataView | undefined
  /** Added to offsets in errors, so that a reader of a part reports positions in the whole. */
  readonly #origin: number
  #position = 0

  constructor(bytes: Uint8Array, origin = 0) {
    this.bytes = bytes
    this.#origin = origin
  }

  get position(): number {
    return this.#position
  }

  /** Offset in the whole input, for error messages. */
  get offset(): number {
    return this.#origin + this.#position
  }

  get remaining(): number {
    return this.bytes.byteLength - this.#position
  }

  u8(): number {
    return this.bytes[this.#take(1)] as number
  }

  i8(): number {
    return this.#view.getInt8(this.#take(1))
  }

  u16(): number {
    const at = this.#take(2)
    return ((this.bytes[at] as number) << 8) | (this.bytes[at + 1] as number)
  }

  i16(): number {
    return this.#view.getInt16(this.#take(2))
  }

  u24(): number {
    const at = this.#take(3)
    const { bytes } = this
    return ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number)
  }

  i24(): number {
    return (this.u24() << 8) >> 8
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4))
  }

  i32(): number {
    return this.#view.getInt32(this.#take(4))
  }

  /** A number; values of 2^53 and above are refused, because they would lose bits. */
  u64(): number {
    const at = this.#take(8)
    return this.#join(this.#view.getUint32(at), this.#view.getUint32(at + 4), at)
  }

  /** Signed; magnitudes of 2^53 and above are refused. */
  i64(): number {
    const at = this.#take(8)
    const value = Number(this.#view.getBigInt64(at))
    if (!Number.isSafeInteger(value)) throw this.#tooLarge(at)
    return value
  }

  f32(): number {
    return this.#view.getFloat32(this.#take(4))
  }

  f64(): number {
    return this.#view.getFloat64(this.#take(8))
  }

  u16le(): number {
    return this.#view.getUint16(this.#take(2), true)
  }

  i16le(): number {
    return this.#view.getInt16(this.#take(2), true)
  }

  u24le(): number {
    const at = this.#take(3)
    return this.#view.getUint16(at, true) + this.#view.getUint8(at + 2) * 65536
  }

  u32le(): number {
    return this.#view.getUint32(this.#take(4), true)
  }

  i32le(): number {
    return this.#view.getInt32(this.#take(4), true)
  }

  u64le(): number {
    const at = this.#take(8)
    return this.#join(this.#view.getUint32(at + 4, true), this.#view.getUint32(at, true), at)
  }

  /** The next `count` bytes as a view. */
  view(count: number): Uint8Array {
    const at = this.#take(count)
    return this.bytes.subarray(at, at + count)
  }

  /** All bytes that are left, as a view. */
  rest(): Uint8Array {
    return this.view(this.remaining)
  }

  skip(count: number): void {
    this.#take(count)
  }

  /** A reader of the next `count` bytes that cannot leave them. */
  sub(count: number): ByteReader {
    const origin = this.offset
    return new ByteReader(this.view(count), origin)
  }

  /** `count` bytes as text, one character a byte (box types, FourCC). */
  latin1(count: number): string {
    const start = this.#take(count)
    let text = ''
    for (let at = start; at < start + count; at++) text += String.fromCharCode(this.bytes[at] as number)
    return text
  }

  /** `count` bytes as UTF-8; malformed sequences become U+FFFD. */
  utf8(count: number): string {
    return utf8.decode(this.view(count))
  }

  /** The next byte without moving. */
  peekU8(): number {
    const value = this.bytes[this.#position]
    if (value === undefined) throw this.#short(1)
    return value
  }

  get #view(): DataView {
    const { bytes } = this
    this.#lazyView ??= new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    return this.#lazyView
  }

  #take(count: number): number {
    const at = this.#position
    if (!(count >= 0) || count > this.bytes.byteLength - at) throw this.#short(count)
    this.#position = at + count
    return at
  }

  #join(high: number, low: number, at: number): number {
    if (high > MAX_SAFE_HIGH_WORD) throw this.#tooLarge(at)
    return high * 2 ** 32 + low
  }

  #short(wanted: number): FormatError {
    return new FormatError('ERR_MEDIA_TRUNCATED', `expected ${wanted} more bytes, found ${this.remaining}`, this.offset)
  }

  #tooLarge(at: number): FormatError {
    return new FormatError('ERR_MEDIA_NUMBER_TOO_LARGE', 'expected a 64-bit number below 2^53', this.#origin + at)
  }
}

// Media code runs in Node and in browsers; both have TextDecoder, but neither's type library is loaded here.
declare const TextDecoder: new () => { decode(bytes: Uint8Array): string }
const utf8 = new TextDecoder()
