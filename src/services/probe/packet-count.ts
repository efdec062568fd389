/** Counts all packets of a file, by track. */
import type { MediaReader } from '../../media/reader.ts'
import { MICROS_PER_SECOND } from '../../media/time.ts'

/** Packets between two reports of how far it is. */
const REPORT_EVERY = 500

/** What one track's packets are together. */
export interface PacketCount {
  readonly count: number
  /** Of which decoding can start with. */
  readonly keys: number
  readonly bytes: number
  /** Bytes of the largest. */
  readonly largest: number
  /** Seconds: presentation time of the first and the last to be shown. */
  readonly first: number
  readonly last: number
  /** Bits a second over the duration of the file. */
  readonly bitrateBps: number
}

/** By id of the track. Ends early when the signal aborts. */
export async function countPackets(
  reader: MediaReader,
  options: { readonly signal: AbortSignal | undefined; readonly onProgress: ((done: number) => void) | undefined },
): Promise<ReadonlyMap<number, PacketCount>> {
  const { signal, onProgress } = options
  const counts = new Map<
    number,
    { count: number; keys: number; bytes: number; largest: number; first: number; last: number }
  >()
  let read = 0
  for await (const { track, data, pts, dts, key } of reader.packets(Number.NEGATIVE_INFINITY)) {
    if (signal?.aborted === true) break
    let own = counts.get(track.id)
    if (own === undefined) {
      own = { count: 0, keys: 0, bytes: 0, largest: 0, first: pts, last: pts }
      counts.set(track.id, own)
    }
    own.count++
    if (key) own.keys++
    own.bytes += data.byteLength
    own.largest = Math.max(own.largest, data.byteLength)
    own.first = Math.min(own.first, pts)
    own.last = Math.max(own.last, pts)
    if (++read % REPORT_EVERY === 0 && reader.duration > 0)
      onProgress?.(Math.max(0, Math.min(1, dts / reader.duration)))
  }
  onProgress?.(1)
  const seconds = reader.duration / MICROS_PER_SECOND
  return new Map(
    [...counts].map(([id, { first, last, ...count }]) => [
      id,
      {
        ...count,
        first: first / MICROS_PER_SECOND,
        last: last / MICROS_PER_SECOND,
        bitrateBps: seconds > 0 ? Math.round((count.bytes * 8) / seconds) : 0,
      },
    ]),
  )
}
