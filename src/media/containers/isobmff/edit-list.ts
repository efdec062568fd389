/** The edit list of a track: when its media begins in the movie, and which part of it is shown (ISO/IEC 14496-12 section 8.6.6). */
import { type Box, readEntryCount, readFullBoxHeader } from './box.ts'

/** Its first edit that shows media is honoured, with the empty ones before it; rates are not. */
export interface EditList {
  /** Ticks of the movie: how much later than the movie the media begins. */
  readonly emptyTicks: number
  /** Ticks of the media: where in it the movie begins. */
  readonly mediaTime: number
  /** Ticks of the movie that are shown from there; 0: all. */
  readonly shownTicks: number
  /** Edits behind it, which are not honoured. */
  readonly furtherEdits: number
}

/** A track without an edit list. */
export const NO_EDITS: EditList = { emptyTicks: 0, mediaTime: 0, shownTicks: 0, furtherEdits: 0 }

/** Reads `elst`. Throws FormatError for more entries than are there, and for times of 2^53 and above. */
export function readEditList({ body }: Box): EditList {
  const wide = readFullBoxHeader(body).version === 1
  const count = readEntryCount(body, wide ? 20 : 12, 'elst')
  let emptyTicks = 0
  for (let i = 0; i < count; i++) {
    const duration = wide ? body.u64() : body.u32()
    const mediaTime = wide ? body.i64() : body.i32()
    body.skip(4)
    if (mediaTime >= 0) {
      return { emptyTicks, mediaTime, shownTicks: duration, furtherEdits: count - i - 1 }
    }
    emptyTicks += duration
  }
  return { ...NO_EDITS, emptyTicks }
}
