import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readerOf } from '../../../test/support/media-library.ts'
import { AsfDemuxer } from '../../media/containers/asf/demuxer.ts'
import type { AsfPacket } from '../../media/containers/asf/model.ts'
import { withPadding } from '../../media/containers/asf/padding.ts'
import { AUDIO, audioPackets, TRACKS, VIDEO, videoPackets } from '../../media/containers/isobmff/vectors.ts'
import type { Packet } from '../../media/packet.ts'
import type { MediaReader } from '../../media/reader.ts'
import { MadeAsfFile } from './made-asf-file.ts'
import { makeHeader } from './made-asf-header.ts'

const SECONDS = 20
const PICTURES = videoPackets(SECONDS * 30)
const SOUNDS = audioPackets(SECONDS * 46)
/** Pictures first, as badly interleaved as a file can be within a second. */
const FILM = readerOf(
  [VIDEO, AUDIO],
  Array.from({ length: SECONDS * 2 }, (_, half) => [
    ...PICTURES.slice(half * 15, half * 15 + 15),
    ...SOUNDS.slice(half * 23, half * 23 + 23),
  ]).flat(),
)
const SIZE = 250_000

function make(reader: MediaReader = FILM, size = SIZE): MadeAsfFile {
  return new MadeAsfFile(reader, makeHeader(reader, size, 0), 0)
}

async function readAll(file: MadeAsfFile, from: number, count = 7): Promise<AsfPacket[]> {
  const all: AsfPacket[] = []
  for (let next = from; ; ) {
    const packets = await file.readPackets(next, count)
    if (packets.length === 0) return all
    all.push(...packets)
    next = (all.at(-1)?.number ?? 0) + 1
  }
}

function demux(file: MadeAsfFile, packets: readonly AsfPacket[]): Packet[] {
  const demuxer = new AsfDemuxer()
  const found: Packet[] = []
  demuxer.write(file.init.bytes)
  for (const { bytes } of packets) demuxer.write(withPadding(bytes, file.init.packetSize))
  demuxer.end()
  for (let result = demuxer.read(); result !== undefined; result = demuxer.read()) {
    if (result.type === 'packet') found.push(result.packet)
  }
  return found
}

const numbers = (packets: readonly AsfPacket[]) => packets.map(({ number }) => number)
const isRising = (values: readonly number[]) =>
  values.every((value, index) => index === 0 || value > values[index - 1]!)

describe('MadeAsfFile', () => {
  it('has every packet of the file, in the order of their decode times, in packets whose numbers rise', async () => {
    const file = make()

    const packets = await readAll(file, 0)

    assert.ok(isRising(numbers(packets)))
    assert.ok(packets.every(({ sendTimeMs }, index) => index === 0 || sendTimeMs >= packets[index - 1]!.sendTimeMs))
    assert.ok((packets.at(-1)?.number ?? 0) < file.init.packetCount)
    const found = demux(file, packets)
    assert.equal(found.filter(({ track }) => track.kind === 'video').length, PICTURES.length)
    const sounds = found.filter(({ track }) => track.kind === 'audio')
    assert.deepEqual(
      sounds.map(({ data }) => Buffer.from(data).toString('hex')),
      SOUNDS.map(({ data }) => Buffer.from(data).toString('hex')),
    )
  })

  it('the header tells the duration, and of at least as many packets as come', () => {
    const { init, durationMs } = make()

    assert.deepEqual([init.durationMs, init.broadcast, init.seekable], [durationMs, false, true])
    assert.equal(init.description.title, 'made up')
    assert.deepEqual(
      init.streams.map(({ kind, averageBitrateBps }) => [kind, averageBitrateBps > 0]),
      [
        ['video', true],
        ['audio', true],
      ],
    )
    // Describe and Play are told the same.
    assert.deepEqual(make().init.bytes, init.bytes)
  })

  it('a number means the same place whoever asks for it, and however it came there', async () => {
    const whole = await readAll(make(), 0)
    const keys = whole.filter(({ key }) => key)
    assert.equal(keys.length, SECONDS)

    for (const wanted of [keys[3]!, keys[11]!, whole[whole.indexOf(keys[7]!) + 2]!, whole.at(-1)!]) {
      const rest = whole.slice(whole.indexOf(wanted))
      const found = await readAll(make(), wanted.number, 5)
      assert.deepEqual(numbers(found), numbers(rest))
      // Numbers of objects within a stream count from where reading began; all else is the same.
      assert.deepEqual(
        found.map(({ sendTimeMs, key, bytes }) => [sendTimeMs, key, bytes.byteLength]),
        rest.map(({ sendTimeMs, key, bytes }) => [sendTimeMs, key, bytes.byteLength]),
      )
    }
  })

  it('finds the key picture shown at a time or before, and goes on there', async () => {
    const file = make()
    for (const [ms, first] of [
      [0, 0],
      [5_500, 5_000],
      [19_999, 19_000],
    ] as const) {
      const number = await file.packetAt(ms)
      const packets = await file.readPackets(number, 4)
      assert.equal(packets[0]?.number, number)
      // Sound of a moment before may come first.
      const key = packets.find((packet) => packet.key)
      assert.ok(Math.abs((key?.sendTimeMs ?? 0) - first) < 70, `${ms}: ${key?.sendTimeMs}`)
    }
  })

  it('walks from key picture to key picture, both ways', async () => {
    const file = make()
    const keys = (await readAll(file, 0)).filter(({ key }) => key)
    const walked: (number | undefined)[] = []
    for (let next = await file.nextKey(-1); next !== undefined; next = await file.nextKey(next)) walked.push(next)

    assert.deepEqual(walked, numbers(keys))
    assert.equal(await file.previousKey(walked[5]!), walked[4])
    assert.equal(await file.previousKey(walked[0]!), undefined)
    assert.equal((await file.readPackets(walked[5]!, 1))[0]?.number, walked[5])
  })

  it('F: absurd places end in the file or behind it', async () => {
    const file = make()
    for (const number of [2 ** 32 - 1, 2 ** 53, Number.POSITIVE_INFINITY]) {
      assert.deepEqual(await file.readPackets(number, 5), [], String(number))
    }
    assert.deepEqual(await file.readPackets(-1, 5), [])
    for (const ms of [2 ** 32, 1e12]) assert.ok((await file.packetAt(ms)) > 0)
  })

  it('F: a part that is far larger than the average keeps numbers rising, and so does a size that lies', async () => {
    const packets = [...PICTURES.slice(0, 60)].map((packet, index) =>
      index < 30 ? { ...packet, data: big(60_000) } : packet,
    )
    const size = packets.reduce((sum, { data }) => sum + data.byteLength, 0)
    const file = make(readerOf([VIDEO], packets), size)
    const lying = make(readerOf([VIDEO], packets), 1000)

    const made = await readAll(file, 0)

    assert.ok(isRising(numbers(made)))
    assert.equal(demux(file, made).length, 60)
    assert.ok(isRising(numbers(await readAll(lying, 0))))
  })

  it('leaves out what ASF does not carry', async () => {
    const opus = TRACKS.find(({ codec }) => codec === 'opus')!
    const file = make(readerOf([opus, AUDIO], audioPackets(20)))

    assert.deepEqual(
      file.init.streams.map(({ track }) => track?.codec),
      ['aac'],
    )
    assert.throws(() => makeHeader(readerOf([opus], []), SIZE, 0), { code: 'ERR_ASF_NO_TRACK' })
  })
})

/** One unit of that size. */
function big(size: number): Uint8Array {
  const data = new Uint8Array(size + 4)
  new DataView(data.buffer).setUint32(0, size)
  return data.fill(0x41, 4)
}
