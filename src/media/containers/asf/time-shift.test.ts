import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FormatError } from '../../../errors.ts'
import { readDataPacket } from './data-packet.ts'
import { withLaterTimes } from './time-shift.ts'
import { hex, multiplePacket, type PacketForm, payload } from './vectors.ts'

const SIZE = 200

function times(bytes: Uint8Array): number[] {
  const { sendTimeMs, payloads } = readDataPacket(bytes, SIZE)
  return [sendTimeMs, ...payloads.map(({ presentationTimeMs }) => presentationTimeMs)]
}

describe('a data packet of later times', () => {
  const forms: readonly Partial<PacketForm>[] = [
    {},
    { errorCorrection: false },
    { packetLength: 2, padding: 0, sequence: 1 },
    { padding: 3, objectNumber: 3, replicated: 2, offset: 2, payloadLength: 1 },
  ]
  for (const [at, form] of forms.entries()) {
    test(`adds to the send time and to each presentation time, form ${at}`, () => {
      const payloads = [
        payload({ stream: 1, key: true, size: 3, time: 1000, data: '010203' }),
        payload({ stream: 2, number: 7, size: 2, time: 0xffff_ffff, data: '0405' }),
      ]
      const bytes = multiplePacket(payloads, { sendTime: 500, duration: 40, size: SIZE, ...form })
      const before = Uint8Array.from(bytes)
      const shifted = withLaterTimes(bytes, SIZE, 10_000)
      assert.deepEqual(times(shifted), [10_500, 11_000, 9_999])
      assert.deepEqual(bytes, before)
      // Nothing but the times is another.
      assert.deepEqual(withLaterTimes(shifted, SIZE, 2 ** 32 - 10_000), bytes)
    })
  }

  test('adds to the offset of a compressed payload, which is its time', () => {
    const bytes = hex('82 00 00  00 5d  f4 01 00 00  28 00  01 07 e8 03 00 00 01 28  02 aa bb 01 cc')
    const shifted = withLaterTimes(bytes, bytes.byteLength, 1000)
    const { payloads, sendTimeMs } = readDataPacket(shifted, bytes.byteLength)
    assert.equal(sendTimeMs, 1500)
    assert.deepEqual(
      payloads.map(({ presentationTimeMs }) => presentationTimeMs),
      [2000, 2040],
    )
  })

  test('leaves parity as it is and throws for what is cut short', () => {
    const parity = hex('92 00 00 01 02 03')
    assert.deepEqual(withLaterTimes(parity, SIZE, 1000), parity)
    const bytes = multiplePacket([payload({ stream: 1, size: 3, time: 1, data: '010203' })], { size: 40 })
    for (let length = 0; length < 20; length++) {
      assert.throws(() => withLaterTimes(bytes.subarray(0, length), 40, 1), FormatError, `${length} bytes`)
    }
  })
})
