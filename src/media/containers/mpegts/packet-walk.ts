/** Goes through the packets of a file fast: in large blocks, looking at headers only. */
import type { ByteSource } from '../../byte-source.ts'
import { MAX_PIDS, TS_PACKET_SIZE, TS_SYNC_BYTE } from './packet.ts'
import { findPacketSync, searchedTo } from './packet-sync.ts'

/** Read at once by a walk through a whole file. */
export const WALK_BLOCK_BYTES = 4 * 1024 * 1024

/** Which packets of a PID are wanted. */
export const WANTED = { NONE: 0, UNIT_STARTS: 1, ALL: 2 } as const

export interface PacketVisitor {
  /** One of `WANTED` for each PID; may change at any time. */
  readonly wanted: Uint8Array
  /** Whether the walk is over. */
  readonly done: boolean
  /** Takes a wanted packet, which begins at `at` of `bytes` and at `position` of the file. */
  visit(bytes: Uint8Array, at: number, position: number): void
}

/** A table for `PacketVisitor.wanted` that wants nothing. */
export function nothingWanted(): Uint8Array {
  return new Uint8Array(MAX_PIDS)
}

/** Shows a visitor the packets between two places of a file, the packet at `to` excluded. */
export async function walkPackets(
  source: ByteSource,
  from: number,
  to: number,
  visitor: PacketVisitor,
  blockBytes: number = WALK_BLOCK_BYTES,
): Promise<void> {
  const end = Math.min(to, source.size)
  let stride: number | undefined
  for (let position = from; position < end && !visitor.done; ) {
    const bytes = await source.read(position, Math.min(blockBytes, end - position))
    const final = bytes.byteLength < blockBytes || position + bytes.byteLength >= end
    let at = 0
    while (!visitor.done) {
      if (stride === undefined) {
        const sync = findPacketSync(bytes, at, final)
        if (sync === undefined) {
          at = Math.max(at, searchedTo(bytes))
          break
        }
        at = sync.at
        stride = sync.stride
      }
      at = visitRun(bytes, at, stride, position, visitor)
      if (at + TS_PACKET_SIZE > bytes.byteLength) break
      stride = undefined
    }
    if (final || at === 0) return
    position += at
  }
}

/** Visits packets until one has no sync byte or is not whole; returns where. */
function visitRun(bytes: Uint8Array, from: number, stride: number, position: number, visitor: PacketVisitor): number {
  const { wanted } = visitor
  const last = bytes.byteLength - TS_PACKET_SIZE
  let at = from
  for (; at <= last && bytes[at] === TS_SYNC_BYTE; at += stride) {
    const second = bytes[at + 1] as number
    const want = wanted[((second & 0x1f) << 8) | (bytes[at + 2] as number)] as number
    if (want === WANTED.NONE || (want === WANTED.UNIT_STARTS && (second & 0x40) === 0)) continue
    visitor.visit(bytes, at, position + at)
    if (visitor.done) break
  }
  return at
}
