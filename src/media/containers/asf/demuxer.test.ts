/** The assembler and the demuxers, on files of FFmpeg (what it reads of them is beside each) and on made-up packets. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { annexBUnits, lengthPrefixedToAnnexB, nalUnits } from '../../codecs/nal-units.ts'
import { aacConfig, avcConfig } from '../../codecs/vectors.ts'
import type { DemuxResult } from '../../container.ts'
import type { Packet } from '../../packet.ts'
import type { Track } from '../../track.ts'
import { AsfDemuxer, AsfReader, type AsfReadResult } from './demuxer.ts'
import { buildAsfInit } from './header-builder.ts'
import type { AsfInit, AsfPacket } from './model.ts'
import { descramble, MAX_OBJECT_SIZE, type MediaObject, ObjectAssembler } from './object-assembler.ts'
import { AsfPacketDemuxer } from './packet-demuxer.ts'
import { packetIsKey, packetSendTime } from './packet-info.ts'
import { AsfPacketizer } from './packetizer.ts'
import { withoutPadding, withPadding } from './padding.ts'
import { adler32, testFile, testFiles } from './test-files.suite.ts'
import { hex, initOf, multiplePacket, payload, testPacket, testTracks } from './vectors.ts'

const { video, audio, command } = testTracks

function readAll(bytes: Uint8Array, piece = bytes.byteLength): AsfReadResult[] {
  const reader = new AsfReader()
  const results: AsfReadResult[] = []
  for (let at = 0; at < bytes.byteLength; at += piece) {
    reader.write(bytes.slice(at, at + piece))
    for (let result = reader.read(); result !== undefined; result = reader.read()) results.push(result)
  }
  reader.end()
  assert.equal(reader.read(), undefined)
  return results
}

function packetsOf(bytes: Uint8Array): AsfPacket[] {
  return readAll(bytes).flatMap((result) => (result.type === 'packet' ? [result.packet] : []))
}

function demux(bytes: Uint8Array, piece = bytes.byteLength): DemuxResult[] {
  const demuxer = new AsfDemuxer()
  const results: DemuxResult[] = []
  const drain = () => {
    for (let result = demuxer.read(); result !== undefined; result = demuxer.read()) results.push(result)
  }
  for (let at = 0; at < bytes.byteLength; at += piece) {
    demuxer.write(bytes.slice(at, at + piece))
    drain()
  }
  demuxer.end()
  drain()
  return results
}

function assemble(init: AsfInit, packets: readonly Uint8Array[]): MediaObject[] {
  const assembler = new ObjectAssembler(init)
  const objects: MediaObject[] = []
  for (const packet of packets) {
    assembler.write(packet)
    for (let object = assembler.read(); object !== undefined; object = assembler.read()) objects.push(object)
  }
  return objects
}

function mediaPackets(results: readonly DemuxResult[]): Packet[] {
  return results.flatMap((result) => (result.type === 'packet' ? [result.packet] : []))
}

describe('files of FFmpeg', () => {
  for (const name of testFiles) {
    const { bytes, expected } = testFile(name)

    test(`${name}: the objects that FFmpeg reads`, () => {
      const [first, ...rest] = readAll(bytes)
      assert.ok(first?.type === 'init')
      const { init } = first
      const packets = rest.flatMap((result) => (result.type === 'packet' ? [result.packet.bytes] : []))
      const objects = assemble(init, packets)

      init.streams.forEach(({ number }, stream) => {
        assert.deepEqual(
          objects
            .filter((object) => object.stream.number === number)
            .map(({ presentationTimeMs, data }) => ({
              stream,
              timeMs: presentationTimeMs - init.prerollMs,
              size: data.byteLength,
              checksum: adler32(data),
            })),
          expected.filter((line) => line.stream === stream),
        )
      })
    })

    test(`${name}: whole and in pieces the same, and the input stays as it was`, () => {
      const before = bytes.slice()
      const whole = readAll(bytes)
      const tracks = demux(bytes)

      for (const piece of [1, 599, 601, 4096]) {
        assert.deepEqual(readAll(bytes, piece), whole)
        assert.deepEqual(demux(bytes, piece), tracks)
      }
      assert.deepEqual(bytes, before)
    })

    test(`${name}: every packet is decoded the same without padding, and with it again`, () => {
      const [first, ...rest] = readAll(bytes)
      assert.ok(first?.type === 'init')
      const packets = rest.flatMap((result) => (result.type === 'packet' ? [result.packet.bytes] : []))
      const bare = packets.map((packet) => withoutPadding(packet))

      assert.ok(bare.some((packet, at) => packet.byteLength < (packets[at]?.byteLength ?? 0)))
      const wanted = assemble(first.init, packets)
      assert.deepEqual(assemble(first.init, bare), wanted)
      assert.deepEqual(
        assemble(
          first.init,
          bare.map((packet) => withPadding(packet, 600)),
        ),
        wanted,
      )
    })

    test(`${name}: canonical packets`, () => {
      const results = demux(bytes)
      const [first] = results
      assert.ok(first?.type === 'tracks')
      assert.equal(results.filter(({ type }) => type === 'tracks').length, 1)
      first.tracks.forEach((track, stream) => {
        const packets = mediaPackets(results).filter((packet) => packet.track === track)
        const lines = expected.filter((line) => line.stream === stream)
        const times = lines.map(({ timeMs }) => timeMs * 1000)
        assert.deepEqual(
          packets.map(({ dts }) => dts),
          times,
        )
        if (track.codec !== 'h264') {
          assert.deepEqual(
            packets.map(({ pts }) => pts),
            times,
          )
        }
        assert.ok(packets.every(({ key }) => key || track.kind === 'video'))
        assert.ok(packets[0]?.key)
        if (track.codec !== 'h264')
          assert.deepEqual(
            packets.map(({ data }) => adler32(data)),
            lines.map((line) => line.checksum),
          )
      })
    })

    test(`${name}: native packets are told as their bytes say`, () => {
      packetsOf(bytes).forEach(({ number, bytes: packet, sendTimeMs, key, init }, at) => {
        assert.equal(number, at)
        assert.equal(packet.byteLength, 600)
        assert.equal(sendTimeMs, packetSendTime(packet))
        assert.equal(key, packetIsKey(packet, init))
      })
    })
  }

  test('the codecs are known', () => {
    const codecs = Object.fromEntries(
      testFiles.map((name) => {
        const [first] = demux(testFile(name).bytes)
        return [name, first?.type === 'tracks' ? first.tracks.map((track) => track.codec) : []]
      }),
    )
    assert.deepEqual(codecs, {
      'wmv2-wmav2.wmv': ['wmv2', 'wma2'],
      'h264-aac.asf': ['h264', 'aac'],
      'wmav2.wma': ['wma2'],
      'mp3.asf': ['mp3'],
      'two-video-two-audio.wmv': ['wmv2', 'wmv2', 'wma2', 'wma2'],
      'truncated.wmv': ['wmv2', 'wma2'],
      'piped.wmv': ['wmv2', 'wma2'],
    })
  })

  test('H.264 has lengths in place of start codes, the same units otherwise', () => {
    const { bytes } = testFile('h264-aac.asf')
    const [first] = readAll(bytes)
    assert.ok(first?.type === 'init')
    const objects = assemble(
      first.init,
      packetsOf(bytes).map((packet) => packet.bytes),
    )
    const frames = mediaPackets(demux(bytes)).filter(({ track }) => track.codec === 'h264')

    assert.deepEqual(
      frames.map(({ data }) => nalUnits(data)),
      objects.filter(({ stream }) => stream.kind === 'video').map(({ data }) => annexBUnits(data)),
    )
    assert.equal(frames[0]?.track.config?.[0], 1)
  })

  test('B-frames of H.264: FFmpeg wrote decode times, the order of showing tells the others', () => {
    const frames = mediaPackets(demux(testFile('h264-aac.asf').bytes)).filter(({ track }) => track.codec === 'h264')
    // x264 says that it reorders by two frames at most: what is shown n-th is shown when the frame two later is decoded.
    const depth = 2
    const shown = frames.map(({ pts }) => pts).sort((a, b) => a - b)

    assert.ok(frames.some(({ pts, dts }, at) => at > 0 && pts < (frames[at - 1]?.pts ?? 0) && pts >= dts))
    shown.slice(0, -depth).forEach((pts, at) => {
      assert.ok(Math.abs(pts - (frames[at + depth]?.dts ?? 0)) <= 1500, `${at}: ${pts}, ${frames[at + depth]?.dts}`)
    })
    for (const { pts, dts } of frames) assert.ok(pts >= dts)
  })

  test('every truncation of a file is read as far as it goes', () => {
    const { bytes } = testFile('wmv2-wmav2.wmv')
    const all = packetsOf(bytes)
    const headerLength = all[0]?.init.bytes.byteLength ?? 0
    for (let length = 0; length < bytes.byteLength; length += 97) {
      const whole = Math.max(0, Math.floor((length - headerLength) / 600))
      assert.deepEqual(packetsOf(bytes.subarray(0, length)), all.slice(0, whole))
    }
  })
})

describe('the reader', () => {
  const tracks = [video, { ...audio, config: hex('6101 0200 44ac0000 803e0000 ba02 1000 0a00 00880000 1700 ba020000') }]
  const live = buildAsfInit({ tracks, packetSize: 200, prerollMs: 1000, broadcast: true })
  const packets = packetize(live, [testPacket(video, { dts: 0 }, 300, true), testPacket(audio, { dts: 10 }, 20)])
  const stream = [live.bytes, ...packets.map((packet) => withPadding(packet, 200))]

  test('reads a live stream to its end, however large its Data Object claims to be', () => {
    for (const size of [0, 50]) {
      const header = live.bytes.slice()
      new DataView(header.buffer).setBigUint64(header.byteLength - 34, BigInt(size), true)
      const results = readAll(join([header, ...stream.slice(1)]))
      assert.equal(results.length, 1 + packets.length)
    }
  })

  test('goes on with a new header in a live stream', () => {
    const other = buildAsfInit({ tracks: [video], packetSize: 200, prerollMs: 500, broadcast: true })
    const bytes = join([...stream, other.bytes, ...stream.slice(1)])
    const results = readAll(bytes)

    assert.deepEqual(
      results.map((result) => (result.type === 'init' ? result.init.prerollMs : result.packet.number)),
      [1000, 0, 1, 500, 0, 1],
    )
    assert.deepEqual(readAll(bytes, 1), results)
    const demuxed = demux(bytes)
    assert.deepEqual(demux(bytes, 1), demuxed)
    assert.deepEqual(
      demuxed.map((result) => (result.type === 'tracks' ? result.tracks.length : result.packet.pts)),
      [2, 0, 10_000, 1, 500_000],
    )
  })

  test('refuses what is not ASF', () => {
    const reader = new AsfReader()
    reader.write(new Uint8Array(100))
    assert.throws(() => reader.read(), { code: 'ERR_ASF_NO_HEADER' })
    assert.throws(() => new AsfDemuxer().write(new Uint8Array(100)), { code: 'ERR_ASF_NO_HEADER' })
  })
})

describe('the assembler', () => {
  const init = initOf({ packetSize: 1000, streams: ['video', 'audio'] })
  const part = (number: number, offset: number, data: string, size = 6) =>
    multiplePacket([payload({ stream: 1, number, offset, size, time: 40, data })], { size: 0 })
  const texts = (packets: readonly Uint8Array[]) =>
    assemble(init, packets).map(({ data }) => Buffer.from(data).toString('hex'))

  test('joins pieces', () => {
    assert.deepEqual(texts([part(1, 0, 'aabb'), part(1, 2, 'ccdd'), part(1, 4, 'eeff')]), ['aabbccddeeff'])
  })

  test('drops an object of which a piece is missing, doubled, too long or of another object', () => {
    const next = part(9, 0, '112233445566')
    for (const broken of [
      [part(1, 0, 'aabb'), part(1, 4, 'eeff')],
      [part(1, 2, 'ccdd'), part(1, 4, 'eeff')],
      [part(1, 0, 'aabb'), part(1, 0, 'aabb'), part(2, 2, 'ccddeeff')],
      [part(1, 0, 'aabb'), part(1, 2, 'ccddeeff00')],
      [part(1, 0, 'aabb'), part(1, 2, 'ccdd'), part(1, 2, 'ccdd'), part(1, 4, 'eeff')],
      [part(1, 0, 'aabbccddeeff00')],
    ]) {
      assert.deepEqual(texts([...broken, next]), ['112233445566'])
    }
  })

  test('skips empty pieces, objects of no size and streams that the header lacks', () => {
    const packets = [part(1, 0, ''), part(2, 0, 'aabb', 0), part(3, 0, 'aabb', 2), part(3, 2, '', 2)]
    const other = multiplePacket(
      [payload({ stream: 7, size: 1, data: 'aa' }), payload({ stream: 0, size: 1, data: 'aa' })],
      {
        size: 0,
      },
    )
    assert.deepEqual(texts([...packets, other]), ['aabb'])
  })

  test('hands out views of what came in one piece, and bytes of its own otherwise', () => {
    const one = part(1, 0, 'aabbccddeeff')
    const [view] = assemble(init, [one])
    assert.equal(view?.data.buffer, one.buffer)
    const first = part(1, 0, 'aabb')
    const [joined] = assemble(init, [first, part(1, 2, 'ccddeeff')])
    assert.notEqual(joined?.data.buffer, first.buffer)
  })

  test('keeps the objects of streams apart', () => {
    const both = multiplePacket(
      [
        payload({ stream: 1, number: 1, size: 2, data: 'aa' }),
        payload({ stream: 2, number: 1, size: 2, data: '11' }),
        payload({ stream: 1, number: 1, offset: 1, size: 2, data: 'bb' }),
        payload({ stream: 2, number: 1, offset: 1, size: 2, data: '22' }),
      ],
      { size: 0 },
    )
    assert.deepEqual(texts([both]), ['aabb', '1122'])
  })

  test('AS-03: does not take memory on the word of a packet', () => {
    assert.deepEqual(texts([part(1, 0, 'aabb', MAX_OBJECT_SIZE + 1), part(1, 2, 'ccdd', MAX_OBJECT_SIZE + 1)]), [])
    const streams = Array.from({ length: 127 }, () => 'video' as const)
    const greedy = new ObjectAssembler(initOf({ packetSize: 65_535, streams }))
    const before = process.memoryUsage().arrayBuffers
    for (let stream = 1; stream <= 127; stream++) {
      greedy.write(multiplePacket([payload({ stream, size: MAX_OBJECT_SIZE, data: 'aa' })], { size: 0 }))
    }
    assert.ok(process.memoryUsage().arrayBuffers - before < 40 * 1024 * 1024)
  })

  test('grows to objects of several megabytes', () => {
    const large = testPacket(video, { dts: 0 }, 3_000_000, true)
    const built = buildAsfInit({ tracks: [video], packetSize: 60_000, prerollMs: 0, broadcast: true })
    assert.deepEqual(assemble(built, packetize(built, [large]))[0]?.data, large.data)
  })

  test('splits compressed payloads', () => {
    const bytes = hex('82 0000 01 5d 00000000 0000 81 02 0a e8030000 01 14 0900 02 aabb 00 01 cc 02 ddee'.concat(' 00'))
    assert.deepEqual(
      assemble(init, [bytes]).map(({ data, presentationTimeMs }) => [
        presentationTimeMs,
        Buffer.from(data).toString('hex'),
      ]),
      [
        [1000, 'aabb'],
        [1040, 'cc'],
        [1060, 'ddee'],
      ],
    )
  })

  test('undoes audio spread', () => {
    // Three packets of four chunks: as dealt out, and as they were.
    const was = Array.from({ length: 12 }, (_, chunk) => [chunk, chunk]).flat()
    const dealt = new Uint8Array(24)
    for (let chunk = 0; chunk < 12; chunk++)
      dealt.fill(
        chunk,
        2 * (Math.floor(chunk / 3) + (chunk % 3) * 4),
        2 * (Math.floor(chunk / 3) + (chunk % 3) * 4) + 2,
      )

    const spread = { span: 3, packetLength: 8, chunkLength: 2 }
    assert.deepEqual([...descramble(dealt, spread)], was)
    assert.equal(descramble(dealt, { ...spread, span: 4 }), dealt)
    assert.throws(() => descramble(dealt, { ...spread, chunkLength: 3 }), { code: 'ERR_ASF_SPREAD' })
  })
})

describe('the packet demuxer', () => {
  test('round trip: what the packetizer wrote', () => {
    const init = initOf({ packetSize: 300, prerollMs: 2000, streams: [video, audio, command] })
    const source = [
      testPacket(video, { dts: 0 }, 1000, true),
      testPacket(audio, { dts: 5 }, 100),
      testPacket(command, { dts: 7 }, 30),
      testPacket(video, { dts: 40 }, 20, false),
      testPacket(audio, { dts: 51 }, 100),
    ]
    assert.deepEqual(demuxPackets(init, packetize(init, source)), [
      { type: 'tracks', tracks: [video, audio, command], metadata: {} },
      ...source.map((packet) => ({ type: 'packet', packet })),
    ])
  })

  test('derives decode times of reordered frames that are shown when they were', () => {
    const vc1: Track = { ...video, codec: 'vc1' }
    const init = initOf({ packetSize: 300, prerollMs: 1000, streams: [vc1] })
    const shown = [0, 3, 1, 2, 6, 4, 5, 9, 7, 8]
    const source = shown.map((frame, at) => testPacket(vc1, { dts: (at - 1) * 40, pts: frame * 40 }, 10))
    const packets = mediaPackets(demuxPackets(init, packetize(init, source)))

    assert.deepEqual(
      packets.map(({ pts }) => pts),
      source.map(({ pts }) => pts),
    )
    packets.forEach(({ pts, dts }, at) => {
      assert.ok(dts <= pts)
      assert.ok(at === 0 || dts > (packets[at - 1]?.dts ?? 0))
    })
  })

  test('takes the configuration of H.264 from the stream when the header has none', () => {
    const bare: Track = { id: 1, kind: 'video', codec: 'h264', timescale: 1000 }
    const init = initOf({ packetSize: 300, streams: [bare, audio] })
    const whole: Track = { ...bare, config: avcConfig }
    const source: Packet[] = [
      { track: whole, data: hex('00000003 419880'), pts: 0, dts: 0, key: false },
      testPacket(audio, { dts: 20 }, 10),
      { track: whole, data: hex('00000003 658880'), pts: 40_000, dts: 40_000, key: true },
      { track: whole, data: hex('00000003 419880'), pts: 80_000, dts: 80_000, key: false },
    ]
    const results = demuxPackets(init, packetize(init, source))
    const [first] = results

    assert.ok(first?.type === 'tracks')
    assert.deepEqual(
      first.tracks.map(({ codec, config }) => [codec, config]),
      [
        ['h264', avcConfig],
        ['wma2', undefined],
      ],
    )
    assert.deepEqual(
      mediaPackets(results).map(({ pts }) => pts),
      [20_000, 40_000, 80_000],
    )
  })

  test('does not wait for that for more than a second', () => {
    const bare: Track = { id: 1, kind: 'video', codec: 'h264', timescale: 1000 }
    const init = initOf({ packetSize: 300, streams: [bare, audio] })
    const demuxer = new AsfPacketDemuxer(init)
    const sound = packetize(
      init,
      Array.from({ length: 13 }, (_, at) => testPacket(audio, { dts: at * 100 }, 10)),
    )
    for (const packet of sound) demuxer.write(packet)

    const first = demuxer.read()
    assert.ok(first?.type === 'tracks')
    assert.deepEqual(first.tracks, [audio])
    assert.equal(demuxer.read()?.type, 'packet')
  })

  test('tells of a changed configuration of H.264', () => {
    const before: Track = { id: 1, kind: 'video', codec: 'h264', timescale: 1000, config: avcConfig }
    const init = initOf({ packetSize: 300, streams: [before] })
    const changed = avcConfig.slice(8, 8 + 0x1c)
    changed[3] = 0x14
    const inBand = join([hex('0000001c'), changed, hex('00000004 68ce0fc8 00000003 658880')])
    const results = demuxPackets(
      init,
      packetize(init, [
        { track: before, data: hex('00000003 658880'), pts: 0, dts: 0, key: true },
        { track: before, data: inBand, pts: 40_000, dts: 40_000, key: true },
      ]),
    )

    assert.deepEqual(
      results.map((result) =>
        result.type === 'tracks' ? result.tracks[0]?.config?.[3] : result.packet.track.config?.[3],
      ),
      [0x0d, 0x0d, 0x14, 0x14],
    )
    assert.equal(lengthPrefixedToAnnexB(inBand).byteLength, inBand.byteLength)
  })

  test('takes ADTS headers off AAC', () => {
    const aac: Track = { id: 101, kind: 'audio', codec: 'aac', timescale: 1000, config: aacConfig }
    const init = initOf({ packetSize: 300, streams: [aac] })
    const framed = hex('fff150800 15ffc aabbcc'.replaceAll(' ', ''))
    const packets = mediaPackets(
      demuxPackets(init, packetize(init, [{ track: aac, data: framed, pts: 0, dts: 0, key: true }])),
    )
    assert.deepEqual([...(packets[0]?.data ?? [])], [0xaa, 0xbb, 0xcc])
  })

  test('AS-09: an encrypted stream has no track', () => {
    const open = initOf({ packetSize: 300, streams: [video, audio] })
    const init = { ...open, streams: open.streams.map((stream) => ({ ...stream, encrypted: stream.kind === 'video' })) }
    const results = demuxPackets(
      init,
      packetize(open, [testPacket(video, { dts: 0 }, 50, true), testPacket(audio, { dts: 0 }, 10)]),
    )

    assert.deepEqual(results[0], { type: 'tracks', tracks: [audio], metadata: {} })
    assert.deepEqual(
      mediaPackets(results).map(({ track }) => track),
      [audio],
    )
  })

  test('AS-10: script commands are packets of a track', () => {
    const text = Uint8Array.from('URL\0http://a/\0'.split('').flatMap((character) => [character.charCodeAt(0), 0]))
    const init = initOf({ packetSize: 300, streams: [command] })
    const source: Packet = { track: command, data: text, pts: 0, dts: 0, key: true }
    assert.deepEqual(mediaPackets(demuxPackets(init, packetize(init, [source]))), [source])
  })

  test('drops a broken packet and goes on, but not for ever', () => {
    const init = initOf({ packetSize: 300, streams: [audio] })
    const good = packetize(init, [testPacket(audio, { dts: 0 }, 10)])[0] ?? hex('')
    const broken = good.slice(0, 20)

    assert.equal(mediaPackets(demuxPackets(init, [broken, good, broken, good])).length, 2)
    assert.throws(
      () =>
        demuxPackets(
          init,
          Array.from({ length: 16 }, () => broken),
        ),
      { code: 'ERR_ASF_PACKET' },
    )
  })

  test('times go on over the wrap of their 32 bits, for all streams alike', () => {
    const init = initOf({ packetSize: 300, streams: [video, audio] })
    const end = 2 ** 32
    const source = [
      testPacket(video, { dts: end - 50 }, 10, true),
      testPacket(video, { dts: end - 10 }, 10, false),
      testPacket(video, { dts: end + 30 }, 10, false),
      testPacket(audio, { dts: end + 31 }, 10),
    ]
    assert.deepEqual(
      mediaPackets(demuxPackets(init, packetize(init, source))).map(({ pts }) => pts),
      source.map(({ pts }) => pts),
    )
  })
})

function packetize(init: AsfInit, packets: readonly Packet[]): Uint8Array[] {
  const packetizer = new AsfPacketizer(init)
  for (const packet of packets) packetizer.write(packet)
  packetizer.end()
  const out: Uint8Array[] = []
  for (let packet = packetizer.read(); packet !== undefined; packet = packetizer.read()) out.push(packet.bytes)
  return out
}

function demuxPackets(init: AsfInit, packets: readonly Uint8Array[]): DemuxResult[] {
  const demuxer = new AsfPacketDemuxer(init)
  for (const packet of packets) demuxer.write(packet)
  demuxer.end()
  const results: DemuxResult[] = []
  for (let result = demuxer.read(); result !== undefined; result = demuxer.read()) results.push(result)
  return results
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(pieces.flatMap((piece) => [...piece]))
}
