/** Data packets, padding, filter and packet facts, on bytes written out by hand. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FormatError } from '../../../errors.ts'
import { type DataPacket, readDataPacket } from './data-packet.ts'
import type { AsfInit } from './model.ts'
import { packetDuration, packetIsKey, packetSendTime } from './packet-info.ts'
import { withoutPadding, withPadding } from './padding.ts'
import { filterStreams } from './stream-filter.ts'
import { hex, initOf, multiplePacket, payload } from './vectors.ts'

const P = 100

/** Padding u16, two payloads: a fragment of video key object 5 and a whole sound. */
const TWO = hex(`82 0000 11 5d 3900 10270000 2c01 82
  81 05 00000000 08 0a000000 d0070000 0400 61626364
  02 09 00000000 08 03000000 e4070000 0300 787a79`)
const PADDED = pad(TWO, P)

function pad(bytes: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size)
  out.set(bytes)
  // Padding length at 5 in these vectors.
  new DataView(out.buffer).setUint16(5, size - bytes.byteLength, true)
  return out
}

function essence({ sendTimeMs, durationMs, payloads }: DataPacket) {
  return {
    sendTimeMs,
    durationMs,
    payloads: payloads.map((p) => ({ ...p, data: [...p.data], replicated: [...p.replicated] })),
  }
}

describe('AS-02: data packets', () => {
  test('of multiple payloads with padding', () => {
    const packet = readDataPacket(PADDED, P)

    assert.equal(packet.sendTimeMs, 10_000)
    assert.equal(packet.durationMs, 300)
    assert.equal(packet.paddingLength, P - TWO.byteLength)
    assert.equal(packet.opaque, false)
    assert.deepEqual(
      packet.payloads.map(({ data, replicated: { byteLength }, ...rest }) => ({
        ...rest,
        byteLength,
        text: String.fromCharCode(...data),
      })),
      [
        {
          stream: 1,
          key: true,
          objectNumber: 5,
          offset: 0,
          objectSize: 10,
          presentationTimeMs: 2000,
          byteLength: 8,
          text: 'abcd',
        },
        {
          stream: 2,
          key: false,
          objectNumber: 9,
          offset: 0,
          objectSize: 3,
          presentationTimeMs: 2020,
          byteLength: 8,
          text: 'xzy',
        },
      ],
    )
  })

  test('every type of every field gives the same payloads', () => {
    const wanted = essence(readDataPacket(PADDED, P)).payloads
    let forms = 0
    for (const packetLength of [0, 1, 2, 3])
      for (const sequence of [0, 1, 2, 3])
        for (const padding of [0, 1, 2, 3])
          for (const objectNumber of [1, 2, 3])
            for (const offset of [1, 2, 3])
              for (const replicated of [1, 2, 3])
                for (const payloadLength of [1, 2, 3])
                  for (const errorCorrection of [true, false]) {
                    const form = { packetLength, sequence, padding, objectNumber, offset, replicated, payloadLength }
                    const bytes = multiplePacket(
                      [
                        payload({ stream: 1, key: true, number: 5, size: 10, time: 2000, data: '61626364' }),
                        payload({ stream: 2, number: 9, size: 3, time: 2020, data: '787a79' }),
                      ],
                      { ...form, errorCorrection, sendTime: 10_000, duration: 300, size: 120 },
                    )
                    const packet = readDataPacket(bytes, 120)
                    assert.deepEqual(essence(packet).payloads, wanted)
                    assert.equal(packet.sendTimeMs, 10_000)
                    forms++
                  }
    assert.equal(forms, 4 ** 3 * 3 ** 4 * 2)
  })

  test('of a single payload, whose length follows from the padding', () => {
    const bytes = hex('82 0000 08 5d 03 01000000 0200 81 07 00000000 08 04000000 05000000 aabbccdd 000000')

    const [only, ...more] = readDataPacket(bytes, bytes.byteLength).payloads
    assert.deepEqual(more, [])
    assert.deepEqual([...(only?.data ?? [])], [0xaa, 0xbb, 0xcc, 0xdd])
  })

  test('of a single payload, cut by a server that zeroed the padding length', () => {
    const bytes = hex('82 0000 10 5d 0000 01000000 0200 81 07 00000000 08 04000000 05000000 aabbccdd')

    assert.deepEqual([...(readDataPacket(bytes, 1000).payloads[0]?.data ?? [])], [0xaa, 0xbb, 0xcc, 0xdd])
  })

  test('of a single payload, cut by a server that left the padding length', () => {
    const bytes = hex('82 0000 10 5d 6400 01000000 0200 81 07 00000000 08 04000000 05000000 aabbccdd')

    const packet = readDataPacket(bytes, bytes.byteLength + 100)
    assert.deepEqual([...(packet.payloads[0]?.data ?? [])], [0xaa, 0xbb, 0xcc, 0xdd])
    assert.equal(packet.paddingLength, 100)
  })

  test('with a length of its own below the packet size: the rest is padding', () => {
    const bytes = hex('41 5d 2000 01000000 0200 81 81 07 00000000 08 04000000 05000000 0400 aabbccdd 0000000000000000')

    assert.deepEqual([...(readDataPacket(bytes, 40).payloads[0]?.data ?? [])], [0xaa, 0xbb, 0xcc, 0xdd])
  })

  test('of compressed payloads: each a whole object, number and time counting on', () => {
    const bytes = hex('82 0000 01 5d 00000000 0000 81 02 0a e8030000 01 14 0900 02 aabb 00 01 cc 02 ddee'.concat(' 00'))

    assert.deepEqual(
      readDataPacket(bytes, bytes.byteLength).payloads.map((p) => [
        p.objectNumber,
        p.offset,
        p.objectSize,
        p.presentationTimeMs,
        Buffer.from(p.data).toString('hex'),
      ]),
      [
        [10, 0, 2, 1000, 'aabb'],
        [11, 0, 0, 1020, ''],
        [12, 0, 1, 1040, 'cc'],
        [13, 0, 2, 1060, 'ddee'],
      ],
    )
  })

  test('with payload extensions: they follow size and time in the replicated data', () => {
    const bytes = hex('82 0000 01 5d 00000000 0000 81 02 0a 00000000 0b 02000000 14000000 112233 0200 aabb')

    const [only] = readDataPacket(bytes, 200).payloads
    assert.deepEqual([...(only?.replicated.subarray(8) ?? [])], [0x11, 0x22, 0x33])
  })

  test('of parity have no payloads', () => {
    const packet = readDataPacket(hex('92 1234 00000000'), 7)

    assert.equal(packet.opaque, true)
    assert.deepEqual(packet.payloads, [])
  })

  test('without a payload', () => {
    assert.deepEqual(readDataPacket(hex('82 0000 01 5d 05000000 0000 80'), 12).payloads, [])
  })

  test('data are views of the input, which stays as it was', () => {
    const before = PADDED.slice()

    const [first] = readDataPacket(PADDED, P).payloads
    assert.equal(first?.data.buffer, PADDED.buffer)
    assert.deepEqual(PADDED, before)
  })
})

describe('AS-03: malformed lengths', () => {
  const lying: Readonly<Record<string, string>> = {
    'nothing at all': '',
    'error correction past the end': '8f 00',
    'error correction of another length type': 'a2 0000 01 5d 00000000 0000 80',
    'a head that is cut': '82 0000 11 5d 0000 00',
    'streams without number': '82 0000 01 1d 00000000 0000 80',
    'packet length beyond the bytes': '41 5d ff00 00000000 0000 80',
    'packet length within the head': '41 5d 0400 00000000 0000 80',
    'padding beyond the bytes': '82 0000 11 5d ff00 00000000 0000 80',
    'payloads without length': '82 0000 01 5d 00000000 0000 01 01 00 00000000 00',
    'more payloads than there are': '82 0000 01 5d 00000000 0000 82 01 00 00000000 00 0000',
    'payload length beyond the end': '82 0000 01 5d 00000000 0000 81 01 00 00000000 00 0100',
    'replicated data beyond the end': '82 0000 01 5d 00000000 0000 81 01 00 00000000 ff 0000',
    'replicated data of 5': '82 0000 01 5d 00000000 0000 81 01 00 00000000 05 0102030405 0000',
    'a compressed object beyond its payload': '82 0000 01 5d 00000000 0000 81 01 00 00000000 01 14 0200 05 01 000000',
  }
  for (const [name, text] of Object.entries(lying)) {
    test(name, () => {
      const bytes = hex(text)
      assert.throws(() => readDataPacket(bytes, Math.max(1, bytes.byteLength)), FormatError)
    })
  }

  test('a packet larger than the header says', () => {
    assert.throws(() => readDataPacket(PADDED, P - 1), { code: 'ERR_ASF_PACKET_SIZE' })
  })

  test('every truncation is refused or gives only what lies within', () => {
    for (let length = 0; length < PADDED.byteLength; length++) {
      // In memory of its own, so that a read past the end would be undefined and not the rest of the vector.
      const cut = PADDED.slice(0, length)
      try {
        for (const { data } of readDataPacket(cut, P).payloads) assert.ok(data.byteLength <= 4)
        assert.ok(length >= TWO.byteLength)
      } catch (error) {
        assert.ok(error instanceof FormatError)
      }
    }
  })
})

describe('AS-05: padding', () => {
  test('is replaced by a packet length of 16 bits; nothing else moves', () => {
    const bare = withoutPadding(PADDED)

    const expected = TWO.slice()
    expected[3] = 0x41
    expected[5] = TWO.byteLength
    assert.deepEqual(bare, expected)
    assert.deepEqual(essence(readDataPacket(bare, P)), essence(readDataPacket(PADDED, P)))
  })

  test('comes back as it was', () => {
    assert.deepEqual(withPadding(withoutPadding(PADDED), P), PADDED)
  })

  test('a packet without padding is passed on untouched', () => {
    const full = pad(TWO, TWO.byteLength)
    assert.equal(withoutPadding(full), full)
    const explicit = withoutPadding(PADDED)
    assert.equal(withoutPadding(explicit), explicit)
    assert.equal(withPadding(full, full.byteLength), full)
  })

  test('every form decodes the same without padding and with it again', () => {
    const size = 120
    for (const packetLength of [0, 1, 2, 3])
      for (const sequence of [0, 1, 2, 3])
        for (const padding of [0, 1, 2, 3])
          for (const spare of [0, 1, 2, 3, 50]) {
            const parts = [payload({ stream: 3, number: 1, size: 3, time: 9, data: '010203' })]
            const form = { packetLength, sequence, padding, payloadLength: 2 }
            const natural = multiplePacket(parts, { ...form, size: 0 }).byteLength
            // Without a field for it, padding is only possible behind a packet length.
            if (padding === 0 && packetLength === 0 && spare > 0) continue
            const whole = multiplePacket(parts, { ...form, size: natural + spare })
            const wanted = essence(readDataPacket(whole, whole.byteLength))
            const bare = withoutPadding(whole)
            assert.ok(bare.byteLength <= whole.byteLength)
            assert.deepEqual(essence(readDataPacket(bare, whole.byteLength)), wanted)
            for (const target of [whole.byteLength, size]) {
              const again = withPadding(bare, target)
              assert.equal(again.byteLength, target)
              assert.deepEqual(essence(readDataPacket(again, target)), wanted)
            }
          }
  })

  test('that was cut with its field left, or zeroed, is told right', () => {
    const cut = PADDED.slice(0, TWO.byteLength)
    const zeroed = cut.slice()
    zeroed.fill(0, 5, 7)

    for (const bytes of [cut, zeroed]) {
      assert.deepEqual(withoutPadding(bytes, P), withoutPadding(PADDED))
      assert.deepEqual(withPadding(bytes, P), PADDED)
    }
  })

  test('of a single payload: the data end where they ended', () => {
    const bytes = hex('82 0000 08 5d 03 01000000 0200 81 07 00000000 08 04000000 05000000 aabbccdd 000000')

    const bare = withoutPadding(bytes)
    assert.equal(bare.byteLength, bytes.byteLength - 2)
    assert.deepEqual([...(readDataPacket(bare, bytes.byteLength).payloads[0]?.data ?? [])], [0xaa, 0xbb, 0xcc, 0xdd])
    assert.deepEqual(
      essence(readDataPacket(withPadding(bare, bytes.byteLength), bytes.byteLength)),
      essence(readDataPacket(bytes, bytes.byteLength)),
    )
  })

  test('parity packets stay as they are', () => {
    const parity = hex('92 1234 00000000')
    assert.equal(withoutPadding(parity), parity)
    assert.deepEqual(withPadding(parity, 10), hex('92 1234 00000000 000000'))
  })

  test('larger than the fixed size is refused', () => {
    assert.throws(() => withPadding(TWO, 20), { code: 'ERR_ASF_PACKET_SIZE' })
  })
})

describe('AS-06: stream filter', () => {
  const init = initOf({ packetSize: P, streams: ['video', 'audio'] })

  test('keeps the wanted payloads and the times', () => {
    const sound = filterStreams(PADDED, P, new Map([[2, 0]]))

    assert.ok(sound)
    const wanted = essence(readDataPacket(PADDED, P))
    assert.deepEqual(essence(readDataPacket(sound, P)), { ...wanted, payloads: wanted.payloads.slice(1) })
    assert.ok(sound.byteLength < TWO.byteLength)
    assert.deepEqual(essence(readDataPacket(withPadding(sound, P), P)), {
      ...wanted,
      payloads: wanted.payloads.slice(1),
    })
  })

  test('drops a packet of which nothing stays', () => {
    assert.equal(filterStreams(PADDED, P, new Map()), undefined)
    assert.equal(
      filterStreams(
        PADDED,
        P,
        new Map([
          [1, 2],
          [2, 2],
          [7, 0],
        ]),
      ),
      undefined,
    )
  })

  test('gives the same bytes when nothing goes', () => {
    assert.equal(
      filterStreams(
        PADDED,
        P,
        new Map([
          [1, 0],
          [2, 0],
        ]),
      ),
      PADDED,
    )
  })

  test('thins pictures to key frames and leaves sound alone', () => {
    const delta = PADDED.slice()
    delta[14] = 0x01
    const levels = new Map([
      [1, 1],
      [2, 1],
    ] as const)

    assert.equal(filterStreams(PADDED, init, levels), PADDED)
    const thin = filterStreams(delta, init, levels)
    assert.ok(thin)
    assert.deepEqual(
      readDataPacket(thin, P).payloads.map((p) => p.stream),
      [2],
    )
    assert.equal(filterStreams(delta, P, levels), undefined)
  })

  test('keeps a single payload or drops the packet', () => {
    const bytes = hex('82 0000 08 5d 03 01000000 0200 81 07 00000000 08 04000000 05000000 aabbccdd 000000')

    assert.equal(filterStreams(bytes, bytes.byteLength, new Map([[1, 1]])), bytes)
    assert.equal(filterStreams(bytes, bytes.byteLength, new Map([[2, 0]])), undefined)
  })

  test('takes compressed payloads as they are', () => {
    const bytes = hex(`82 0000 01 5d 00000000 0000 82 02 0a e8030000 01 14 0300 02 aabb
      01 05 00000000 08 04000000 d0070000 0400 61626364`)

    const sound = filterStreams(bytes, bytes.byteLength, new Map([[2, 0]]))
    assert.ok(sound)
    assert.deepEqual(
      essence(readDataPacket(sound, bytes.byteLength)).payloads,
      essence(readDataPacket(bytes, bytes.byteLength)).payloads.slice(0, 1),
    )
  })

  test('never makes a packet larger, and keeps every form of lengths', () => {
    for (const packetLength of [0, 1, 2, 3])
      for (const padding of [0, 1, 2, 3])
        for (const payloadLength of [1, 2, 3]) {
          const parts = [payload({ stream: 1, data: '' }), payload({ stream: 2, size: 1, data: 'ff' })]
          const bytes = multiplePacket(parts, { packetLength, padding, payloadLength, size: 0 })
          const left = filterStreams(bytes, bytes.byteLength, new Map([[2, 0]]))
          assert.ok(left)
          assert.ok(left.byteLength <= bytes.byteLength)
          assert.deepEqual(
            essence(readDataPacket(left, bytes.byteLength)).payloads,
            essence(readDataPacket(bytes, bytes.byteLength)).payloads.slice(1),
          )
        }
  })
})

describe('packet facts', () => {
  const init = initOf({ packetSize: P, streams: ['video', 'audio'] })

  test('send time and duration, with and without padding', () => {
    for (const bytes of [PADDED, withoutPadding(PADDED), PADDED.slice(0, TWO.byteLength)]) {
      assert.equal(packetSendTime(bytes), 10_000)
      assert.equal(packetDuration(bytes), 300)
    }
    assert.equal(packetSendTime(hex('92 1234 00')), undefined)
    assert.equal(packetSendTime(hex('')), undefined)
    assert.equal(packetSendTime(hex('82 0000 01')), undefined)
  })

  test('AS-08: key is where a key frame of the first video stream begins', () => {
    const continued = PADDED.slice()
    continued[16] = 4
    const delta = PADDED.slice()
    delta[14] = 0x01

    assert.equal(packetIsKey(PADDED, init), true)
    assert.equal(packetIsKey(continued, init), false)
    assert.equal(packetIsKey(delta, init), false)
    assert.equal(packetIsKey(PADDED, initOf({ packetSize: P, streams: ['audio', 'video'] })), false)
    assert.equal(packetIsKey(PADDED.subarray(0, 40), init), false)
  })

  test('without pictures every packet that begins something is a key', () => {
    const sound: AsfInit = initOf({ packetSize: P, streams: ['audio', 'audio'] })
    const delta = PADDED.slice()
    delta[14] = 0x01
    assert.equal(packetIsKey(delta, sound), true)
  })
})
