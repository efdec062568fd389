import assert from 'node:assert/strict'
import { createDecipheriv } from 'node:crypto'
import { describe, it } from 'node:test'
import { patternOf } from '../../media/protection/scheme.ts'
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
})

function hex(digits: string): Buffer {
  return Buffer.from(digits, 'hex')
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
