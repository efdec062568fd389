/** When an FLV file ends, from the tags at its end: each has its size behind it (Video File Format 10.1 annex E.3). */
import { FormatError } from '../../../errors.ts'
import type { ByteSource } from '../../byte-source.ts'
import { ByteReader } from '../../bytes/byte-reader.ts'
import { MICROS_PER_MS, type Micros } from '../../time.ts'
import { readTagHeader, TAG_HEADER_SIZE, TAG_TRAILER_SIZE } from './tag.ts'
import { readVideoTag } from './video-tag.ts'

/** Tags that are looked at: pictures come out of order, and script data may stand behind them. */
const MAX_TAGS = 32
/** Two of each kind tell when it ends. */
const TIMES_PER_KIND = 6
/** Of a body: enough for the composition time. */
const HEAD_BYTES = 16

/** End of the last picture or sound in the time of the file, start at `start`; `undefined` where the file does not end with whole tags. */
export async function findLastTime(source: ByteSource, start: number): Promise<Micros | undefined> {
  const times = { audio: [] as number[], video: [] as number[] }
  try {
    let end = source.size
    for (let count = 0; count < MAX_TAGS && end - TAG_TRAILER_SIZE - TAG_HEADER_SIZE >= start; count++) {
      const size = new ByteReader(await source.read(end - TAG_TRAILER_SIZE, TAG_TRAILER_SIZE)).u32()
      const position = end - TAG_TRAILER_SIZE - size
      if (position < start) break
      const bytes = await source.read(position, Math.min(size, TAG_HEADER_SIZE + HEAD_BYTES))
      const header = readTagHeader(bytes, position)
      if (header.size + TAG_HEADER_SIZE !== size) break
      const body = bytes.subarray(TAG_HEADER_SIZE)
      if (header.type === 'audio') times.audio.push(header.timestampMs)
      else if (header.type === 'video') times.video.push(...shownAt(body).map((ms) => header.timestampMs + ms))
      if (times.audio.length >= TIMES_PER_KIND && times.video.length >= TIMES_PER_KIND) break
      end = position
    }
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
  }
  const ends = [endOf(times.audio), endOf(times.video)].filter((time) => time !== undefined)
  return ends.length === 0 ? undefined : Math.max(...ends) * MICROS_PER_MS
}

/** Milliseconds after the tag's time. */
function shownAt(body: Uint8Array): number[] {
  return readVideoTag(body).flatMap(({ kind, compositionMs }) => (kind === 'frame' ? [compositionMs] : []))
}

/** The last one lasts as long as the one before. */
function endOf(times: readonly number[]): number | undefined {
  const [last, before] = times.toSorted((a, b) => b - a)
  return last === undefined ? undefined : last + (before === undefined ? 0 : last - before)
}
