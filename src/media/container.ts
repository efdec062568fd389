/** What every container format offers: a demuxer and a muxer of the same shape. */
import type { Machine } from './machine.ts'
import type { Packet } from './packet.ts'
import type { Track } from './track.ts'

/**
 * Result of a demuxer. `tracks` comes before the first packet and again whenever the set or a configuration changed; a packet's
 * `track` is always one of the latest set. `metadata` is what the container says of the whole, for people and for passing on.
 */
export type DemuxResult =
  | {
      readonly type: 'tracks'
      readonly tracks: readonly Track[]
      readonly metadata?: Readonly<Record<string, unknown>>
    }
  | { readonly type: 'packet'; readonly packet: Packet }

/** Bytes in, in pieces of any size; tracks and packets out. Pieces are owned by the packets after `write`: do not reuse them. */
export type Demuxer = Machine<Uint8Array, DemuxResult>
