/** Whether a track's configuration really changed: publishers announce the same one again. */
import type { Track } from '../media/track.ts'

/** A decoder that was set up for one track can go on with the other. */
export function sameDecoder(before: Track, after: Track): boolean {
  if (before === after) return true
  return (
    before.codec === after.codec &&
    before.video?.width === after.video?.width &&
    before.video?.height === after.video?.height &&
    before.audio?.sampleRate === after.audio?.sampleRate &&
    before.audio?.channels === after.audio?.channels &&
    sameBytes(before.config, after.config)
  )
}

function sameBytes(left: Uint8Array | undefined, right: Uint8Array | undefined): boolean {
  if (left === undefined || right === undefined) return left === right
  return left.byteLength === right.byteLength && left.every((byte, index) => byte === right[index])
}
