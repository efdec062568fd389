/** Fuzz targets of protection: what init segments and fragments say of their keys is read from strangers' files too. */
import type { FuzzTarget } from '../../fuzz-target.ts'
import { clearInitSegment, encryptedSamples } from '../../media/containers/isobmff/decryption.ts'
import { withProtection } from '../../media/containers/isobmff/init-protection.ts'
import { writeInitSegment } from '../../media/containers/isobmff/init-segment.ts'
import { readInitSegment } from '../../media/containers/isobmff/movie.ts'
import type { Packet } from '../../media/packet.ts'
import { VIDEO } from '../vectors.ts'
import { SegmentEncryptor, type SegmentKeyOptions } from './segment-encryptor.ts'
import { contentKey, fragmentOf, slice } from './vectors.ts'

const init = writeInitSegment([VIDEO])

export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'protection/init-segment',
    seeds: () => SCHEMES.map(protectedInit),
    run: (input) => {
      clearInitSegment(Uint8Array.from(input))
    },
  },
  {
    name: 'protection/fragment',
    seeds: () =>
      SCHEMES.flatMap((scheme) =>
        [{}, { key: contentKey(2) }, { key: 'clear' } as const].map((options) => protectedFragment(scheme, options)),
      ),
    run: (input) => {
      for (const scheme of SCHEMES) {
        const clear = protectedInit(scheme)
        const tracks = clearInitSegment(clear)
        encryptedSamples(Uint8Array.from(input), readInitSegment(clear), tracks)
      }
    },
  },
]

const SCHEMES = ['cenc', 'cbcs'] as const

function encryptorOf(scheme: (typeof SCHEMES)[number]): SegmentEncryptor {
  return new SegmentEncryptor(VIDEO, init, { scheme, key: contentKey(1), slot: 1 })
}

function protectedInit(scheme: (typeof SCHEMES)[number]): Uint8Array {
  return withProtection(init, encryptorOf(scheme).protection, [])
}

function protectedFragment(scheme: (typeof SCHEMES)[number], options: SegmentKeyOptions): Uint8Array {
  const packets = [0, 1].map(
    (i): Packet => ({ track: VIDEO, data: slice(i), dts: i * 20_000, pts: i * 20_000, key: i === 0 }),
  )
  return encryptorOf(scheme).encrypt(fragmentOf(VIDEO, packets, true), options)
}
