import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ByteSource, memorySource } from '../../byte-source.ts'
import { openReader } from '../../open-reader.ts'
import type { Packet } from '../../packet.ts'
import type { KeyPoint, MediaReader } from '../../reader.ts'
import { TsReader } from './reader.ts'
import { adtsFrame, concat, picture, TEST_PID, TestStreamWriter, testStream } from './vectors.ts'

const { VIDEO, AUDIO } = TEST_PID

async function read(reader: MediaReader, from: number | KeyPoint = 0, tracks?: readonly number[]): Promise<Packet[]> {
  const packets: Packet[] = []
  for await (const packet of reader.packets(from, tracks === undefined ? {} : { tracks })) packets.push(packet)
  return packets
}

/** Some megabytes: large pictures, so that opening must not read through it. */
function largeStream(pictures: number, startTicks: number): Uint8Array {
  const writer = new TestStreamWriter().pat().pmt([
    { pid: VIDEO, type: 0x1b },
    { pid: AUDIO, type: 0x0f },
  ])
  for (let i = 0; i < pictures; i++) {
    const dts = (startTicks + i * 3600) % 2 ** 33
    writer.pes(VIDEO, { pts: (dts + 3600) % 2 ** 33, dts, payload: picture(i % 25 === 0, i, 12_000), unbounded: true })
    writer.pes(AUDIO, { pts: (dts + 3600) % 2 ** 33, payload: concat([adtsFrame(i), adtsFrame(i)]) })
  }
  return writer.bytes
}

/** Counts what is read. */
function counting(bytes: Uint8Array): ByteSource & { readonly bytesRead: number } {
  let bytesRead = 0
  return {
    ...memorySource(bytes),
    get bytesRead() {
      return bytesRead
    },
    read(offset, length) {
      const view = bytes.subarray(offset, offset + length)
      bytesRead += view.byteLength
      return Promise.resolve(view)
    },
  }
}

describe('a transport stream file', () => {
  it('is known by its packets, and counts its time from 0', async () => {
    const reader = await openReader(memorySource(testStream(50, 700_000).bytes))

    const packets = await read(reader)

    assert.equal(reader.format, 'mpegts')
    assert.equal(Math.min(...packets.map(({ pts }) => pts)), 0)
    // 100 frames of 1024 samples: longer than the 50 pictures.
    assert.equal(reader.duration, 2_133_333)
    assert.deepEqual(
      (await reader.keyPoints()).map(({ pts, dts }) => [pts, dts]),
      [0, 1, 2, 3, 4].map((i) => [i * 400_000, i * 400_000 - 40_000]),
    )
  })

  it('gives packets from the key point at or before a time, and sound from there', async () => {
    const reader = await TsReader.open(memorySource(testStream(50).bytes))

    const packets = await read(reader, 1_000_000)
    const onlySound = await read(reader, 1_000_000, [101])
    const fromPoint = await read(reader, (await reader.keyPoints())[2])

    assert.deepEqual(packets.find(({ track }) => track.id === 1)?.pts, 800_000)
    assert.ok(packets.every(({ dts }) => dts >= 760_000))
    assert.deepEqual(fromPoint, packets)
    assert.ok((onlySound[0]?.dts ?? 0) >= 1_000_000 && (onlySound[0]?.dts ?? 0) < 1_030_000)
    assert.deepEqual(await read(reader, 0, []), [])
  })

  it('of some megabytes is opened and searched by reading little, over the wrap of its clock too', async () => {
    for (const start of [900_000, 2 ** 33 - 250 * 3600]) {
      const bytes = largeStream(600, start)
      const source = counting(bytes)

      const reader = await TsReader.open(source)

      assert.ok(bytes.byteLength > 6_000_000)
      assert.ok(source.bytesRead < 1_300_000, `${source.bytesRead} of ${bytes.byteLength}`)
      assert.equal(reader.duration, 24_002_666)
      for (const from of [100, 999_999, 1_000_000, 12_345_678, 23_900_000, 90_000_000]) {
        const [first] = await read(await TsReader.open(memorySource(bytes)), from, [1])
        assert.deepEqual([first?.key, first?.pts], [true, Math.min(23_000_000, Math.floor(from / 1e6) * 1e6)])
      }
    }
  })

  it('whose clock jumps is read through once, and its time goes on', async () => {
    const part = largeStream(200, 900_000)
    const reader = await TsReader.open(memorySource(concat([part, part, part])))

    const points = await reader.keyPoints()

    assert.ok(Math.abs(reader.duration - 24_000_000) < 300_000, `${reader.duration}`)
    assert.equal(points.length, 24)
    assert.ok(points.every(({ dts }, i) => i === 0 || dts > (points[i - 1]?.dts ?? 0)))
    const all = await read(reader)
    for (const point of [points[9], points[17], points[20]]) {
      const from = await read(reader, point, [1])
      assert.deepEqual(
        from.map(({ pts, dts, data }) => [pts, dts, data.byteLength]),
        all
          .filter(({ track, dts }) => track.id === 1 && dts >= (point?.dts ?? 0))
          .map(({ pts, dts, data }) => [pts, dts, data.byteLength]),
      )
    }
    assert.match(reader.notes.join(), /clock jumps.*2 times/)
  })

  it('whose streams move to other PIDs in the middle goes on with the same tracks', async () => {
    const writer = testStream(20)
    writer.pmt([{ pid: 0x111, type: 0x1b }], { version: 1 })
    for (let i = 20; i < 40; i++) {
      writer.pes(0x111, {
        pts: 93_600 + i * 3600,
        dts: 90_000 + i * 3600,
        payload: picture(i % 10 === 0, i),
        unbounded: true,
      })
    }
    const reader = await TsReader.open(memorySource(writer.bytes))

    const packets = await read(reader, 0, [1])

    assert.equal(packets.length, 40)
    assert.ok(packets.every(({ track }) => track === reader.tracks[0]))
    assert.deepEqual(
      (await reader.keyPoints()).map(({ pts }) => pts),
      [0, 400_000, 800_000, 1_200_000],
    )
    assert.equal((await read(reader, 1_500_000, [1])).length, 10)
  })

  it('whose first key picture comes late is read on until there is one', async () => {
    const writer = new TestStreamWriter().pat().pmt([{ pid: VIDEO, type: 0x1b }])
    for (let i = 0; i < 110; i++)
      writer.pes(VIDEO, { pts: 3600 * i, payload: picture(i === 105, i, 50_000), unbounded: true })

    const reader = await TsReader.open(memorySource(writer.bytes))

    assert.ok(writer.bytes.byteLength > 5_000_000)
    const packets = await read(reader)
    assert.deepEqual(
      packets.map(({ pts }) => pts),
      [0, 40_000, 80_000, 120_000, 160_000],
    )
  })

  it('without pictures has a key point each second', async () => {
    const writer = new TestStreamWriter().pat().pmt([{ pid: AUDIO, type: 0x0f }])
    for (let i = 0; i < 200; i++) writer.pes(AUDIO, { pts: 90_000 + i * 1920, payload: adtsFrame(i) })
    const reader = await TsReader.open(memorySource(writer.bytes))

    const points = await reader.keyPoints()

    assert.equal(points.length, 5)
    assert.equal((await read(reader, 2_500_000))[0]?.pts, points[2]?.pts)
  })

  it('of codecs that are not carried has a length all the same', async () => {
    const writer = new TestStreamWriter().pat().pmt([{ pid: VIDEO, type: 0x02 }])
    for (let i = 0; i < 50; i++) writer.pes(VIDEO, { pts: 90_000 + i * 3600, payload: Uint8Array.of(0, 0, 1, 0xb3) })

    const reader = await TsReader.open(memorySource(writer.bytes))

    assert.deepEqual(reader.tracks, [])
    assert.deepEqual(reader.foreign, [{ kind: 'video', codec: 'mpeg2video' }])
    assert.equal(reader.duration, 49 * 40_000)
    assert.deepEqual(await read(reader), [])
  })

  it('serves several readings at the same time', async () => {
    const reader = await TsReader.open(memorySource(testStream(50).bytes))
    const alone = await read(reader)

    const together = await Promise.all([read(reader), read(reader, 1_200_000), read(reader)])

    assert.deepEqual(together[0], alone)
    assert.deepEqual(together[2], alone)
  })

  it('without a program, or with nothing in it, is refused', async () => {
    const tables = new TestStreamWriter()
      .pat()
      .pmt([{ pid: VIDEO, type: 0x1b }])
      .pat()
    const none = new TestStreamWriter()
    for (let i = 0; i < 9; i++) none.payload(0x123, new Uint8Array(184))

    await assert.rejects(TsReader.open(memorySource(none.bytes)), { code: 'ERR_TS_NO_PROGRAM' })
    await assert.rejects(TsReader.open(memorySource(tables.bytes)), { code: 'ERR_TS_NO_MEDIA' })
    await assert.rejects(TsReader.open(memorySource(new Uint8Array(0))), { code: 'ERR_TS_NO_PROGRAM' })
  })

  it('that becomes shorter while it is read ends there', async () => {
    const { bytes } = testStream(50)
    let size = bytes.byteLength
    const source: ByteSource = {
      size: bytes.byteLength,
      read: (offset, length) =>
        Promise.resolve(bytes.subarray(Math.min(size, offset), Math.min(size, offset + length))),
    }
    const reader = await TsReader.open(source)

    size = 188 * 60
    const packets = await read(reader)

    assert.ok(packets.length > 10 && packets.length < 60)
  })
})
