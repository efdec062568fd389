import assert from 'node:assert/strict'
import { createCipheriv, createDecipheriv } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type ProtectionPattern, type ProtectionScheme, patternOf } from '../../media/protection/scheme.ts'
import type { CipherSample } from './key-stream.ts'
import { SampleCipher } from './sample-cipher.ts'

/** NIST SP 800-38A, appendix F: key and plaintext of all modes. */
const KEY = hex('2b7e151628aed2a6abf7158809cf4f3c')
const PLAIN =
  '6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51' +
  '30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710'

describe('sample cipher', () => {
  it('cbcs of sound is CBC: NIST SP 800-38A, F.2.1', () => {
    const sample = hex(PLAIN)

    new SampleCipher(KEY, 'cbcs', patternOf('cbcs', 'audio')).encrypt(
      sample,
      hex('000102030405060708090a0b0c0d0e0f'),
      undefined,
    )

    assert.equal(
      text(sample),
      '7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2' +
        '73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7',
    )
  })

  it('cenc counts blocks from zero behind the IV, on through the ranges of a sample', () => {
    const iv = hex('f0f1f2f3f4f5f6f7')
    const sample = Buffer.concat([
      Buffer.from('ab'),
      hex(PLAIN).subarray(0, 32),
      Buffer.from('cde'),
      hex(PLAIN).subarray(32),
    ])

    new SampleCipher(KEY, 'cenc', patternOf('cenc', 'video')).encrypt(sample, iv, [
      { clear: 2, protected: 32 },
      { clear: 3, protected: 32 },
    ])

    const decipher = createDecipheriv('aes-128-ctr', KEY, Buffer.concat([iv, Buffer.alloc(8)]))
    const protectedBytes = Buffer.concat([sample.subarray(2, 34), sample.subarray(37)])
    assert.equal(text(decipher.update(protectedBytes)), PLAIN)
    assert.deepEqual([text(sample.subarray(0, 2)), text(sample.subarray(34, 37))], ['6162', '636465'])
  })

  it('cbcs of pictures encrypts one block in ten of each range, and leaves less than a block', () => {
    const iv = hex('000102030405060708090a0b0c0d0e0f')
    const sample = Buffer.alloc(5 + 16 * 11 + 7 + 15, 1)

    new SampleCipher(KEY, 'cbcs', patternOf('cbcs', 'video')).encrypt(sample, iv, [
      { clear: 5, protected: 16 * 11 + 7 },
      { clear: 0, protected: 15 },
    ])

    const changed = [...sample.keys()].filter((at) => sample[at] !== 1)
    assert.ok(changed.every((at) => (at >= 5 && at < 21) || (at >= 165 && at < 181)))
    const decipher = createDecipheriv('aes-128-cbc', KEY, iv).setAutoPadding(false)
    const chain = Buffer.concat([sample.subarray(5, 21), sample.subarray(165, 181)])
    assert.deepEqual([...new Set(decipher.update(chain))], [1])
  })

  for (const [scheme, kind] of [
    ['cenc', 'video'],
    ['cbcs', 'video'],
    ['cbcs', 'audio'],
  ] as const) {
    it(`${scheme} of ${kind}: any samples together are what a new cipher makes of each, and come back`, () => {
      const pattern = patternOf(scheme, kind)
      fc.assert(
        fc.property(fc.array(sampleOf(scheme), { minLength: 1, maxLength: 20 }), fc.boolean(), (samples, together) => {
          const cipher = new SampleCipher(KEY, scheme, pattern)
          // At any place of a larger buffer.
          const place = () =>
            samples.map(({ bytes, offset, ...rest }) => {
              const copy = Buffer.alloc(offset + bytes.byteLength)
              copy.set(bytes, offset)
              return { ...rest, bytes: copy.subarray(offset) }
            })
          const found = place()

          if (together) cipher.encryptAll(found)
          else for (const { bytes, iv, ranges } of found) cipher.encrypt(bytes, iv, ranges)

          assert.deepEqual(
            found.map(({ bytes }) => text(bytes)),
            samples.map((sample) => text(reference(sample, scheme, pattern))),
          )
          cipher.decryptAll(found)
          assert.deepEqual(
            found.map(({ bytes }) => text(bytes)),
            samples.map(({ bytes }) => text(bytes)),
          )
        }),
        { numRuns: 60 },
      )
    })
  }

  it('cenc: a sample that is larger than what is encrypted at once, between small ones', () => {
    const samples = [100, 700_000, 0, 250_000, 30_000, 5].map((length, number) => ({
      bytes: Buffer.alloc(length, number),
      iv: hex(`00000000000000${number.toString(16).padStart(2, '0')}`),
      ranges: undefined,
    }))
    const expected = samples.map((sample) => text(reference(sample, 'cenc', patternOf('cenc', 'video'))))

    new SampleCipher(KEY, 'cenc', patternOf('cenc', 'video')).encryptAll(samples)

    assert.ok(samples.every(({ bytes }, i) => text(bytes) === expected[i]))
  })
})

function sampleOf(scheme: ProtectionScheme) {
  const bytes = (most: number) => fc.integer({ min: 0, max: most })
  const ranges = fc.array(fc.record({ clear: bytes(40), protected: bytes(700) }), { minLength: 1, maxLength: 5 })
  const ivBytes = scheme === 'cenc' ? fc.constantFrom(8, 16) : fc.constant(16)
  return fc
    .record({
      ranges: fc.option(ranges, { nil: undefined }),
      whole: bytes(3000),
      offset: bytes(7),
      ivBytes,
      seed: bytes(255),
    })
    .map(({ ranges: found, whole, offset, ivBytes: length, seed }) => {
      const size = found?.reduce((sum, range) => sum + range.clear + range.protected, 0) ?? whole
      return {
        bytes: Uint8Array.from({ length: size }, (_, i) => (i * 31 + seed * 17) & 0xff),
        iv: Uint8Array.from({ length }, (_, i) => (seed + i * 5) & 0xff),
        ranges: found,
        offset,
      }
    })
}

/** By a cipher of Node for each sample, or each range. */
function reference({ bytes, iv, ranges }: CipherSample, scheme: ProtectionScheme, pattern: ProtectionPattern): Buffer {
  const made = Buffer.from(bytes)
  const counter = createCipheriv('aes-128-ctr', KEY, Buffer.concat([iv, Buffer.alloc(16 - iv.byteLength)]))
  let at = 0
  for (const { clear, protected: length } of ranges ?? [{ clear: 0, protected: bytes.byteLength }]) {
    const range = made.subarray(at + clear, at + clear + length)
    at += clear + length
    if (scheme === 'cenc') {
      counter.update(range).copy(range)
      continue
    }
    const chain = createCipheriv('aes-128-cbc', KEY, iv).setAutoPadding(false)
    for (let block = 0; (block + 1) * 16 <= length; block++) {
      if (pattern.crypt > 0 && block % (pattern.crypt + pattern.skip) >= pattern.crypt) continue
      const one = range.subarray(block * 16, block * 16 + 16)
      chain.update(one).copy(one)
    }
  }
  return made
}

function hex(digits: string): Buffer {
  return Buffer.from(digits, 'hex')
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
