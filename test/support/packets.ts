/** Made-up tracks and packets for tests of everything that moves packets without looking into them. */
import type { Packet } from '../../src/media/packet.ts'
import { MICROS_PER_MS } from '../../src/media/time.ts'
import type { Track } from '../../src/media/track.ts'

export const videoTrack: Track = { id: 1, kind: 'video', codec: 'h264', timescale: 1000 }
export const audioTrack: Track = { id: 101, kind: 'audio', codec: 'aac', timescale: 48_000 }
export const dataTrack: Track = { id: 201, kind: 'data', codec: 'amf0-data', timescale: 1000 }

/** A packet at `ms` whose bytes are all `fill`. */
export function packetAt(
  ms: number,
  options: { track?: Track; key?: boolean; size?: number; fill?: number; composition?: number } = {},
): Packet {
  const { track = videoTrack, key = false, size = 4, fill = 0, composition = 0 } = options
  const dts = ms * MICROS_PER_MS
  const data = new Uint8Array(size).fill(fill)
  return { track, data, dts, pts: dts + composition * MICROS_PER_MS, key: key || track.kind === 'audio' }
}
