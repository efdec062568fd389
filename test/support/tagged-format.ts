/** A wire format for tests of feeds: one tag byte and the packet's bytes, so that output can be read by eye. */

import type { FeedFormat } from '../../src/live/feed.ts'
import type { ByteWriter } from '../../src/media/bytes/byte-writer.ts'

export const INIT_TAG = 0xf0
export const KEY_TAG = 0xf1
export const DELTA_TAG = 0xf2

/** A format of its own with each call; `muxers` counts how many muxers were made. */
export function makeTaggedFormat(): FeedFormat & { readonly muxers: number } {
  let muxers = 0
  return {
    name: 'tagged',
    get muxers() {
      return muxers
    },
    createMuxer() {
      muxers++
      return {
        init: (tracks) => Uint8Array.of(INIT_TAG, ...tracks.map((track) => track.id)),
        write: (packet, out: ByteWriter) => {
          out.u8(packet.key ? KEY_TAG : DELTA_TAG).bytes(packet.data)
        },
      }
    },
  }
}
