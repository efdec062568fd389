import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ByteReader } from '../../bytes/byte-reader.ts'
import { ByteWriter } from '../../bytes/byte-writer.ts'
import {
  type Box,
  childBoxes,
  MAX_BOX_DEPTH,
  MAX_BOXES_IN_PARENT,
  readBoxHeader,
  readEntryCount,
  readFullBoxHeader,
  topLevelBoxes,
  writeBox,
  writeFullBox,
} from './box.ts'
import {
  type EventMessage,
  eventMessageBytes,
  PRODUCER_REFERENCE_TIME_BYTES,
  REFERENCE_TIME,
  readEventMessage,
  readProducerReferenceTime,
  writeEventMessage,
  writeProducerReferenceTime,
} from './segment-boxes.ts'

function bytesOf(write: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter()
  write(writer)
  return writer.toBytes()
}

describe('box', () => {
  it('writes and reads nested boxes', () => {
    const bytes = bytesOf((writer) => {
      writeBox(writer, 'moov', () => {
        writeFullBox(writer, 'trex', { version: 1, flags: 0x20304 }, () => writer.u32(5))
        writeBox(writer, 'free', () => {})
      })
    })
    const [moov] = [...topLevelBoxes(bytes, 100)]
    assert.ok(moov)
    const children = [...childBoxes(moov)]
    assert.deepEqual(
      children.map(({ type, depth }) => [type, depth]),
      [
        ['trex', 1],
        ['free', 1],
      ],
    )
    assert.equal(children[0]?.body.offset, 116)
    assert.deepEqual(readFullBoxHeader(children[0].body), { version: 1, flags: 0x20304 })
  })

  it('needs more for every part of a header', () => {
    const long = bytesOf((writer) => writer.u32(1).latin1('uuid').u64(40).zeros(16))
    for (let length = 0; length < 32; length++) assert.equal(readBoxHeader(long.subarray(0, length), 0), undefined)
    assert.deepEqual(readBoxHeader(long, 0), { type: 'uuid', size: 40, headerBytes: 32 })
    assert.deepEqual(
      readBoxHeader(
        bytesOf((writer) => writer.u32(0).latin1('mdat')),
        0,
      ),
      { type: 'mdat', size: undefined, headerBytes: 8 },
    )
  })

  it('refuses sizes that lie', () => {
    const walk = (bytes: Uint8Array): unknown => [...topLevelBoxes(bytes)].map((box) => [...childBoxes(box)])
    for (const bytes of [
      bytesOf((writer) => writer.u32(7).latin1('free')),
      bytesOf((writer) => writer.u32(16).latin1('free')),
      bytesOf((writer) => writer.u32(16).latin1('moov').u32(9).latin1('free')),
      bytesOf((writer) => writer.u32(16).latin1('moov').u32(0).latin1('free')),
      bytesOf((writer) => writer.u32(23).latin1('uuid').zeros(16)),
      bytesOf((writer) =>
        writer
          .u32(1)
          .latin1('free')
          .u64(2 ** 52),
      ),
    ]) {
      assert.throws(() => walk(bytes), { code: 'ERR_MP4_BOX_SIZE' })
    }
    assert.throws(() => walk(bytesOf((writer) => writer.u32(1).latin1('free'))), { code: 'ERR_MP4_TRUNCATED' })
    assert.deepEqual(walk(bytesOf((writer) => writer.u32(12).latin1('udta').u32(0))), [[]])
  })

  it('limits depth and number', () => {
    const nest = (depth: number): Uint8Array =>
      bytesOf((writer) => (depth === 0 ? undefined : writeBox(writer, 'meta', () => writer.bytes(nest(depth - 1)))))
    const dive = (box: Box): void => {
      for (const child of childBoxes(box)) dive(child)
    }
    const into = (bytes: Uint8Array): void => {
      for (const box of topLevelBoxes(bytes)) dive(box)
    }
    into(nest(MAX_BOX_DEPTH - 1))
    assert.throws(() => into(nest(MAX_BOX_DEPTH + 1)), { code: 'ERR_MP4_TOO_DEEP' })
    const flood = bytesOf((writer) => {
      for (let i = 0; i <= MAX_BOXES_IN_PARENT; i++) writer.u32(24).latin1('uuid').zeros(16)
    })
    assert.throws(() => into(flood), { code: 'ERR_MP4_TOO_MANY_BOXES' })
  })

  it('compares counts with the bytes that are there', () => {
    const bytes = bytesOf((writer) => writer.u32(3).zeros(11))
    assert.throws(() => readEntryCount(new ByteReader(bytes), 4, 'stts'), { code: 'ERR_MP4_ENTRY_COUNT' })
    assert.equal(readEntryCount(new ByteReader(bytes), 3, 'stts'), 3)
  })
})

describe('segment boxes', () => {
  it('gives the wall clock back', () => {
    const time = {
      reference: REFERENCE_TIME.captured,
      trackId: 9,
      wallClock: 1_800_000_000_123_457,
      mediaTicks: 2 ** 40,
    }
    const bytes = bytesOf((writer) => writeProducerReferenceTime(writer, time))
    assert.equal(bytes.byteLength, PRODUCER_REFERENCE_TIME_BYTES)
    const [box] = [...topLevelBoxes(bytes)]
    assert.deepEqual(readProducerReferenceTime(box!.body), time)
  })

  it('gives an event back', () => {
    const event: EventMessage = {
      schemeIdUri: 'urn:example:é𝄞',
      value: '1',
      timescale: 1000,
      presentationTicks: 2 ** 33,
      durationTicks: 500,
      id: 7,
      data: Uint8Array.of(1, 2, 3),
    }
    const bytes = bytesOf((writer) => writeEventMessage(writer, event))
    assert.equal(bytes.byteLength, eventMessageBytes(event))
    const [box] = [...topLevelBoxes(bytes)]
    assert.deepEqual(readEventMessage(box!.body), event)
    for (let length = 8; length < bytes.byteLength - 3; length++) {
      assert.throws(() => readEventMessage(new ByteReader(bytes.subarray(8, length))))
    }
  })
})
