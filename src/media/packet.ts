/** A packet: one coded access unit or audio frame, with its times. */
import type { Micros } from './time.ts'
import type { Track } from './track.ts'

/** Shared by all readers: never written to after it was published. The bytes of each codec are pinned in docs/packet-format.md. */
export interface Packet {
  readonly track: Track
  readonly data: Uint8Array
  readonly pts: Micros
  readonly dts: Micros
  /** Decoding can start here. Every audio packet of the supported codecs is one. */
  readonly key: boolean
  /** How long it is shown, where the next packet does not tell: text. */
  readonly duration?: Micros
  /** Time or configuration does not continue from the packet before. */
  readonly discontinuity?: true
}
