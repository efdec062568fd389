/** What a server must know of every data packet it passes on, without making objects: ASF 1.20, section 5.2. */
import { FormatError } from '../../../errors.ts'
import { DataPacketCursor } from './data-packet-cursor.ts'
import type { AsfInit } from './model.ts'

const cursor = new DataPacketCursor()

/** Milliseconds, 32 bits; `undefined` for parity packets and for what cannot be read. */
export function packetSendTime(bytes: Uint8Array): number | undefined {
  return openTimes(bytes) ? cursor.sendTimeMs : undefined
}

/** Milliseconds from the send time to that of the packet's last payload; 0 where `packetSendTime` is undefined. */
export function packetDuration(bytes: Uint8Array): number {
  return openTimes(bytes) ? cursor.durationMs : 0
}

/**
 * Whether decoding can start here: the packet begins a key frame of the first video stream, or any object where there is no video.
 * False for what cannot be read.
 */
export function packetIsKey(bytes: Uint8Array, init: AsfInit): boolean {
  return keyTimeIn(bytes, init) !== undefined
}

/**
 * Presentation time in milliseconds, preroll included, of the first key frame that begins in the packet (as `packetIsKey` means it);
 * `undefined` when none does.
 */
export function keyTimeIn(bytes: Uint8Array, init: AsfInit): number | undefined {
  const video = firstVideoStream(init)
  try {
    if (!cursor.open(bytes, init.packetSize)) return undefined
    while (cursor.next()) {
      if (cursor.offset !== 0 || cursor.dataEnd === cursor.dataAt) continue
      if (video === undefined || (cursor.key && cursor.stream === video)) return cursor.presentationTimeMs
    }
  } catch (error) {
    // What is broken is passed on as it came, but nobody starts with it.
    if (!(error instanceof FormatError)) throw error
  }
  return undefined
}

/** Number of the first video stream in the order of the header. */
export function firstVideoStream(init: AsfInit): number | undefined {
  for (const stream of init.streams) if (stream.kind === 'video') return stream.number
  return undefined
}

function openTimes(bytes: Uint8Array): boolean {
  try {
    return cursor.openTimes(bytes)
  } catch (error) {
    if (error instanceof FormatError) return false
    throw error
  }
}
