/** Fuzz targets of HLS: what comes in URLs. */
import type { FuzzTarget } from '../../fuzz-target.ts'
import { parseMediaName } from '../../packaging/names.ts'
import { readDirectives } from './playlist-query.ts'

export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'hls/directives',
    seeds: () => ['_HLS_msn=27&_HLS_part=3', '_HLS_skip=v2&CMCD=bl%3D100', '_HLS_msn=1&_HLS_msn=2'].map(bytesOf),
    run: (input) => {
      readDirectives(Buffer.from(input).toString('latin1'))
    },
  },
  {
    name: 'hls/media-name',
    seeds: () =>
      ['video-1-0123456789ab-7.m4s', 'audio-101-0123456789ab-7.3.m4s', 'video-1-0123456789ab-init-0.mp4'].map(bytesOf),
    run: (input) => {
      parseMediaName(Buffer.from(input).toString('latin1'))
    },
  },
]

function bytesOf(text: string): Uint8Array {
  return Buffer.from(text)
}
