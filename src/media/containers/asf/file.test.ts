/** Files at random and their indexes: on files of FFmpeg and on one of 2 GB that is made up as it is read. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type ByteSource, memorySource } from '../../byte-source.ts'
import { readDataPacket } from './data-packet.ts'
import { AsfReader } from './demuxer.ts'
import { AsfFile } from './file.ts'
import { buildAsfInit } from './header-builder.ts'
import {
  NO_OFFSET,
  readIndexObject,
  readSimpleIndex,
  readSimpleIndexHead,
  SIMPLE_INDEX_HEAD,
  writeIndexObject,
  writeSimpleIndex,
} from './index.ts'
import { IndexBuilder } from './index-builder.ts'
import type { AsfInit, AsfPacket } from './model.ts'
import { keyTimeIn } from './packet-info.ts'
import { AsfPacketizer } from './packetizer.ts'
import { testFile, testFiles } from './test-files.suite.ts'
import { hex, multiplePacket, payload, testPacket, testTracks } from './vectors.ts'

const { video } = testTracks
const audio = {
  ...testTracks.audio,
  config: hex('6101 0200 44ac0000 803e0000 ba02 1000 0a00 00880000 1700 ba020000'),
}

function packetsOf(bytes: Uint8Array): AsfPacket[] {
  const reader = new AsfReader()
  reader.write(bytes)
  const packets: AsfPacket[] = []
  for (let result = reader.read(); result !== undefined; result = reader.read()) {
    if (result.type === 'packet') packets.push(result.packet)
  }
  return packets
}

/** Where playing starts, by looking at every packet. */
function expectedStart(packets: readonly AsfPacket[], timeMs: number): number {
  const start = packets.findLastIndex(({ bytes, init }) => {
    const key = keyTimeIn(bytes, init)
    return key !== undefined && key - init.prerollMs <= timeMs
  })
  return Math.max(0, start)
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(pieces.flatMap((piece) => [...piece]))
}

describe('a file', () => {
  for (const name of testFiles) {
    const { bytes } = testFile(name)
    const packets = packetsOf(bytes)

    test(`${name}: its real packets, at random`, async () => {
      const file = await AsfFile.open(memorySource(bytes))

      assert.equal(file.packetCount, packets.length)
      assert.deepEqual(await file.readPackets(0, 10_000), packets)
      assert.deepEqual(await file.readPackets(3, 2), packets.slice(3, 5))
      assert.deepEqual(await file.readPackets(packets.length, 5), [])
      assert.deepEqual(await file.readPackets(-1, 5), [])
    })

    test(`AS-07: ${name}: seeking finds the key frame to start from`, async () => {
      const file = await AsfFile.open(memorySource(bytes))
      for (let timeMs = -100; timeMs < 1200; timeMs += 13) {
        assert.equal(await file.packetAt(timeMs), expectedStart(packets, timeMs), `${timeMs} ms`)
      }
    })

    test(`${name}: from key frame to key frame`, async () => {
      const file = await AsfFile.open(memorySource(bytes))
      for (let number = 0; number < packets.length; number++) {
        const next = packets.findIndex((packet) => packet.number > number && packet.key)
        assert.equal(await file.nextKey(number), next === -1 ? undefined : next)
        const previous = packets.findLastIndex((packet) => packet.number < number && packet.key)
        assert.equal(await file.previousKey(number), previous === -1 ? undefined : previous)
      }
      assert.equal(await file.nextKey(-1), packets.find((packet) => packet.key)?.number)
      assert.equal(await file.previousKey(1e9), packets.findLast((packet) => packet.key)?.number)
    })
  }

  test('durations: from the header, or measured where it does not tell', async () => {
    const durations: Record<string, number> = {}
    for (const name of testFiles) {
      durations[name] = (await AsfFile.open(memorySource(testFile(name).bytes))).durationMs
    }
    assert.equal(durations['wmv2-wmav2.wmv'], 1046)
    assert.equal(durations['piped.wmv'], 979)
    assert.equal(durations['truncated.wmv'], 179)
  })

  test('that grows has the packets that are whole so far', async () => {
    const { bytes } = testFile('wmv2-wmav2.wmv')
    const headerLength = packetsOf(bytes)[0]?.init.bytes.byteLength ?? 0
    for (const packetCount of [0, 1, 7]) {
      for (const more of [0, 1, 599]) {
        const file = await AsfFile.open(memorySource(bytes.subarray(0, headerLength + packetCount * 600 + more)))
        assert.equal(file.packetCount, packetCount)
        assert.equal(await file.packetAt(500), expectedStart(packetsOf(bytes).slice(0, packetCount), 500))
      }
    }
  })

  test('of live times: begins where its first packet does', async () => {
    const init = buildAsfInit({ tracks: [video], packetSize: 400, prerollMs: 1000, broadcast: true })
    const packetizer = new AsfPacketizer(init, { padded: true })
    for (let at = 0; at < 50; at++) packetizer.write(testPacket(video, { dts: 70_000 + at * 40 }, 200, at % 10 === 0))
    packetizer.end()
    const pieces = [init.bytes]
    for (let packet = packetizer.read(); packet !== undefined; packet = packetizer.read()) pieces.push(packet.bytes)
    const file = await AsfFile.open(memorySource(join(pieces)))

    assert.equal(file.startMs, 70_000)
    assert.equal(file.durationMs, 1960)
    assert.equal(await file.packetAt(70_900), expectedStart(packetsOf(join(pieces)), 70_900))
  })

  test('with a lying index is sought without it', async () => {
    const { bytes } = testFile('wmv2-wmav2.wmv')
    const packets = packetsOf(bytes)
    const indexAt = (packets[0]?.init.bytes.byteLength ?? 0) + packets.length * 600
    const index = readSimpleIndex(bytes.subarray(indexAt))
    for (const packet of [1, 4_000_000_000, packets.length - 1]) {
      const entries = index.entries.map((entry) => ({ ...entry, packet }))
      const lying = join([bytes.subarray(0, indexAt), writeSimpleIndex({ ...index, entries })])
      const file = await AsfFile.open(memorySource(lying))
      for (const timeMs of [0, 400, 900]) assert.equal(await file.packetAt(timeMs), expectedStart(packets, timeMs))
    }
    for (const length of [indexAt + 10, indexAt + 60]) {
      const cut = await AsfFile.open(memorySource(bytes.subarray(0, length)))
      assert.equal(await cut.packetAt(900), expectedStart(packets, 900))
    }
  })

  test('refuses what is none', async () => {
    await assert.rejects(AsfFile.open(memorySource(new Uint8Array(100))), { code: 'ERR_ASF_NO_HEADER' })
    await assert.rejects(AsfFile.open(memorySource(new Uint8Array(5))), { code: 'ERR_ASF_TRUNCATED' })
  })
})

/** A film of 3 hours and 2 GB: a packet of 3200 bytes every 16.5 ms, key frames every 2 s, made up as they are read. */
class Film implements ByteSource {
  static readonly packetSize = 3200
  static readonly packetCount = 655_000
  static readonly stepMs = 16.5
  static readonly packetsPerKey = 121
  readonly init: AsfInit
  readonly size: number
  readonly #index: Uint8Array
  bytesRead = 0
  reads = 0

  constructor(options: { readonly indexed: boolean }) {
    const { packetSize, packetCount, stepMs } = Film
    const durationMs = packetCount * stepMs
    const fileSize = packetCount * packetSize
    this.init = buildAsfInit({
      tracks: [video],
      packetSize,
      packetCount,
      durationMs,
      fileSize,
      prerollMs: 3000,
      broadcast: false,
    })
    const entries = Array.from({ length: Math.ceil((durationMs + 3000) / 1000) }, (_, second) => ({
      packet: Math.max(0, Film.keyAt(second * 1000 - 3000)),
      count: 1,
    }))
    this.#index = options.indexed
      ? writeSimpleIndex({ fileId: this.init.fileId, intervalMs: 1000, maxPacketCount: 1, entries })
      : new Uint8Array(0)
    this.size = this.init.bytes.byteLength + packetCount * packetSize + this.#index.byteLength
  }

  static timeOf(number: number): number {
    return Math.floor(number * Film.stepMs)
  }

  /** Packet of the last key frame at that media time. */
  static keyAt(timeMs: number): number {
    let key = Math.max(0, Math.ceil(timeMs / Film.stepMs / Film.packetsPerKey)) * Film.packetsPerKey
    while (key > 0 && Film.timeOf(key) > timeMs) key -= Film.packetsPerKey
    return key
  }

  read(offset: number, length: number): Promise<Uint8Array> {
    this.reads++
    const out = new Uint8Array(Math.max(0, Math.min(length, this.size - offset)))
    this.bytesRead += out.byteLength
    const dataAt = this.init.bytes.byteLength
    const indexAt = dataAt + Film.packetCount * Film.packetSize
    for (let at = 0; at < out.byteLength; ) {
      const position = offset + at
      const [piece, start] =
        position < dataAt
          ? [this.init.bytes, position]
          : position >= indexAt
            ? [this.#index, position - indexAt]
            : this.#packet(position - dataAt)
      const part = piece.subarray(start, start + out.byteLength - at)
      out.set(part, at)
      at += part.byteLength
    }
    return Promise.resolve(out)
  }

  #packet(position: number): [Uint8Array, number] {
    const number = Math.floor(position / Film.packetSize)
    const time = Film.timeOf(number)
    const key = number % Film.packetsPerKey === 0
    const only = payload({ stream: 1, key, number: number & 0xff, size: 4, time: time + 3000, data: '01020304' })
    return [multiplePacket([only], { sendTime: time, size: Film.packetSize }), position % Film.packetSize]
  }
}

describe('AS-07: a film of 2 GB', () => {
  const middle = (Film.packetCount * Film.stepMs) / 2

  for (const indexed of [true, false]) {
    test(`${indexed ? 'with' : 'without'} an index: opened and sought with less than 1 MB read`, async () => {
      const film = new Film({ indexed })
      const file = await AsfFile.open(film)
      const start = await file.packetAt(middle)

      assert.ok(film.size > 2_000_000_000)
      assert.equal(start, Film.keyAt(middle))
      assert.ok(film.bytesRead < 1_000_000, `${film.bytesRead} bytes`)
      assert.ok(film.reads < 100, `${film.reads} reads`)
      assert.equal((await file.readPackets(start, 1))[0]?.key, true)
    })
  }

  test('seeking without an index equals seeking with one', async () => {
    const [first, second] = await Promise.all([
      AsfFile.open(new Film({ indexed: true })),
      AsfFile.open(new Film({ indexed: false })),
    ])
    for (let timeMs = 0; timeMs < 11_000_000; timeMs += 333_331) {
      const wanted = Film.keyAt(Math.min(timeMs, Film.timeOf(Film.packetCount - 1)))
      assert.equal(await first.packetAt(timeMs), wanted)
      assert.equal(await second.packetAt(timeMs), wanted)
    }
  })
})

describe('Simple Index', () => {
  const index = {
    fileId: Uint8Array.from({ length: 16 }, (_, at) => at),
    intervalMs: 1000,
    maxPacketCount: 7,
    entries: [
      { packet: 0, count: 7 },
      { packet: 70_000, count: 1 },
    ],
  }

  test('is read as it was written', () => {
    const bytes = writeSimpleIndex(index)
    assert.equal(bytes.byteLength, SIMPLE_INDEX_HEAD + 12)
    assert.deepEqual(readSimpleIndex(bytes), index)
  })

  test('of FFmpeg is read, written the same, and what is built of the packets', () => {
    const { bytes } = testFile('wmv2-wmav2.wmv')
    const packets = packetsOf(bytes)
    const init = packets[0]?.init as AsfInit
    const indexAt = init.bytes.byteLength + packets.length * 600
    const theirs = readSimpleIndex(bytes.subarray(indexAt))
    assert.deepEqual(writeSimpleIndex(theirs), bytes.subarray(indexAt))

    const builder = new IndexBuilder(init)
    for (const packet of packets) builder.write(packet.bytes, packet.number)
    const own = readSimpleIndex(builder.finish())
    assert.deepEqual(own.fileId, theirs.fileId)
    own.entries.forEach(({ packet, count }, second) => {
      assert.equal(packet, theirs.entries[second]?.packet)
      // FFmpeg leaves out the packet in which the key frame ends.
      assert.equal(count - 1, theirs.entries[second]?.count)
    })
    assert.ok(theirs.entries.length - own.entries.length <= 1)
  })

  test('is built for each video stream', () => {
    const packets = packetsOf(testFile('two-video-two-audio.wmv').bytes)
    const builder = new IndexBuilder(packets[0]?.init as AsfInit)
    for (const packet of packets) builder.write(packet.bytes, packet.number)
    const built = builder.finish()
    const first = readSimpleIndex(built)
    const second = readSimpleIndex(built.subarray(SIMPLE_INDEX_HEAD + 6 * first.entries.length))

    assert.deepEqual(first.entries.at(-1), { packet: 16, count: 6 })
    assert.deepEqual(second.entries.at(-1), { packet: 21, count: 3 })
  })

  test('cut short, of another object, without interval or with too many entries is refused', () => {
    const bytes = writeSimpleIndex(index)
    for (let length = 0; length < bytes.byteLength; length++) {
      assert.throws(() => readSimpleIndex(bytes.subarray(0, length)), { name: 'FormatError' })
    }
    const changed = (at: number, ...values: number[]) => {
      const copy = bytes.slice()
      copy.set(values, at)
      return copy
    }
    for (const broken of [changed(0, 0), changed(16, 1), changed(40, 0, 0, 0), changed(52, 255, 255, 255, 255)]) {
      assert.throws(() => readSimpleIndexHead(broken), { code: 'ERR_ASF_INDEX' })
    }
  })

  test('has an entry a second, each for the last key frame then', () => {
    const init = buildAsfInit({ tracks: [video, audio], packetSize: 400, prerollMs: 1500, broadcast: false })
    const packetizer = new AsfPacketizer(init)
    for (let ms = 0; ms < 5000; ms += 40) packetizer.write(testPacket(video, { dts: ms }, 300, ms % 1600 === 0))
    packetizer.end()
    const builder = new IndexBuilder(init)
    const keys: [number, number][] = []
    for (let packet = packetizer.read(); packet !== undefined; packet = packetizer.read()) {
      builder.write(packet.bytes, packet.number)
      if (packet.key) keys.push([keyTimeIn(packet.bytes, init) ?? 0, packet.number])
    }
    const { entries, maxPacketCount } = readSimpleIndex(builder.finish())

    assert.equal(entries.length, 7)
    entries.forEach(({ packet }, second) => {
      const [, wanted] = keys.findLast(([timeMs]) => timeMs <= second * 1000) ?? keys[0] ?? []
      assert.equal(packet, wanted, `second ${second}`)
    })
    assert.equal(maxPacketCount, 1)
  })

  test('is not there without video', () => {
    const builder = new IndexBuilder(buildAsfInit({ tracks: [audio], packetSize: 400, prerollMs: 0, broadcast: false }))
    assert.equal(builder.finish().byteLength, 0)
  })
})

describe('Index Object', () => {
  const index = {
    intervalMs: 1000,
    specifiers: [
      { stream: 1, type: 3 },
      { stream: 2, type: 1 },
    ],
    blocks: [
      {
        positions: [0, 5_000_000_000],
        offsets: [
          [0, NO_OFFSET],
          [3200, 6400],
        ],
      },
      { positions: [1, 2], offsets: [] },
    ],
  }

  test('is read as it was written', () => {
    assert.deepEqual(readIndexObject(writeIndexObject(index)), index)
  })

  test('cut short or with lying counts is refused', () => {
    const bytes = writeIndexObject(index)
    for (let length = 0; length < bytes.byteLength; length++) {
      assert.throws(() => readIndexObject(bytes.subarray(0, length)), { name: 'FormatError' })
    }
    for (const [at, value] of [
      [28, 0xff],
      [33, 0xff],
      [45, 0xff],
    ] as const) {
      const lying = bytes.slice()
      lying[at] = value
      assert.throws(() => readIndexObject(lying), { name: 'FormatError' })
    }
    const bare = writeIndexObject({ intervalMs: 1, specifiers: [], blocks: [{ positions: [], offsets: [] }] })
    new DataView(bare.buffer).setUint32(34, 1_000_000, true)
    assert.deepEqual(readIndexObject(bare).blocks, [{ positions: [], offsets: [] }])
  })
})

test('the film is made of packets that can be read', () => {
  const film = new Film({ indexed: false })
  return film.read(film.init.bytes.byteLength + 121 * 3200, 3200).then((bytes) => {
    assert.equal(readDataPacket(bytes, 3200).payloads[0]?.key, true)
  })
})
