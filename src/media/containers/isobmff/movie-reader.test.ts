import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  BufferTarget,
  EncodedAudioPacketSource,
  EncodedPacket,
  EncodedVideoPacketSource,
  Mp4OutputFormat,
  Output,
} from 'mediabunny'
import { FormatError } from '../../../errors.ts'
import { memorySource } from '../../byte-source.ts'
import { ByteWriter } from '../../bytes/byte-writer.ts'
import type { Packet } from '../../packet.ts'
import type { SampleSum } from '../../reader.ts'
import { MovieReader } from './movie-reader.ts'
import { FragmentMuxer } from './muxer.ts'
import { AUDIO, audioPackets, progressiveFile, VIDEO, videoPackets } from './vectors.ts'

const PACKETS = [...videoPackets(92), ...audioPackets(140)].sort((a, b) => a.dts - b.dts)

async function readAll(reader: MovieReader, from = Number.NEGATIVE_INFINITY): Promise<Packet[]> {
  const packets: Packet[] = []
  for await (const packet of reader.packets(from)) packets.push(packet)
  return packets
}

function assertSame(read: readonly Packet[], wanted: readonly Packet[], tolerance = 11, ptsShift = 0): void {
  for (const track of [VIDEO, AUDIO]) {
    const own = read.filter((packet) => packet.track.id === track.id)
    const expected = wanted.filter((packet) => packet.track.id === track.id)
    assert.deepEqual(
      own.map(({ data, key }) => ({ data: data.slice(), key })),
      expected.map(({ data, key }) => ({ data, key })),
    )
    for (const [i, packet] of own.entries()) {
      const { dts, pts } = expected[i]!
      assert.ok(Math.abs(packet.dts - dts) <= tolerance, `dts ${packet.dts} ${dts}`)
      assert.ok(Math.abs(packet.pts - pts - ptsShift) <= tolerance, `pts ${packet.pts} ${pts}`)
    }
  }
  for (let i = 1; i < read.length; i++) assert.ok(read[i]!.dts >= read[i - 1]!.dts)
}

function fragmented(packets: readonly Packet[]): Uint8Array {
  const muxer = new FragmentMuxer([VIDEO, AUDIO])
  for (const packet of packets) muxer.write(packet)
  muxer.end()
  const writer = new ByteWriter()
  for (let piece = muxer.read(); piece !== undefined; piece = muxer.read()) writer.bytes(piece)
  return writer.toBytes()
}

/** Sums are those of the samples, from each moment to the next. */
async function assertSums(reader: MovieReader, id: number): Promise<void> {
  const bounds = [Number.NEGATIVE_INFINITY, 0, 333_333, 333_334, 1_900_000, 90_000_000, Number.POSITIVE_INFINITY]
  const wanted: SampleSum[] = []
  for (const [index, to] of bounds.slice(1).entries()) {
    const from = bounds[index]!
    const places = (await reader.samples?.(id, from, to)) ?? []
    const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0)
    wanted.push({
      start: places[0]?.pts ?? from,
      samples: places.length,
      bytes: sum(places.map(({ size }) => size)),
      keyBytes: sum(places.filter(({ key }) => key).map(({ size }) => size)),
      duration: sum(places.map(({ duration }) => duration)),
    })
  }
  const sums = reader.sampleSums?.(id, bounds)
  if (sums !== undefined) assert.deepEqual(sums, wanted)
}

/** The same file from another writer. */
async function fromMediabunny(fastStart: false | 'in-memory' | 'fragmented'): Promise<Uint8Array> {
  const target = new BufferTarget()
  const output = new Output({ format: new Mp4OutputFormat({ fastStart }), target })
  const video = new EncodedVideoPacketSource('avc')
  const audio = new EncodedAudioPacketSource('aac')
  output.addVideoTrack(video)
  output.addAudioTrack(audio)
  await output.start()
  for (const { track, data, pts, key } of PACKETS) {
    const packet = new EncodedPacket(data, key ? 'key' : 'delta', pts / 1e6, track === VIDEO ? 1 / 30 : 1024 / 48_000)
    if (track === VIDEO) {
      await video.add(packet, {
        decoderConfig: {
          codec: 'avc1.f4000a',
          codedWidth: 64,
          codedHeight: 48,
          description: VIDEO.config as Uint8Array<ArrayBuffer>,
        },
      })
    } else {
      await audio.add(packet, {
        decoderConfig: {
          codec: 'mp4a.40.2',
          sampleRate: 48_000,
          numberOfChannels: 2,
          description: AUDIO.config as Uint8Array<ArrayBuffer>,
        },
      })
    }
  }
  await output.finalize()
  return new Uint8Array(target.buffer as ArrayBuffer)
}

describe('movie reader', () => {
  it('reads sample tables, moov first and last, 32 and 64 bits', async () => {
    for (const options of [{}, { moovAtEnd: true }, { wide: true }]) {
      const reader = await MovieReader.open(memorySource(progressiveFile(PACKETS, options)))
      assert.deepEqual(
        reader.tracks.map(({ id }) => id),
        [1, 101],
      )
      assertSame(await readAll(reader), PACKETS)
    }
  })

  it('reads fragments', async () => {
    assertSame(await readAll(await MovieReader.open(memorySource(fragmented(PACKETS)))), PACKETS)
  })

  for (const fastStart of [false, 'in-memory', 'fragmented'] as const) {
    it(`reads what mediabunny writes (${fastStart})`, async () => {
      const reader = await MovieReader.open(memorySource(await fromMediabunny(fastStart)))
      const read = await readAll(reader)
      for (const track of [VIDEO, AUDIO]) {
        assert.deepEqual(
          read.filter((packet) => packet.track.id === track.id).map(({ data, key }) => ({ data: data.slice(), key })),
          PACKETS.filter((packet) => packet.track.id === track.id).map(({ data, key }) => ({ data, key })),
        )
      }
      const shown = (packets: readonly Packet[]) =>
        packets.filter(({ track }) => track.kind === 'video').map(({ pts }) => pts)
      for (const [i, pts] of shown(read).entries()) assert.ok(Math.abs(pts - shown(PACKETS)[i]!) <= 11)
    })
  }

  it('seeks to the key packet before a time', async () => {
    for (const bytes of [progressiveFile(PACKETS), fragmented(PACKETS)]) {
      const reader = await MovieReader.open(memorySource(bytes))
      for (const [time, index] of [
        [2_100_000, 60],
        [2_066_600, 30],
        [2_066_700, 60],
        [0, 0],
        [-5, 0],
        [99_000_000, 90],
      ] as const) {
        const key = PACKETS.filter(({ track }) => track === VIDEO)[index]!
        assertSame(
          await readAll(reader, time),
          PACKETS.filter(({ dts }) => dts >= key.dts),
        )
      }
    }
  })

  it('plays a recording that was cut off up to its end', async () => {
    const whole = fragmented(PACKETS)
    const read = await readAll(await MovieReader.open(memorySource(whole.subarray(0, whole.byteLength - 100))))
    assert.ok(read.length > 150 && read.length < PACKETS.length)
  })

  const words = (...values: number[]): Uint8Array => {
    const writer = new ByteWriter()
    for (const value of values) writer.u32(value)
    return writer.toBytes()
  }
  const refused: Record<string, [string, Record<string, Uint8Array>]> = {
    'stsz of 2^32 entries': ['ERR_MP4_ENTRY_COUNT', { stsz: words(0, 0xffff_ffff) }],
    'stts of 2^32 entries': ['ERR_MP4_ENTRY_COUNT', { stts: words(0xffff_ffff) }],
    'stco of 2^32 entries': ['ERR_MP4_ENTRY_COUNT', { stco: words(0xffff_ffff) }],
    'stsc that goes back': ['ERR_MP4_CHUNK_RUN', { stsc: words(2, 1, 5, 1, 1, 5, 1) }],
    'stsc of no samples': ['ERR_MP4_CHUNK_RUN', { stsc: words(1, 1, 0, 1) }],
  }
  for (const [name, [code, tables]] of Object.entries(refused)) {
    it(`refuses ${name}`, async () => {
      const bytes = progressiveFile(audioPackets(12), { tables })
      await assert.rejects(async () => readAll(await MovieReader.open(memorySource(bytes))), { code })
    })
  }

  const missing: Record<string, Record<string, Uint8Array>> = {
    'samples past the file': { stco: words(1, 0xffff_0000) },
    'a sample of 4 GiB': { stsz: words(0xffff_ffff, 1) },
  }
  for (const [name, tables] of Object.entries(missing)) {
    it(`passes over ${name}, with a note`, async () => {
      const reader = await MovieReader.open(memorySource(progressiveFile(audioPackets(12), { tables })))

      const read = await readAll(reader)

      assert.ok(read.length < 12, `${read.length} packets`)
      if (name.startsWith('samples')) assert.match(reader.notes.join(), /Not all of the samples/)
    })
  }

  it('ends where tables of 2^32 samples have no data', async () => {
    const tables = { stsz: words(1, 0xffff_ffff), stts: words(1, 0xffff_ffff, 1024), ctts: words(0) }
    const bytes = progressiveFile(audioPackets(12), { tables })
    assert.equal((await readAll(await MovieReader.open(memorySource(bytes)))).length, 12)
  })

  it('seeks in tables of 2^32 samples at once', async () => {
    const tables = {
      stsz: words(1, 0xffff_ffff),
      stts: words(1, 0xffff_ffff, 1),
      ctts: words(0),
      stsc: words(1, 1, 0xffff_ffff, 1),
      stco: words(1, 0),
    }
    const reader = await MovieReader.open(memorySource(progressiveFile(audioPackets(12), { tables })))
    assert.equal((await reader.packets(1_000).next()).value?.dts, 1_000)
    assert.equal((await readAll(reader, 89_000_000_000)).length, 1)
  })

  it('reads sizes of 4, 8 and 16 bits', async () => {
    const packets = audioPackets(5).map((packet, i) => ({
      ...packet,
      data: Uint8Array.of(...packet.data.subarray(0, 3 + i)),
    }))
    for (const [bits, sizes] of [
      [4, [0x34, 0x56, 0x70]],
      [8, [3, 4, 5, 6, 7]],
      [16, [0, 3, 0, 4, 0, 5, 0, 6, 0, 7]],
    ] as const) {
      const stz2 = Uint8Array.of(0, 0, 0, bits, 0, 0, 0, 5, ...sizes)
      const bytes = progressiveFile(packets, { tables: { stz2 } })
      const read = await readAll(await MovieReader.open(memorySource(bytes)))
      assert.deepEqual(
        read.map(({ data }) => data.slice()),
        packets.map(({ data }) => data),
      )
    }
  })

  it('passes over empty runs of times', async () => {
    const tables = { stts: words(4, 0, 7, 0, 9, 0xffff_ffff, 1024, 1, 1), ctts: words(2, 0, 5, 1, 1024) }
    const read = await readAll(await MovieReader.open(memorySource(progressiveFile(audioPackets(3), { tables }))))
    assert.deepEqual(
      read.map(({ dts, pts }) => [dts, pts]),
      [
        [0, 21_333],
        [21_333, 21_333],
        [42_667, 42_667],
      ],
    )
  })

  for (const [name, bytes] of [
    ['tables', progressiveFile(PACKETS)],
    ['fragments', fragmented(PACKETS)],
  ] as const) {
    it(`serves readings that go on at the same time, from ${name}`, async () => {
      const reader = await MovieReader.open(memorySource(bytes))
      const alone = await Promise.all([0, 1_100_000, 2_100_000].map((from) => readAll(reader, from)))

      const one = reader.packets(0)
      await one.next()
      const together = await Promise.all([0, 1_100_000, 2_100_000].map((from) => readAll(reader, from)))
      const rest: Packet[] = []
      for await (const packet of one) rest.push(packet)

      assert.deepEqual(together, alone)
      assert.deepEqual(rest, alone[0]?.slice(1))
    })

    it(`gives places, key points and single tracks, from ${name}`, async () => {
      const reader = await MovieReader.open(memorySource(bytes))
      const all = await readAll(reader)

      for (const { id } of reader.tracks) {
        const own = all.filter(({ track }) => track.id === id)
        const places = (await reader.samples?.(id, 700_000, 1_900_000)) ?? []
        const wanted = own.filter(({ dts }) => dts >= 700_000 && dts < 1_900_000)
        assert.deepEqual(
          places.map(({ offset, size, dts, pts, key }) => ({
            data: bytes.slice(offset, offset + size),
            dts,
            pts,
            key,
          })),
          wanted.map(({ data, dts, pts, key }) => ({ data: data.slice(), dts, pts, key })),
        )
        for (const [i, { dts, duration }] of places.entries()) {
          const next = places[i + 1]
          if (next !== undefined) assert.ok(Math.abs(dts + duration - next.dts) <= 1)
        }
        assert.deepEqual(await reader.samples?.(id, 90_000_000, 91_000_000), [])
        await assertSums(reader, id)
      }
      const keys = all.filter(({ track, key }) => track.kind === 'video' && key)
      assert.deepEqual(
        (await reader.keyPoints()).map(({ dts, pts }) => [dts, pts]),
        keys.map(({ dts, pts }) => [dts, pts]),
      )
      const sound: Packet[] = []
      for await (const packet of reader.packets(1_000_000, { tracks: [101] })) sound.push(packet)
      assert.deepEqual(
        sound,
        all.filter(({ track, dts }) => track.id === 101 && dts >= 1_000_000),
      )
    })
  }

  it('begins at 0 where fragments go on with the clock of a live stream', async () => {
    const start = 3_000_000_000
    const late = PACKETS.map((packet) => ({ ...packet, dts: packet.dts + start, pts: packet.pts + start }))

    const reader = await MovieReader.open(memorySource(fragmented(late)))

    assertSame(await readAll(reader), PACKETS)
    assert.ok(reader.duration > 2_900_000 && reader.duration < 3_300_000, `${reader.duration}`)
  })

  it('opens a large file of fragments by its first and last ones', async () => {
    const large = videoPackets(600).map((packet) => ({ ...packet, data: new Uint8Array(30_000) }))
    const bytes = fragmented(large)
    let read = 0
    const source = memorySource(bytes)
    const counted = {
      size: source.size,
      read(offset: number, length: number) {
        read += length
        return source.read(offset, length)
      },
    }

    const { duration } = await MovieReader.open(counted)

    assert.ok(Math.abs(duration - 20_066_667) < 70_000, `${duration}`)
    assert.ok(read < 5 * 1024 * 1024 && bytes.byteLength > 15_000_000, `${read} of ${bytes.byteLength}`)
  })

  it('refuses a file without moov', async () => {
    await assert.rejects(MovieReader.open(memorySource(new Uint8Array(0))), { code: 'ERR_MP4_NO_MOOV' })
    const free = new ByteWriter()
    for (let i = 0; i < 70_000; i++) free.u32(8).latin1('free')
    await assert.rejects(MovieReader.open(memorySource(free.view())), { code: 'ERR_MP4_NO_MOOV' })
  })

  it('ends in a result or in our error whatever is changed', async () => {
    const files = [progressiveFile(PACKETS), fragmented(PACKETS)]
    await fc.assert(
      fc.asyncProperty(
        fc.nat(1),
        fc.array(fc.tuple(fc.nat(3500), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        async (which, changes) => {
          const bytes = files[which]!.slice()
          for (const [at, value] of changes) bytes[at] = value
          try {
            const reader = await MovieReader.open(memorySource(bytes))
            await readAll(reader)
            await reader.keyPoints()
            await reader.packets(1_000_000).next()
            await reader.samples?.(1, 500_000, 1_500_000)
          } catch (error) {
            assert.ok(error instanceof FormatError, String(error))
          }
        },
      ),
      { numRuns: 300 },
    )
  })
})
