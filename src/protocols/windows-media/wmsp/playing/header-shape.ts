/** Whether a player that has one ASF header can play packets of another without being told. */
import type { AsfInit, AsfStream } from '../../../../media/containers/asf/model.ts'

/** Same streams with same decoders, and packets laid out in the same way: what a player keeps of a header. */
export function sameShape(a: AsfInit, b: AsfInit): boolean {
  if (a === b) return true
  return (
    a.packetSize === b.packetSize &&
    a.prerollMs === b.prerollMs &&
    a.streams.length === b.streams.length &&
    a.streams.every((stream, at) => sameStream(stream, b.streams[at] as AsfStream))
  )
}

function sameStream(a: AsfStream, b: AsfStream): boolean {
  // Of a stream that nothing here decodes, nobody knows whether it is the same.
  if (a.track === undefined || b.track === undefined) return false
  return (
    a.number === b.number &&
    a.kind === b.kind &&
    a.encrypted === b.encrypted &&
    a.track.codec === b.track.codec &&
    a.track.video?.width === b.track.video?.width &&
    a.track.video?.height === b.track.video?.height &&
    a.track.audio?.sampleRate === b.track.audio?.sampleRate &&
    a.track.audio?.channels === b.track.audio?.channels &&
    sameBytes(a.track.config, b.track.config)
  )
}

function sameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return Buffer.compare(a, b) === 0
}
