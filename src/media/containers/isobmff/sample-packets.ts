/** Packets of the bytes of samples. */
import { FormatError } from '../../../errors.ts'
import type { Packet } from '../../packet.ts'
import type { SampleLocation } from './fragment-reader.ts'
import { cuesOfSample } from './timed-text.ts'
import { canonicalSample } from './unit-length.ts'

/** Of sound and picture. Throws ERR_MP4_UNIT_LENGTH for a picture whose units leave it. */
export function packetOf({ movieTrack, dts, pts, key }: SampleLocation, bytes: Uint8Array): Packet {
  return { track: movieTrack.track, data: canonicalSample(bytes, movieTrack.unitLengthBytes), pts, dts, key }
}

/** Of any track: text has a packet for each cue, and none where nothing is shown or the sample is broken. */
export function packetsOf(sample: SampleLocation, bytes: Uint8Array): readonly Packet[] {
  const { movieTrack, dts, pts, duration } = sample
  const { track, textForm } = movieTrack
  if (textForm === undefined) return [packetOf(sample, bytes)]
  try {
    return cuesOfSample(bytes, textForm).map((text) => ({
      track,
      data: utf8.encode(text),
      pts,
      dts,
      key: true,
      duration,
    }))
  } catch (error) {
    if (error instanceof FormatError) return []
    throw error
  }
}

// Media code runs in Node and in browsers; both have TextEncoder, but neither's type library is loaded here.
declare const TextEncoder: new () => { encode(text: string): Uint8Array }
const utf8 = new TextEncoder()
