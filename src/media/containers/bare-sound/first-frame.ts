/** Where bare sound begins: the first place at which several frames follow each other. */
import { FormatError } from '../../../errors.ts'
import type { ByteSource } from '../../byte-source.ts'
import type { BareFrameFormat } from './frame-walk.ts'

/** Frames that must follow each other: a sync word is twelve bits that occur by chance. */
const AGREEING = 3
/** Bytes behind tags that are searched. */
const MAX_SEARCHED_BYTES = 1024 * 1024

/**
 * The first place below `within` at which three frames follow each other; where the bytes end before the third, two are enough, and one
 * where it fills them to the end. `undefined` when there is none.
 */
export function findFirstFrame(bytes: Uint8Array, format: BareFrameFormat, within: number): number | undefined {
  const last = Math.min(within, bytes.byteLength - format.headerSize + 1)
  for (let at = 0; at < last; at++) {
    const next = bytes.indexOf(format.syncByte, at)
    if (next === -1 || next >= last) return undefined
    at = next
    if (agrees(bytes, at, format)) return at
  }
  return undefined
}

/** The same in a file. Throws FormatError when the first megabyte behind `from` has no such place. */
export async function locateFirstFrame(
  source: ByteSource,
  format: BareFrameFormat,
  from: number,
): Promise<{ readonly position: number; readonly bytes: Uint8Array }> {
  const bytes = await source.read(from, Math.min(MAX_SEARCHED_BYTES, Math.max(0, source.size - from)))
  const at = findFirstFrame(bytes, format, bytes.byteLength)
  if (at === undefined) {
    throw new FormatError('ERR_SOUND_NO_FRAMES', `expected frames of sound that follow each other, found none`, from)
  }
  return { position: from + at, bytes: bytes.subarray(at) }
}

function agrees(bytes: Uint8Array, from: number, format: BareFrameFormat): boolean {
  let at = from
  for (let count = 0; count < AGREEING; count++) {
    if (at + format.headerSize > bytes.byteLength) return count > 1 || (count === 1 && at === bytes.byteLength)
    const size = format.sizeAt(bytes, at)
    if (size === 0) return false
    at += size
  }
  return true
}
