/** Takes streams out of data packets: stream selection and thinning (ASF 1.20, section 5.2). */
import { DataPacketCursor } from './data-packet-cursor.ts'
import type { AsfInit } from './model.ts'

/** 0: all of the stream; 1: key frames only; 2: nothing. */
export type StreamLevel = 0 | 1 | 2

const KEPT_FLAGS = 0x81
const PACKET_LENGTH_U16 = 0x40
const MAX_U16 = 0xffff
/** Payloads that one packet can hold, by the six bits of their count. */
const MAX_PAYLOADS = 63

const cursor = new DataPacketCursor()
/** Start and end of the payloads that stay; reused, because a packet is filtered for every viewer with a selection of his own. */
const kept = new Uint32Array(2 * MAX_PAYLOADS)

/**
 * The packet with only what `levels` wants (streams that are not listed are off), times unchanged and without padding; the same bytes
 * when nothing is to go, `undefined` when nothing would stay. With an `init`, key frames only spares whatever is not video; with a
 * packet size, it goes by the key flags alone, which some encoders do not set on sound. Throws FormatError for a broken packet.
 */
export function filterStreams(
  bytes: Uint8Array,
  init: AsfInit | number,
  levels: ReadonlyMap<number, StreamLevel>,
): Uint8Array | undefined {
  if (!cursor.open(bytes, typeof init === 'number' ? init : init.packetSize)) return undefined
  let count = 0
  let removed = false
  let size = 0
  while (cursor.next()) {
    if (isWanted(init, levels)) {
      kept[2 * count] = cursor.payloadAt
      kept[2 * count + 1] = cursor.dataEnd
      size += cursor.dataEnd - cursor.payloadAt
      count++
    } else removed = true
  }
  if (count === 0) return undefined
  return removed ? rebuild(count, size) : bytes
}

function isWanted(init: AsfInit | number, levels: ReadonlyMap<number, StreamLevel>): boolean {
  const level = levels.get(cursor.stream)
  if (level === undefined || level === 2) return false
  return level === 0 || cursor.key || (typeof init !== 'number' && !isVideo(init, cursor.stream))
}

/** Only a packet of multiple payloads can lose some and keep others, so the payloads are copied as they are. */
function rebuild(count: number, size: number): Uint8Array {
  const { bytes, flagsAt, timesAt, payloadsAt } = cursor
  const head = payloadsAt - timesAt
  const length = flagsAt + 4 + head + size
  // Above 64 KiB, which no network packet has, the length does not fit its field; the fixed size of such packets is not needed again.
  const lengthSize = length <= MAX_U16 ? 2 : 4
  const out = new Uint8Array(length + lengthSize - 2)
  out.set(bytes.subarray(0, flagsAt + 2))
  out[flagsAt] = ((bytes[flagsAt] as number) & KEPT_FLAGS) | (lengthSize === 2 ? PACKET_LENGTH_U16 : 0x60)
  let at = flagsAt + 2
  for (let shift = 0; shift < lengthSize; shift++) out[at++] = out.byteLength >>> (8 * shift)
  out.set(bytes.subarray(timesAt, payloadsAt), at)
  at += head
  out[at - 1] = (cursor.payloadFlags & 0xc0) | count
  for (let i = 0; i < count; i++) {
    const payload = bytes.subarray(kept[2 * i], kept[2 * i + 1])
    out.set(payload, at)
    at += payload.byteLength
  }
  return out
}

function isVideo(init: AsfInit, number: number): boolean {
  for (const stream of init.streams) if (stream.number === number) return stream.kind === 'video'
  return false
}
