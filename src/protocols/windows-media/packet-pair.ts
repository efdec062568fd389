/** Three packets that let a player measure its line before it chooses streams (MS-WMSP 2.2.3.7, 3.1.5.6, 4.3). */
import { PACKET } from './framing.ts'

/** Bytes of all three packets, whatever the size of the header block. */
export const PACKET_PAIR_LENGTH = 2080
/** Bytes of the second packet on the wire, by which the bit rate is measured. */
export const PAIR_SECOND_LENGTH = 512

const FULL = 504
const LAST = 1048
const HEAD = 8

/** Three packets; the second is to reach the wire alone and at once behind the first, so that the time between them tells the bit rate. */
export type PacketPair = readonly [first: Uint8Array, second: Uint8Array, third: Uint8Array]

/**
 * `headerBlockSize`: bytes of the answer's head, blank line included. `random` gives so many bytes that no compression makes shorter.
 * The length fields of the first and the third do not tell their lengths: the documents say so.
 */
export function packetPair(headerBlockSize: number, random: (count: number) => Uint8Array): PacketPair {
  const size = Math.min(FULL, headerBlockSize)
  return [
    packet(FULL, size, random(FULL - size)),
    packet(FULL, size, random(FULL)),
    packet(LAST, size, random(LAST + size)),
  ]
}

/** Bits a second, from the arrivals of the first and the second packet in microseconds; `undefined` when the clock is too coarse. */
export function pairBitrate(firstAt: number, secondAt: number): number | undefined {
  const micros = secondAt - firstAt
  return micros > 0 ? Math.round((PAIR_SECOND_LENGTH * 8 * 1_000_000) / micros) : undefined
}

function packet(field: number, reason: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEAD + payload.byteLength)
  bytes.set([0x24, PACKET.PAIR, field & 0xff, field >>> 8, reason & 0xff, reason >>> 8])
  bytes.set(payload, HEAD)
  return bytes
}
