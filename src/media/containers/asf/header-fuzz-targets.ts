/** Fuzz targets of the ASF header readers: what is read must be written the same, and what is built must be read. */
import { assert } from '../../../errors.ts'
import type { FuzzTarget } from '../../../fuzz-target.ts'
import type { Track } from '../../track.ts'
import { asfHeaderLength, parseAsfInit, readAsfHeader, writeAsfHeader } from './header.ts'
import { buildAsfInit } from './header-builder.ts'
import { EVERY_OBJECT_HEADER, LIVE_TRACKS } from './header-vectors.ts'
import { DATA_OBJECT_HEADER_LENGTH } from './model.ts'
import { isAsfTrack } from './track-format.ts'

/** Spread into the folder's targets by fuzz.ts. */
export const headerFuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'asf/header',
    seeds: () => [builtHeader(), EVERY_OBJECT_HEADER],
    run(input) {
      const length = asfHeaderLength(input)
      const written = writeAsfHeader(readAsfHeader(input))
      assert(length !== undefined, 'a header that was read has a length')
      assert(written.byteLength === length - DATA_OBJECT_HEADER_LENGTH, 'a header is written with the length it had')
      assert(
        written.every((byte, at) => byte === input[at]),
        'a header is written as it was read',
      )
    },
  },
  {
    name: 'asf/init',
    seeds: () => [builtHeader(), EVERY_OBJECT_HEADER],
    run(input) {
      const init = parseAsfInit(input)
      const tracks = init.streams.flatMap(({ track }): Track[] =>
        track !== undefined && isAsfTrack(track) ? [track] : [],
      )
      if (tracks.length === 0) return
      const { packetSize, prerollMs } = init
      const built = buildAsfInit({ tracks, packetSize, prerollMs, broadcast: true, metadata: { ...init.description } })
      assert(built.streams.length === tracks.length, 'a built header has a stream for each track')
      const { streams } = parseAsfInit(built.bytes)
      assert(
        streams.every(({ track }, at) => track?.codec === tracks[at]?.codec),
        'a built header is read as the same codecs',
      )
    },
  },
]

function builtHeader(): Uint8Array {
  return buildAsfInit({
    tracks: LIVE_TRACKS,
    packetSize: 1400,
    prerollMs: 3000,
    broadcast: true,
    metadata: { title: 'Seed' },
    exclusions: [[1, 2]],
  }).bytes
}
