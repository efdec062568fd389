/** Picture order counts from slice headers, and the fields of the SPS that are needed for them. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BitWriter } from '../../bytes/bit-writer.ts'
import { escapeNalUnit, joinNalUnits } from '../nal-units.ts'
import { type AvcOrderFields, readAvcSps } from './bitstream.ts'
import { AvcPictureOrder } from './picture-order.ts'

const FIELDS: AvcOrderFields = {
  type: 0,
  lsbBits: 4,
  frameNumBits: 4,
  frameOnly: true,
  separatePlanes: false,
  deltaAlwaysZero: true,
  mapUnits: 99,
}

function picture(
  low: number,
  options: { idr?: boolean; reference?: boolean; fields?: AvcOrderFields } = {},
): Uint8Array {
  const { idr = false, reference = true, fields = FIELDS } = options
  const slice = new BitWriter()
  slice.bits((reference ? 0x60 : 0) | (idr ? 5 : 1), 8)
  slice.ue(0).ue(7).ue(0)
  if (fields.separatePlanes) slice.bits(0, 2)
  slice.bits(0, fields.frameNumBits)
  if (!fields.frameOnly) slice.flag(false)
  if (idr) slice.ue(0)
  return joinNalUnits([Uint8Array.of(9, 0x10), escapeNalUnit(slice.bits(low, fields.lsbBits).trailing().toBytes())])
}

function counts(fields: AvcOrderFields, pictures: readonly Uint8Array[]): (number | undefined)[] {
  const order = new AvcPictureOrder(fields)
  return pictures.map((data) => order.next(data)?.count)
}

function sps(options: { lsbBits: number; vui?: (bits: BitWriter) => void }): Uint8Array {
  const bits = new BitWriter()
  bits.bits(0x67, 8).bits(77, 8).bits(0, 8).bits(30, 8).ue(0)
  bits
    .ue(1)
    .ue(0)
    .ue(options.lsbBits - 4) // frame_num of 5 bits, type 0
  bits.ue(2).flag(false).ue(3).ue(2).flag(true).flag(true).flag(false)
  bits.flag(options.vui !== undefined)
  options.vui?.(bits)
  return escapeNalUnit(bits.trailing().toBytes())
}

describe('picture order of H.264', () => {
  test('counts over the wrap of its bits, in both directions', () => {
    const lows = [0, 6, 2, 4, 12, 8, 10, 2, 14, 0, 8]
    assert.deepEqual(
      counts(
        FIELDS,
        lows.map((low, at) => picture(low, { idr: at === 0, reference: [0, 1, 4, 7, 10].includes(at) })),
      ),
      [0, 6, 2, 4, 12, 8, 10, 18, 14, 16, 24],
    )
  })

  test('starts anew with an IDR picture', () => {
    const order = new AvcPictureOrder(FIELDS)
    order.next(picture(14))
    assert.deepEqual(order.next(picture(0, { idr: true })), { count: 0, idr: true })
    assert.deepEqual(order.next(picture(2)), { count: 2, idr: false })
  })

  test('of pictures that may be fields, or have separate planes', () => {
    const fields = { ...FIELDS, frameOnly: false, separatePlanes: true }
    assert.deepEqual(counts(fields, [picture(6, { fields })]), [6])
  })

  test('is not told by what has no slice, or half a slice header', () => {
    assert.deepEqual(counts(FIELDS, [joinNalUnits([Uint8Array.of(6, 1)]), joinNalUnits([Uint8Array.of(0x65)])]), [
      undefined,
      undefined,
    ])
  })

  test('is known for the usual kind of counting only', () => {
    assert.equal(new AvcPictureOrder(FIELDS).known, true)
    assert.equal(new AvcPictureOrder({ ...FIELDS, type: 2, lsbBits: 0 }).known, false)
    assert.equal(new AvcPictureOrder({ ...FIELDS, lsbBits: 17 }).known, false)
  })
})

describe('the SPS', () => {
  test('tells how pictures are counted', () => {
    assert.deepEqual(readAvcSps(sps({ lsbBits: 6 })).order, {
      type: 0,
      lsbBits: 6,
      deltaAlwaysZero: true,
      frameNumBits: 5,
      frameOnly: true,
      separatePlanes: false,
      mapUnits: 12,
    })
  })

  test('tells how far frames are reordered, behind everything else in the VUI', () => {
    const vui = (bits: BitWriter) => {
      bits.flag(false).flag(false).flag(false).flag(false)
      bits.flag(true).bits(1, 32).bits(50, 32).flag(true)
      // One buffer description of two schedules.
      bits.flag(true).ue(1).bits(0, 8).ue(9).ue(9).flag(false).ue(9).ue(9).flag(true).bits(0, 20)
      bits.flag(false).flag(false).flag(false)
      bits.flag(true).flag(true).ue(0).ue(0).ue(11).ue(11).ue(2).ue(4)
    }
    const { order, frameRate } = readAvcSps(sps({ lsbBits: 6, vui }))
    assert.equal(order.maxReorder, 2)
    assert.equal(frameRate, 25)
  })

  test('without the end of its VUI is read as far as it goes', () => {
    const vui = (bits: BitWriter) => {
      bits.flag(false).flag(false).flag(false).flag(false).flag(true).bits(1, 32).bits(50, 32)
    }
    const { order, frameRate } = readAvcSps(sps({ lsbBits: 6, vui }))
    assert.equal(order.maxReorder, undefined)
    assert.equal(frameRate, 25)
  })
})
