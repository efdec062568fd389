/** What is played of an ASF file, whether there is one or it is made while it is played. */
import type { AsfInit, AsfPacket } from '../../media/containers/asf/model.ts'

/** `AsfFile` is one. Times are media time in milliseconds. Asked for one thing at a time by one viewer. */
export interface PlayableAsf {
  readonly init: AsfInit
  /** No packet has this number or a higher one. */
  readonly packetCount: number
  readonly durationMs: number
  /** Up to `count` packets from that number on, or from the next that there is; none behind the end. */
  readPackets(first: number, count: number): Promise<readonly AsfPacket[]>
  /** Number of the packet to start from for a time: where the last key frame begins that is shown then or before. */
  packetAt(timeMs: number): Promise<number>
  /** Number of the packet in which the key frame before, or behind, that packet begins; `undefined`: there is none. */
  previousKey(number: number): Promise<number | undefined>
  nextKey(number: number): Promise<number | undefined>
}
