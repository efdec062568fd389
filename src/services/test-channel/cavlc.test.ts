import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BitReader } from '../../media/bytes/bit-reader.ts'
import { BitWriter } from '../../media/bytes/bit-writer.ts'
import {
  CHROMA_DC_COEFF_TOKEN,
  CHROMA_DC_TOTAL_ZEROS,
  COEFF_TOKEN,
  type Codes,
  MAX_LEVEL,
  RUN_BEFORE,
  TOTAL_ZEROS,
  writeLevels,
} from './cavlc.ts'

const tables: [string, Codes][] = [
  ['coeff_token', COEFF_TOKEN],
  ['chroma coeff_token', CHROMA_DC_COEFF_TOKEN],
  ...TOTAL_ZEROS.map((codes, index): [string, Codes] => [`total_zeros ${index + 1}`, codes]),
  ...CHROMA_DC_TOTAL_ZEROS.map((codes, index): [string, Codes] => [`chroma total_zeros ${index + 1}`, codes]),
  ...RUN_BEFORE.map((codes, index): [string, Codes] => [`run_before ${index + 1}`, codes]),
]

for (const [name, { lengths, values }] of tables) {
  test(`${name}: no code begins another`, () => {
    const codes = lengths.flatMap((length, index) =>
      length === 0 ? [] : [(values[index] ?? 0).toString(2).padStart(length, '0')],
    )

    assert.equal(lengths.length, values.length)
    for (const code of codes) {
      assert.equal(codes.filter((other) => other.startsWith(code)).length, 1, code)
    }
  })
}

test('an empty block is one bit, a chroma block two', () => {
  assert.equal(bitsOf(new Int16Array(16)), '1')
  assert.equal(bitsOf(new Int16Array(4)), '01')
})

test('blocks worked out by hand', () => {
  // One trailing one: coeff_token 01, sign 0, total_zeros 1.
  assert.equal(bitsOf(Int16Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)), '0101')
  // Scan 0,3,0,1,-1,-1,0,1: five levels of which three trailing ones, 1 and 3 by magnitude, three zeros.
  assert.equal(bitsOf(Int16Array.of(0, 3, 0, 1, -1, -1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0)), '000010001110010111101101')
})

test('the largest levels stay within the codes', () => {
  const bits = bitsOf(new Int16Array(16).fill(MAX_LEVEL))

  assert.ok(bits.length <= 16 * 28 + 16)
})

function bitsOf(levels: Int16Array): string {
  const writer = new BitWriter()
  writeLevels(writer, levels)
  const length = writer.position
  const reader = new BitReader(writer.toBytes())
  let bits = ''
  for (let i = 0; i < length; i++) bits += reader.bits(1)
  return bits
}
