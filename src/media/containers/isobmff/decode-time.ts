/** Moves fragments on the time line without writing them anew: only `tfdt` says where they are (ISO/IEC 14496-12 section 8.8.12). */
import { FormatError } from '../../../errors.ts'
import { type Box, childBoxes, readFullBoxHeader, topLevelBoxes } from './box.ts'

/** Adds `ticks` to the decode time of every fragment in `bytes`, in place. Throws FormatError for other boxes than `writeFragment` makes. */
export function shiftDecodeTimes(bytes: Uint8Array, ticks: number): void {
  if (ticks === 0) return
  for (const box of topLevelBoxes(bytes)) {
    if (box.type === 'moof') for (const place of places(box)) shift(bytes, place, ticks)
  }
}

/**
 * The pieces of one fragment, `styp` allowed, with `ticks` added to its decode time: the first is a copy up to that field, and the second the
 * rest as it is.
 */
export function withDecodeTime(fragment: Uint8Array, ticks: number): readonly [Uint8Array, Uint8Array] {
  for (const box of topLevelBoxes(fragment)) {
    const [place] = box.type === 'moof' ? places(box) : []
    if (place === undefined) continue
    const head = fragment.slice(0, place + 8)
    shift(head, place, ticks)
    return [head, fragment.subarray(place + 8)]
  }
  throw new FormatError('ERR_MP4_NO_MOOF', 'expected a fragment, found none')
}

/** Where the 64 bits of each `tfdt` begin. */
function* places(parent: Box): Generator<number, void, undefined> {
  for (const box of childBoxes(parent)) {
    if (box.type === 'traf') yield* places(box)
    else if (box.type === 'tfdt') {
      const { version } = readFullBoxHeader(box.body)
      if (version !== 1) {
        throw new FormatError('ERR_MP4_VERSION', `expected version 1 of tfdt, found ${version}`, box.body.offset)
      }
      yield box.body.offset
    }
  }
}

function shift(bytes: Uint8Array, place: number, ticks: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const time = Number(view.getBigUint64(place)) + ticks
  if (time < 0 || !Number.isSafeInteger(time)) {
    throw new FormatError('ERR_MP4_DECODE_TIME', `expected a decode time from 0 on, found ${time}`, place)
  }
  view.setBigUint64(place, BigInt(time))
}
