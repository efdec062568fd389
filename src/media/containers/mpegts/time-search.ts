/** Finds places in a transport stream by time, where no index is: by reading little pieces of it. */
import type { ByteSource } from '../../byte-source.ts'
import { TsPacketCursor } from './packet.ts'
import { nothingWanted, type PacketVisitor, WANTED, walkPackets } from './packet-walk.ts'
import { readPesHeader } from './pes.ts'

/** Read at once to find a time. */
const PROBE_BYTES = 64 * 1024
/** Read at most to find one: of a picture at 100 Mb/s two frames. */
const MAX_PROBE_BYTES = 2 * 1024 * 1024
/** Places closer to each other than this are not told apart. */
const SEARCH_BYTES = 256 * 1024

/** A PES packet and its decode time as it stands there: 33 bits. */
export interface ClockPlace {
  readonly clock: number
  /** Bytes. */
  readonly position: number
}

/** The first time of one of these streams at `from` or behind; `undefined` when none is near. */
export async function findClock(
  source: ByteSource,
  from: number,
  pids: readonly number[],
): Promise<ClockPlace | undefined> {
  const finder = new ClockFinder(pids)
  await walkPackets(source, from, from + MAX_PROBE_BYTES, finder, PROBE_BYTES)
  return finder.found
}

/**
 * The last place, roughly, behind which units of a stream are decoded at `time` or before. `timeAt` gives the time of a place, in any
 * unit; `undefined` where there is none near, which counts as later.
 */
export async function findPosition(
  size: number,
  time: number,
  timeAt: (position: number) => Promise<number | undefined>,
): Promise<number> {
  let low = 0
  let high = size
  while (high - low > SEARCH_BYTES) {
    const middle = Math.floor((low + high) / 2)
    const found = await timeAt(middle)
    if (found !== undefined && found <= time) low = middle
    else high = middle
  }
  return low
}

class ClockFinder implements PacketVisitor {
  readonly wanted = nothingWanted()
  found: ClockPlace | undefined
  readonly #packet = new TsPacketCursor()

  constructor(pids: readonly number[]) {
    for (const pid of pids) this.wanted[pid] = WANTED.UNIT_STARTS
  }

  get done(): boolean {
    return this.found !== undefined
  }

  visit(bytes: Uint8Array, at: number, position: number): void {
    const packet = this.#packet
    packet.read(bytes, at)
    if (packet.error || packet.scrambled) return
    const header = readPesHeader(bytes.subarray(packet.payloadAt, packet.payloadEnd))
    if (header === undefined || header === 'none' || header.dts === undefined) return
    this.found = { clock: header.dts, position }
  }
}
