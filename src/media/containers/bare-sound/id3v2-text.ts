/** Text in ID3v2 frames: ID3v2.4.0 structure, section 4, and frames, section 4.2. */
import { ByteReader } from '../../bytes/byte-reader.ts'

const ENCODING = { LATIN1: 0, UTF16: 1, UTF16_BE: 2, UTF8: 3 } as const
/** Characters of a text that are kept. */
const MAX_CHARACTERS = 1000

/** The content of a text frame: its encoding, then the text; of several values the first one. Control characters become spaces. */
export function decodeId3Text(content: Uint8Array): string {
  const encoding = content[0]
  if (encoding === undefined) return ''
  const text = decode(encoding, content.subarray(1))
  const [first = ''] = text.split('\0', 1)
  return clean(first)
}

/** Where a text of this encoding that begins at `at` ends, its terminator included; the end of the bytes where it has none. */
export function endOfId3Text(encoding: number, bytes: Uint8Array, at: number): number {
  if (encoding !== ENCODING.UTF16 && encoding !== ENCODING.UTF16_BE) {
    const zero = bytes.indexOf(0, at)
    return zero === -1 ? bytes.byteLength : zero + 1
  }
  for (let i = at; i + 1 < bytes.byteLength; i += 2) if (bytes[i] === 0 && bytes[i + 1] === 0) return i + 2
  return bytes.byteLength
}

function decode(encoding: number, bytes: Uint8Array): string {
  switch (encoding) {
    case ENCODING.LATIN1:
      return latin1(bytes)
    case ENCODING.UTF16: {
      const isLittle = bytes[0] === 0xff && bytes[1] === 0xfe
      const isMarked = isLittle || (bytes[0] === 0xfe && bytes[1] === 0xff)
      return utf16(isMarked ? bytes.subarray(2) : bytes, isLittle)
    }
    case ENCODING.UTF16_BE:
      return utf16(bytes, false)
    case ENCODING.UTF8:
      return new ByteReader(bytes).utf8(bytes.byteLength)
    default:
      return ''
  }
}

function latin1(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return text
}

function utf16(bytes: Uint8Array, littleEndian: boolean): string {
  let text = ''
  for (let at = 0; at + 1 < bytes.byteLength; at += 2) {
    const [a = 0, b = 0] = [bytes[at], bytes[at + 1]]
    text += String.fromCharCode(littleEndian ? (b << 8) | a : (a << 8) | b)
  }
  return text.toWellFormed()
}

function clean(text: string): string {
  return text
    .slice(0, MAX_CHARACTERS)
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ')
    .trim()
    .toWellFormed()
}
