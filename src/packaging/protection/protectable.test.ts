/** Maps of real and broken packets of every codec: what must be clear is clear, and what can be protected is. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { FormatError } from '../../errors.ts'
import { type ProtectionScheme, patternOf, type Subsample } from '../../media/protection/scheme.ts'
import { maxSubsamples } from '../../media/protection/subsample-map.ts'
import type { Codec, Track } from '../../media/track.ts'
import { protectableOf } from './protectable.ts'
import { SampleCipher } from './sample-cipher.ts'

/** Tiny streams of real encoders: configuration, packets, and for codecs of NAL units a slice with its header. */
const STREAMS = {
  h264: {
    config: '0164000affe100176764000aacd95ec044000003000400000300c83c48965801000668ebe3cb22c0fdf8f800',
    packets: ['00000008419a226c42bffec0', '00000008019e41790affc481'],
    slice: '419a226c42bffec0',
    /** SEI, delimiter, filler, a data partition, end of sequence: parameter sets would change how slices are read. */
    clear: ['06051a', '0910', '0cff', '4264', '0a'],
  },
  h265: {
    config:
      '0101600000009000000000001ef000fcfdf8f800000f03200001001840010c01ffff01600000030090000003000003001e959809210001002842010101600000030090000003000003001ea0884596566abcaf016808000003000800000300c84022000100064401c173d089',
    packets: ['000000092801af1d80ee247309', '0000000b0201d0115784318e40fa84', '0000000a0001e024bf8614c0c820'],
    slice: '2801af1d80ee247309',
    /** SEI, delimiter, filler, end of sequence, a type that is reserved. */
    clear: ['4e0105', '460110', '4c01ff', '4801', '5201'],
  },
  av1: {
    config: '81000c000a0a000000019ff9b5f20080',
    packets: ['0a0a000000019ff9b5f20080320c100096800002000000005660', '32113003c080000006c0000002800020007690'],
  },
  vp9: {
    config: '',
    packets: ['824983420000f000f60038241c184a000030600000306a0000', '860040929c00500000032000004240'],
  },
} as const satisfies Partial<Record<Codec, object>>

type VideoCodec = keyof typeof STREAMS
const SCHEMES: readonly ProtectionScheme[] = ['cenc', 'cbcs']
const RUNS = { seed: 23_001, numRuns: 200 }
const KEY = Uint8Array.from({ length: 16 }, (_, i) => 31 * i + 7)
/** Longer than any header here and than what alignment leaves clear. */
const HEADER_AND_BLOCK = 32

describe('what is protected of a packet', () => {
  for (const scheme of SCHEMES) {
    for (const codec of ['h264', 'h265'] as const) {
      it(`${codec}, ${scheme}: slice data and nothing else, and all of it`, () => {
        fc.assert(
          fc.property(unitsOf(codec), (units) => {
            const packet = packetOf(units)
            const ranges = mapOf(codec, scheme, packet)

            assertForm(ranges, scheme, packet)
            const changed = encryptedBytes(packet, scheme, ranges)
            let at = 0
            for (const { head, tail, isSlice } of units) {
              const [start, end] = [at + 4 + head.byteLength, at + 4 + head.byteLength + tail.byteLength]
              // Length, NAL header and all that is no slice.
              const firstOfData = isSlice ? at + 4 + NAL_HEADER_BYTES[codec] : end
              for (let byte = at; byte < firstOfData; byte++) assert.ok(!changed.has(byte), `byte ${byte} of ${at}`)
              if (isSlice && tail.byteLength > HEADER_AND_BLOCK && units.length <= maxSubsamples(scheme))
                assert.ok(isCovered(ranges, start + HEADER_AND_BLOCK, end), `slice at ${at}`)
              at = end
            }
          }),
          { ...RUNS, numRuns: 50 },
        )
      })
    }

    for (const codec of Object.keys(STREAMS) as VideoCodec[]) {
      it(`${codec}, ${scheme}: damaged packets have a map that adds up, or a named error`, () => {
        const changes = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 6 })
        const cut = fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.nat() })
        fc.assert(
          fc.property(changes, cut, fc.integer({ min: 0, max: 400 }), (edits, end, more) => {
            const protectable = protectableOf(trackOf(codec), scheme)
            for (const text of STREAMS[codec].packets) {
              const bytes = Buffer.concat([Buffer.from(text, 'hex'), Buffer.alloc(more, 0xa5)])
              for (const [place, value] of edits) bytes[place % bytes.byteLength] = value
              const packet = bytes.subarray(0, end === undefined ? undefined : end % (bytes.byteLength + 1))
              try {
                assertForm(protectable.map(packet) ?? [], scheme, packet)
              } catch (error) {
                if (!(error instanceof FormatError)) throw error
              }
            }
          }),
          RUNS,
        )
      })
    }
  }

  it('is nothing of codecs whose headers are not known', () => {
    for (const scheme of SCHEMES)
      assert.throws(() => protectableOf({ ...trackOf('vp9'), codec: 'wmv3' }, scheme), { code: 'ERR_PROTECTION_CODEC' })
  })
})

const NAL_HEADER_BYTES = { h264: 1, h265: 2 } as const

interface Unit {
  readonly head: Buffer
  /** Without start codes. */
  readonly tail: Buffer
  readonly isSlice: boolean
}

/** Slices behind real headers, and units that must stay clear, of any length. */
function unitsOf(codec: 'h264' | 'h265'): fc.Arbitrary<readonly Unit[]> {
  const { slice, clear } = STREAMS[codec]
  const long = { weight: 1, arbitrary: fc.integer({ min: 0, max: 70_000 }) }
  const length = fc.oneof({ weight: 6, arbitrary: fc.integer({ min: 0, max: 200 }) }, long)
  const head = fc.oneof(fc.constant(slice), fc.constantFrom(...clear))
  const unit = fc.tuple(head, length, fc.integer({ min: 0, max: 255 })).map(([text, size, seed]) => ({
    head: Buffer.from(text, 'hex'),
    tail: Buffer.from(Uint8Array.from({ length: size }, (_, i) => 0x80 | ((i * 7 + seed) & 0x7f))),
    isSlice: text === slice,
  }))
  return fc.array(unit, { minLength: 1, maxLength: 60 })
}

function packetOf(units: readonly Unit[]): Buffer {
  return Buffer.concat(
    units.flatMap(({ head, tail }) => {
      const length = Buffer.alloc(4)
      length.writeUInt32BE(head.byteLength + tail.byteLength)
      return [length, head, tail]
    }),
  )
}

function trackOf(codec: VideoCodec): Track {
  const config = Buffer.from(STREAMS[codec].config, 'hex')
  return { id: 1, kind: 'video', codec, config, video: { width: 64, height: 48 }, timescale: 90_000 }
}

function mapOf(codec: VideoCodec, scheme: ProtectionScheme, packet: Uint8Array): readonly Subsample[] {
  return protectableOf(trackOf(codec), scheme).map(packet) ?? []
}

/** ISO/IEC 23001-7 section 7.2.2: widths of the fields, and the sum. */
function assertForm(ranges: readonly Subsample[], scheme: ProtectionScheme, packet: Uint8Array): void {
  let size = 0
  for (const { clear, protected: bytes } of ranges) {
    assert.ok(Number.isInteger(clear) && clear >= 0 && clear <= 0xffff, `${clear} clear bytes`)
    assert.ok(Number.isInteger(bytes) && bytes >= 0 && bytes <= 0xffff_ffff, `${bytes} protected bytes`)
    if (scheme === 'cenc') assert.equal(bytes % 16, 0)
    size += clear + bytes
  }
  assert.equal(size, packet.byteLength)
  assert.ok(ranges.length <= maxSubsamples(scheme), `${ranges.length} ranges`)
}

/** Places that encryption changed; what is decrypted again is the packet. */
function encryptedBytes(packet: Buffer, scheme: ProtectionScheme, ranges: readonly Subsample[]): ReadonlySet<number> {
  const cipher = new SampleCipher(KEY, scheme, patternOf(scheme, 'video'))
  const iv = new Uint8Array(scheme === 'cenc' ? 8 : 16)
  const encrypted = Buffer.from(packet)
  cipher.encrypt(encrypted, iv, ranges)
  const changed = new Set<number>()
  for (let at = 0; at < packet.byteLength; at++) if (encrypted[at] !== packet[at]) changed.add(at)
  cipher.decrypt(encrypted, iv, ranges)
  assert.ok(encrypted.equals(packet))
  return changed
}

/** All bytes from `from` to `to` but less than a block lie in one protected range. */
function isCovered(ranges: readonly Subsample[], from: number, to: number): boolean {
  let at = 0
  return ranges.some((range) => {
    const start = at + range.clear
    at = start + range.protected
    return start <= from && at >= to
  })
}
