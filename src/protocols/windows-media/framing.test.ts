import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FormatError } from '../../errors.ts'
import {
  changePacket,
  DATA_HEADER_LENGTH,
  endPacket,
  FRAGMENT,
  type Frame,
  FrameReader,
  type FramingMode,
  fillerPackets,
  frameHeader,
  pushChangeHeader,
  pushPacketHeader,
  REASON,
  testPacket,
  writeDataHeader,
} from './framing.ts'

const hex = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'))
const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

function readAll(mode: FramingMode, bytes: Uint8Array, step = Math.max(1, bytes.byteLength)): Frame[] {
  const reader = new FrameReader(mode)
  const frames: Frame[] = []
  for (let at = 0; at < bytes.byteLength; at += step) {
    reader.write(bytes.slice(at, at + step))
    for (let frame = reader.read(); frame !== undefined; frame = reader.read()) frames.push(frame)
  }
  return frames
}

function refuses(mode: FramingMode, text: string, code: string): void {
  assert.throws(
    () => readAll(mode, hex(text)),
    (error: unknown) => error instanceof FormatError && error.code === code,
    text,
  )
}

const plain = (frames: readonly Frame[]) => frames.map((frame) => ({ ...frame, payload: toHex(frame.payload) }))

describe('writers', () => {
  test('vectors of the small packets', () => {
    assert.equal(toHex(endPacket(REASON.FINISHED)), '2445040000000000')
    assert.equal(toHex(endPacket(REASON.NEXT_ENTRY)), '2445040001000000')
    assert.equal(toHex(endPacket(REASON.EOS_RECEDING)), '24450400092f0d00')
    assert.equal(toHex(changePacket(0)), '2443040000000000')
    assert.equal(toHex(changePacket(REASON.PLAYLIST_CHANGE_RECEDING)), '24430400be140d40')
    assert.equal(toHex(endPacket(REASON.PUBLISHING_POINT_REMOVED)), '244504005a140dc0')
    assert.equal(toHex(testPacket()), '24540000')
  })

  test('vectors of $D', () => {
    const target = new Uint8Array(16).fill(0xee)
    writeDataHeader(target, 2, { locationId: 18, incarnation: 0, sequence: 7, length: 3, burst: false })
    assert.equal(toHex(target), 'eeee24440b001200000000070b00eeee')
    const burst = new Uint8Array(12)
    writeDataHeader(burst, 0, { locationId: 432, incarnation: 0, sequence: 254, length: 3, burst: true })
    assert.equal(toHex(burst), 'a4440b00b001000000fe0b00')
    writeDataHeader(burst, 0, { locationId: 2 ** 32 - 1, incarnation: 3, sequence: 257, length: 65_527, burst: false })
    assert.equal(toHex(burst), '2444ffffffffffff0301ffff')
  })

  test('SRV-47, SRV-48: vectors of $H: one piece, and a header of 100,000 bytes in two', () => {
    assert.equal(toHex(frameHeader('H', new Uint8Array(5180)).subarray(0, 12)), '2448441400000000000c4414')
    const split = frameHeader('H', new Uint8Array(100_000))
    assert.equal(toHex(split.subarray(0, 12)), '2448ffff000000000004ffff')
    assert.equal(toHex(split.subarray(65_539, 65_551)), '2448b186010000000008b186')
    assert.equal(split.byteLength, 100_000 + 2 * DATA_HEADER_LENGTH)
    assert.equal(toHex(frameHeader('M', new Uint8Array(0), 5)), '244d080000000000050c0800')
  })

  test('vectors of a push', () => {
    assert.equal(toHex(pushPacketHeader('H', 5180)), '24483c14')
    assert.equal(toHex(pushPacketHeader('D', 65_531)), '2444fbff')
    assert.equal(toHex(pushChangeHeader(5180)), '2443401400000000')
    assert.equal(toHex(fillerPackets(12)), '244608000000000000000000')
    assert.equal(toHex(fillerPackets(4)), '24460000')
    assert.equal(fillerPackets(0).byteLength, 0)
  })

  test('ENC-14: filler is exactly as long as asked, without a rest of 1 to 3 bytes', () => {
    for (let total = 65_530; total < 65_545; total++) {
      const frames = readAll('push', fillerPackets(total))
      const sum = frames.reduce((bytes, frame) => bytes + 4 + frame.payload.byteLength, 0)
      assert.equal(sum, total)
      assert.ok(frames.every(({ type }) => type === 'F'))
    }
  })
})

describe('reader', () => {
  const pair = (reason: number, field: number, size: number) =>
    Buffer.concat([
      Buffer.from([0x24, 0x50, field & 255, field >> 8, reason & 255, reason >> 8, 0, 0]),
      Buffer.alloc(size, 0xaa),
    ])
  const wmsp = Buffer.concat([
    pair(312, 504, 192),
    pair(312, 504, 504),
    pair(312, 1048, 1360),
    frameHeader('M', Buffer.from('features=""\0')),
    frameHeader('H', new Uint8Array(70_000).fill(7), 3),
    hex('24440b001200000000070b00820000'),
    hex('a4440b00b001000000fe0b00820000'),
    hex('24540000'),
    changePacket(REASON.PLAYLIST_CHANGE_RECEDING),
    endPacket(0),
    // FFmpeg's own writer gives an end with a whole data header.
    hex('244508000000000000000800'),
    pair(504, 504, 0),
    pair(504, 504, 504),
    pair(504, 1048, 1552),
  ])
  const push = Buffer.concat([
    hex('24480500 3026b2758e'),
    hex('24440300 820000'),
    hex('24460800 0000000000000000'),
    hex('24460000'),
    endPacket(1),
    hex('24430600 00000000 3026'),
    endPacket(0x8000_0001),
  ])

  test('WMSP packets', () => {
    const frames = readAll('wmsp', wmsp)
    assert.equal(frames.map(({ type }) => type).join(''), 'PPPMHHDDTCEEPPP')
    assert.deepEqual(
      frames.filter(({ type }) => type === 'P').map(({ payload, reason }) => [reason, payload.byteLength]),
      [312, 504].flatMap((size) => [
        [size, 504 - size],
        [size, 504],
        [size, 1048 + size],
      ]),
    )
    assert.deepEqual(
      frames
        .filter(({ type }) => type === 'H')
        .map(({ locationId, incarnation, flags }) => [locationId, incarnation, flags]),
      [
        [0, 3, FRAGMENT.FIRST],
        [1, 3, FRAGMENT.LAST],
      ],
    )
    const [first, second] = frames.filter(({ type }) => type === 'D')
    assert.deepEqual([first?.locationId, first?.flags, first?.burst], [18, 7, false])
    assert.deepEqual([second?.locationId, second?.flags, second?.burst], [432, 254, true])
    assert.equal(toHex(second?.payload ?? new Uint8Array(0)), '820000')
    assert.equal(frames[9]?.reason, REASON.PLAYLIST_CHANGE_RECEDING)
  })

  test('push packets', () => {
    assert.deepEqual(
      plain(readAll('push', push)).map(({ type, reason, payload }) => [type, reason, payload]),
      [
        ['H', undefined, '3026b2758e'],
        ['D', undefined, '820000'],
        ['F', undefined, '0000000000000000'],
        ['F', undefined, ''],
        ['E', 1, ''],
        ['C', 0, '3026'],
        ['E', 0x8000_0001, ''],
      ],
    )
  })

  test('whole and byte by byte, and the input stays as it was', () => {
    for (const [mode, bytes] of [
      ['wmsp', wmsp],
      ['push', push],
    ] as const) {
      const before = toHex(bytes)
      const whole = plain(readAll(mode, bytes))
      for (const step of [1, 3, 1000]) assert.deepEqual(plain(readAll(mode, bytes, step)), whole)
      assert.equal(toHex(bytes), before)
    }
  })

  test('a packet cut short is pending', () => {
    const reader = new FrameReader('push')
    reader.write(hex('244403008200'))
    assert.equal(reader.read(), undefined)
    assert.equal(reader.pending, 6)
  })

  test('M-06, N-05: what is no packet of the protocol, or has a lying length, is refused', () => {
    refuses('wmsp', '24460000', 'ERR_WMS_FRAME_TYPE')
    refuses('push', '244d0000', 'ERR_WMS_FRAME_TYPE')
    refuses('push', '24540000', 'ERR_WMS_FRAME_TYPE')
    refuses('push', '25440000', 'ERR_WMS_FRAME_TYPE')
    refuses('wmsp', '24410000', 'ERR_WMS_FRAME_TYPE')
    refuses('wmsp', '24440700 00000000000700', 'ERR_WMS_FRAME_LENGTH')
    refuses('wmsp', '24440b001200000000070c00820000', 'ERR_WMS_FRAME_LENGTH')
    refuses('push', '24450300 000000', 'ERR_WMS_FRAME_LENGTH')
    refuses('push', '24430000', 'ERR_WMS_FRAME_LENGTH')
    refuses('wmsp', '2450f801 f9010000', 'ERR_WMS_FRAME_LENGTH')
    refuses('wmsp', '2450ffff 38010000', 'ERR_WMS_FRAME_LENGTH')
  })
})
