import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { readHevcConfig } from '../../codecs/h265/config.ts'
import { nalUnits } from '../../codecs/nal-units.ts'
import { hevcConfig, hex } from '../../codecs/vectors.ts'
import type { DemuxResult } from '../../container.ts'
import type { Packet } from '../../packet.ts'
import { TsDemuxer } from './demuxer.ts'
import { MAX_PES_BYTES } from './pes-buffer.ts'
import {
  adtsFrame,
  annexB,
  concat,
  picture,
  section,
  TEST_PID,
  TEST_SETS,
  TestStreamWriter,
  testStream,
} from './vectors.ts'

const { VIDEO, AUDIO, MORE, PMT } = TEST_PID
const H264 = { pid: VIDEO, type: 0x1b }
const AAC = { pid: AUDIO, type: 0x0f }

interface Demuxed {
  readonly results: readonly DemuxResult[]
  readonly packets: readonly Packet[]
  readonly demuxer: TsDemuxer
}

/** `pieces`: sizes of the writes, over and over. */
function demux(bytes: Uint8Array, pieces: readonly number[] = [bytes.byteLength]): Demuxed {
  const demuxer = new TsDemuxer()
  const results: DemuxResult[] = []
  const drain = () => {
    for (let result = demuxer.read(); result !== undefined; result = demuxer.read()) results.push(result)
  }
  for (let at = 0, i = 0; at < bytes.byteLength; i++) {
    const size = Math.max(1, pieces[i % pieces.length] ?? 1)
    demuxer.write(bytes.slice(at, at + size))
    drain()
    at += size
  }
  demuxer.end()
  drain()
  const packets = results.flatMap((result) => (result.type === 'packet' ? [result.packet] : []))
  return { results, packets, demuxer }
}

function ofTrack(packets: readonly Packet[], id: number): Packet[] {
  return packets.filter(({ track }) => track.id === id)
}

describe('a transport stream', () => {
  it('gives tracks and packets in canonical form', () => {
    const { results, packets, demuxer } = demux(testStream(30).bytes)

    const [first] = results
    assert.ok(first?.type === 'tracks')
    assert.deepEqual(
      first.tracks.map(({ id, codec, video, audio, language, timescale }) => ({
        id,
        codec,
        video: video?.width,
        audio,
        language,
        timescale,
      })),
      [
        { id: 1, codec: 'h264', video: 322, audio: undefined, language: undefined, timescale: 90_000 },
        {
          id: 101,
          codec: 'aac',
          video: undefined,
          audio: { sampleRate: 48_000, channels: 2 },
          language: 'de',
          timescale: 90_000,
        },
      ],
    )
    const video = ofTrack(packets, 1)
    assert.deepEqual(
      video.map(({ dts, pts, key }) => [dts, pts, key]),
      Array.from({ length: 30 }, (_, i) => [1_000_000 + i * 40_000, 1_040_000 + i * 40_000, i % 10 === 0]),
    )
    assert.deepEqual(
      nalUnits(video[0]?.data ?? new Uint8Array(0)).map((unit) => (unit[0] ?? 0) & 31),
      [9, 7, 8, 5],
    )
    const audio = ofTrack(packets, 101)
    assert.equal(audio.length, 60)
    assert.deepEqual(audio[5]?.data, adtsFrame(3).subarray(7))
    assert.deepEqual(
      audio.slice(0, 3).map(({ pts }) => pts),
      [1_040_000, 1_061_333, 1_082_667],
    )
    assert.deepEqual(demuxer.notes, [])
  })

  it('is the same whole and in pieces of any size', () => {
    const garbage = new Uint8Array(1000).fill(0x47)
    const bytes = concat([
      Uint8Array.of(1, 2, 3),
      testStream(12).bytes,
      garbage,
      testStream(12, 2 ** 33 - 10_000).bytes,
      new Uint8Array(50),
    ])
    const whole = demux(bytes)
    assert.ok(whole.packets.length > 60)

    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 6 }), (pieces) => {
        assert.deepEqual(demux(bytes, pieces).results, whole.results)
      }),
      { numRuns: 40 },
    )
    assert.deepEqual(demux(bytes, [1]).results, whole.results)
  })

  for (const [stride, before, behind] of [
    [192, 4, 0],
    [204, 0, 16],
  ] as const) {
    it(`may have packets of ${stride} bytes`, () => {
      const { packets } = testStream(12)
      const plain = demux(concat(packets))
      const padded = concat(packets.flatMap((packet) => [new Uint8Array(before), packet, new Uint8Array(behind)]))

      const { results, demuxer } = demux(padded)

      assert.deepEqual(results, plain.results)
      assert.deepEqual(demuxer.notes, [])
    })
  }

  it('goes on over the wrap of its clock', () => {
    const { packets, demuxer } = demux(testStream(30, 2 ** 33 - 15 * 3600).bytes)

    const steps = ofTrack(packets, 1).map(({ dts }, i, all) => dts - (all[i - 1]?.dts ?? dts - 40_000))
    assert.ok(steps.every((step) => Math.abs(step - 40_000) <= 1))
    assert.ok(packets.every(({ discontinuity }) => discontinuity === undefined))
    assert.equal(demuxer.timeline.epochs.length, 1)
  })

  it('goes on where another recording is joined to it, and marks the joint', () => {
    const { packets } = demux(concat([testStream(20, 9_000_000).bytes, testStream(20, 500_000).bytes]))

    for (const id of [1, 101]) {
      const own = ofTrack(packets, id)
      assert.equal(own.length, id === 1 ? 40 : 80)
      own.slice(1).forEach(({ dts }, i) => assert.ok(dts >= (own[i]?.dts ?? 0) && dts < (own[i]?.dts ?? 0) + 200_000))
      assert.deepEqual(
        own.flatMap(({ discontinuity }, i) => (discontinuity === true ? [i] : [])),
        [id === 1 ? 20 : 40],
      )
    }
  })

  it('is not moved by one wrong time', () => {
    const writer = new TestStreamWriter().pat().pmt([H264])
    for (let i = 0; i < 12; i++) {
      const dts = i === 5 ? 80_000_000 : 90_000 + i * 3600
      writer.pes(VIDEO, { pts: dts, payload: picture(i === 0, i) })
    }

    const { packets } = demux(writer.bytes)

    assert.equal(packets.length, 12)
    assert.deepEqual(
      packets.slice(6).map(({ dts }) => dts),
      Array.from({ length: 6 }, (_, i) => 1_240_000 + i * 40_000),
    )
  })

  it('loses the unit of which packets are missing, and no other', () => {
    const writer = new TestStreamWriter().pat().pmt([H264])
    for (let i = 0; i < 8; i++) {
      writer.pes(VIDEO, { pts: 90_000 + i * 3600, payload: picture(i === 0, i, 1000), unbounded: true })
      if (i === 3) writer.packets.splice(-2, 1)
    }

    const { packets, demuxer } = demux(writer.bytes)

    assert.deepEqual(
      packets.map(({ dts }) => (dts - 1_000_000) / 40_000),
      [0, 1, 2, 4, 5, 6, 7],
    )
    assert.match(demuxer.notes.join(), /packets are missing/)
  })

  it('passes over packets that come twice, that are damaged, and that are scrambled', () => {
    const writer = testStream(10)
    const clean = demux(writer.bytes)
    const damaged = writer.packets[4]?.slice() ?? new Uint8Array(0)
    damaged[1] = (damaged[1] ?? 0) | 0x80
    const twice = concat(writer.packets.flatMap((packet) => [packet, packet]))
    const scrambled = new TestStreamWriter()
      .pat()
      .pmt([H264])
      .pes(VIDEO, { pts: 0, payload: picture(true, 1) })
    const last = scrambled.packets.length - 1
    for (let i = 2; i <= last; i++)
      (scrambled.packets[i] as Uint8Array)[3] = ((scrambled.packets[i] as Uint8Array)[3] ?? 0) | 0x80

    const doubled = demux(twice)
    const { packets, demuxer } = demux(scrambled.bytes)

    assert.deepEqual(doubled.packets, clean.packets)
    assert.deepEqual(
      demux(concat([...writer.packets.slice(0, 4), damaged, ...writer.packets.slice(4)])).packets,
      clean.packets,
    )
    assert.deepEqual(packets, [])
    assert.match(demuxer.notes.join(), /scrambled/)
  })
})

describe('pictures', () => {
  it('of a changed configuration are of a new track', () => {
    const other = TEST_SETS.PPS.slice()
    other[other.byteLength - 1] = (other.at(-1) ?? 0) ^ 0x10
    const writer = new TestStreamWriter().pat().pmt([H264])
    writer.pes(VIDEO, { pts: 0, payload: picture(true, 1) })
    writer.pes(VIDEO, { pts: 3600, payload: picture(true, 2) })
    const changed = annexB(TEST_SETS.SPS, other, Uint8Array.of(0x65, 0x88, 1, 2, 3, 4))
    writer.pes(VIDEO, { pts: 7200, payload: changed })

    const { results, packets } = demux(writer.bytes)

    assert.equal(packets[0]?.track, packets[1]?.track)
    assert.notDeepEqual(packets[1]?.track.config, packets[2]?.track.config)
    assert.equal(packets[2]?.track.id, 1)
    assert.equal(packets[2].discontinuity, true)
    assert.deepEqual(
      results.map(({ type }) => type),
      ['tracks', 'packet', 'packet', 'tracks', 'packet'],
    )
  })

  it('may be several in a PES packet, or one in several', () => {
    const writer = new TestStreamWriter().pat().pmt([H264])
    writer.pes(VIDEO, { pts: 9000, dts: 5400, payload: concat([picture(true, 1), picture(false, 2)]) })
    const long = picture(false, 3, 900)
    writer.pes(VIDEO, { pts: 16_200, dts: 12_600, payload: long.subarray(0, 400), unbounded: true })
    writer.pes(VIDEO, { payload: long.subarray(400, 700), unbounded: true })
    writer.pes(VIDEO, { payload: long.subarray(700), unbounded: true })
    writer.pes(VIDEO, { pts: 19_800, dts: 16_200, payload: picture(false, 4), unbounded: true })

    const { packets } = demux(writer.bytes)

    assert.deepEqual(
      packets.map(({ dts, data }) => [dts, data.byteLength]),
      [
        [60_000, nalSize(picture(true, 1))],
        [100_000, nalSize(picture(false, 2))],
        [140_000, nalSize(long)],
        [180_000, nalSize(picture(false, 4))],
      ],
    )
  })

  it('of two fields are one packet', () => {
    const writer = new TestStreamWriter().pat().pmt([H264])
    for (let i = 0; i < 3; i++) {
      const delimiter = Uint8Array.of(9, 0xf0)
      const sets = i === 0 ? [INTERLACED_SPS, TEST_SETS.PPS] : []
      const fields = [field(i === 0 ? 0x65 : 0x41, i, false), field(0x41, i, true)]
      writer.pes(VIDEO, { pts: i * 3600, payload: annexB(delimiter, ...sets, ...fields), unbounded: true })
    }

    const { packets } = demux(writer.bytes)

    assert.deepEqual(
      packets.map(({ dts, data }) => [dts, nalUnits(data).length]),
      [
        [0, 5],
        [40_000, 3],
        [80_000, 3],
      ],
    )
  })

  it('are key pictures by a recovery point, too, and by the multiplexer’s word with an I slice', () => {
    const recovery = Uint8Array.of(6, 6, 1, 0xc4, 0x80)
    const islice = Uint8Array.of(0x41, 0x88, 0x84, 0, 1, 2)
    const pslice = Uint8Array.of(0x41, 0x9a, 0x24, 5, 1, 2)
    const cases: readonly [boolean, boolean, readonly Uint8Array[]][] = [
      [true, false, [TEST_SETS.SPS, TEST_SETS.PPS, recovery, pslice]],
      [true, true, [TEST_SETS.SPS, TEST_SETS.PPS, islice]],
      [false, false, [TEST_SETS.SPS, TEST_SETS.PPS, islice]],
      [false, true, [TEST_SETS.SPS, TEST_SETS.PPS, pslice]],
      [false, true, [pslice]],
    ]
    const writer = new TestStreamWriter()
      .pat()
      .pmt([H264])
      .pes(VIDEO, { pts: 0, payload: picture(true, 0) })
    cases.forEach(([, randomAccess, units], i) => {
      writer.pes(VIDEO, { pts: 3600 + i * 3600, payload: annexB(...units), randomAccess })
    })

    const { packets } = demux(writer.bytes)

    assert.deepEqual(
      packets.slice(1).map(({ key }) => key),
      cases.map(([key]) => key),
    )
  })

  it('of H.265 have hvcC and are keys by their type', () => {
    const sets = readHevcConfig(hevcConfig).arrays.flatMap(({ units }) => units)
    const idr = Uint8Array.of(0x26, 1, 0xaf, 1, 2, 3)
    const trail = Uint8Array.of(0x02, 1, 0xd0, 1, 2, 3)
    const writer = new TestStreamWriter().pat().pmt([{ pid: VIDEO, type: 0x24 }])
    writer.pes(VIDEO, { pts: 0, payload: annexB(trail) })
    writer.pes(VIDEO, { pts: 3600, payload: annexB(...sets, idr) })
    writer.pes(VIDEO, { pts: 7200, payload: annexB(trail) })

    const { packets } = demux(writer.bytes)

    assert.deepEqual(
      packets.map(({ key, dts }) => [key, dts]),
      [
        [true, 40_000],
        [false, 80_000],
      ],
    )
    assert.deepEqual(
      readHevcConfig(packets[0]?.track.config ?? new Uint8Array(0)).arrays.flatMap(({ units }) => units),
      sets,
    )
  })
})

describe('sound', () => {
  it('continues across PES packets', () => {
    const frames = concat(Array.from({ length: 6 }, (_, i) => adtsFrame(i, 60)))
    const writer = new TestStreamWriter().pat().pmt([AAC])
    writer.pes(AUDIO, { pts: 90_000, payload: frames.subarray(0, 100) })
    // The first frame that begins here is the third.
    writer.pes(AUDIO, { pts: 93_840, payload: frames.subarray(100, 300) })
    writer.pes(AUDIO, { payload: frames.subarray(300) })

    const { packets } = demux(writer.bytes)

    assert.deepEqual(
      packets.map(({ pts, data }) => [pts, data.byteLength]),
      Array.from({ length: 6 }, (_, i) => [1_000_000 + Math.round((i * 1024 * 1e6) / 48_000), 60]),
    )
  })

  it('of layer II is foreign, and of layer III is not', () => {
    const frame = (header: string, size: number) => concat([hex(header), new Uint8Array(size - 4)])
    const layerTwo = concat([frame('fffd8404', 576), frame('fffd8404', 576)])
    const layerThree = concat([frame('fffb9404', 384), frame('fffb9404', 384)])
    const writer = new TestStreamWriter().pat().pmt([
      { pid: AUDIO, type: 3 },
      { pid: MORE, type: 4, descriptors: [[0x0a, hex('667261 00')]] },
    ])
    writer.pes(AUDIO, { pts: 0, payload: layerTwo }).pes(MORE, { pts: 0, payload: layerThree })

    const { packets, demuxer } = demux(writer.bytes)

    assert.deepEqual(demuxer.foreign, [{ kind: 'audio', codec: 'mp2' }])
    assert.deepEqual(
      packets.map(({ track, pts }) => [track.codec, track.language, pts]),
      [
        ['mp3', 'fr', 0],
        ['mp3', 'fr', 24_000],
      ],
    )
  })

  it('of Opus has its configuration from the descriptor and the first trim', () => {
    const writer = new TestStreamWriter().pat().pmt([
      {
        pid: AUDIO,
        type: 6,
        descriptors: [
          [5, hex('4f707573')],
          [0x7f, hex('8002')],
        ],
      },
    ])
    writer.pes(AUDIO, { pts: 90_000, payload: hex('7ff0 03 0138 fc0102  7fe0 02 fc03') })

    const { packets } = demux(writer.bytes)

    assert.deepEqual(packets[0]?.track.config, hex('000201380000bb80000000'))
    assert.deepEqual(
      packets.map(({ pts, data }) => [pts, [...data]]),
      [
        [1_000_000, [0xfc, 1, 2]],
        [1_020_000, [0xfc, 3]],
      ],
    )
  })
})

describe('programs', () => {
  it('of which the first with known streams is read', () => {
    const writer = new TestStreamWriter().pat({ 1: PMT, 2: 0x200, 3: 0x300 })
    writer.pmt([{ pid: MORE, type: 0x02 }])
    writer.pmt([H264], { number: 2, pid: 0x200 })
    writer.pmt([AAC], { number: 3, pid: 0x300 })
    writer.pes(VIDEO, { pts: 0, payload: picture(true, 1) }).pes(AUDIO, { pts: 0, payload: adtsFrame(1) })

    const { packets, demuxer } = demux(writer.bytes)

    assert.equal(demuxer.program?.number, 2)
    assert.deepEqual(
      packets.map(({ track }) => track.codec),
      ['h264'],
    )
    assert.match(demuxer.notes.join(), /3 programs: number 2 is read/)
  })

  it('of which none is carried are told of', () => {
    const writer = new TestStreamWriter().pat()
    writer.pmt([
      { pid: VIDEO, type: 0x02 },
      { pid: AUDIO, type: 0x06, descriptors: [[0x7b, hex('00')]] },
      { pid: MORE, type: 0x06, descriptors: [[0x59, hex('656e67 10 0001 0001')]] },
    ])
    writer.pes(VIDEO, { pts: 0, payload: hex('000001b3') })

    const { demuxer } = demux(writer.bytes)

    assert.deepEqual(demuxer.foreign, [
      { kind: 'video', codec: 'mpeg2video' },
      { kind: 'audio', codec: 'dts' },
      { kind: 'text', codec: 'dvb_subtitle' },
    ])
  })

  it('may change in the middle: what stays goes on, what comes has a free id', () => {
    const writer = new TestStreamWriter().pat().pmt([H264, AAC])
    writer.pes(VIDEO, { pts: 0, payload: picture(true, 1) }).pes(AUDIO, { pts: 0, payload: adtsFrame(1) })
    writer.pmt([H264, { pid: MORE, type: 0x81 }], { version: 1 })
    const ac3 = concat([hex('0b770000144040e1'), new Uint8Array(760)])
    writer.pes(VIDEO, { pts: 3600, payload: picture(false, 2) }).pes(MORE, { pts: 3600, payload: concat([ac3, ac3]) })

    const { results, packets, demuxer } = demux(writer.bytes)

    assert.deepEqual(
      packets.map(({ track: { id, codec } }) => `${id} ${codec}`).sort(),
      ['1 h264', '1 h264', '101 aac', '101 ac3', '101 ac3'].sort(),
    )
    assert.equal(ofTrack(packets, 1)[0]?.track, ofTrack(packets, 1)[1]?.track)
    assert.deepEqual(
      results.flatMap((result) => (result.type === 'tracks' ? [result.tracks.map(({ codec }) => codec)] : [])),
      [
        ['h264', 'aac'],
        ['h264', 'ac3'],
      ],
    )
    assert.match(demuxer.notes.join(), /streams of the program change/)
  })

  it('may lose a stream: the tracks are told again without it', () => {
    const writer = testStream(4)
    writer.pmt([H264], { version: 1 })
    for (let i = 4; i < 8; i++) writer.pes(VIDEO, { pts: 90_000 + i * 3600, payload: picture(false, i) })

    const { results, packets } = demux(writer.bytes)

    assert.deepEqual(
      results.flatMap((result) => (result.type === 'tracks' ? [result.tracks.map(({ id }) => id)] : [])),
      [[1, 101], [1]],
    )
    assert.equal(ofTrack(packets, 1).length, 8)
  })

  it('with a wrong checksum are not believed', () => {
    const writer = new TestStreamWriter().pat()
    const broken = section(2, 1, 0, [0xe1, 1, 0xf0, 0, 0x1b, 0xe1, 1, 0xf0, 0])
    broken[9] = (broken[9] ?? 0) ^ 1
    writer.section(PMT, broken).pes(VIDEO, { pts: 0, payload: picture(true, 1) })

    const { packets, demuxer } = demux(writer.bytes)

    assert.deepEqual(packets, [])
    assert.match(demuxer.notes.join(), /tables that cannot be read/)
  })
})

describe('X-08: a hostile transport stream', () => {
  it('with thousands of programs and endless new PMTs is bounded', () => {
    const writer = new TestStreamWriter()
    for (let version = 0; version < 32; version++) {
      const programs = Array.from({ length: 250 }, (_, i) => [i + 1, 0x20 + ((i + version) % 0x1f00)] as const)
      writer.pat(Object.fromEntries(programs), version)
      for (const [number, pid] of programs.slice(0, 70)) writer.pmt([{ pid: VIDEO, type: 2 }], { number, pid, version })
    }

    const { demuxer } = demux(writer.bytes)

    assert.ok(demuxer.lanes.length <= 1)
  })

  it('with a PMT of more streams than anybody has keeps to its limit', () => {
    const streams = Array.from({ length: 190 }, (_, i) => ({ pid: 0x200 + i, type: 0x1b }))
    const writer = new TestStreamWriter().pat().pmt(streams)

    const { demuxer } = demux(writer.bytes)

    assert.equal(demuxer.lanes.length, 64)
  })

  it('with sections that overrun their packets, their length or each other goes on', () => {
    const good = new TestStreamWriter()
      .pat()
      .pmt([H264])
      .pes(VIDEO, { pts: 0, payload: picture(true, 1) })
    const writer = new TestStreamWriter()
    // A pointer past the packet, a section of 4095 bytes that never ends, one without a header.
    writer.payload(0, Uint8Array.of(200, 1, 2), { stuff: true })
    writer.section(0, Uint8Array.of(0, 0xbf, 0xff, 1, 2, 3))
    writer.section(0, Uint8Array.of(0, 0xb0, 3, 1, 2, 3))
    writer.section(0, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0))

    const { packets } = demux(concat([writer.bytes, good.bytes]))

    assert.equal(packets.length, 1)
  })

  it('with a PES packet that never ends is cut at the limit', () => {
    const writer = new TestStreamWriter().pat().pmt([H264])
    const head = writer.bytes
    const endless = new TestStreamWriter().pes(VIDEO, {
      pts: 0,
      payload: new Uint8Array(5000).fill(0xaa),
      unbounded: true,
    })
    const continuation = endless.packets[1] ?? new Uint8Array(0)
    const demuxer = new TsDemuxer()
    demuxer.write(head)
    demuxer.write(endless.packets[0] ?? new Uint8Array(0))
    for (let sent = 0, counter = 1; sent < MAX_PES_BYTES * 1.1; sent += 184 * 64) {
      const block = concat(Array.from({ length: 64 }, () => continuation))
      for (let i = 0; i < 64; i++) block[i * 188 + 3] = 0x10 | (counter++ & 15)
      demuxer.write(block)
    }
    const after = new TestStreamWriter()
    for (let i = 0; i < 3; i++)
      after.pes(VIDEO, { pts: 900_000 + i * 3600, payload: picture(i === 0, i), unbounded: true })

    demuxer.write(after.bytes)
    demuxer.end()

    const packets: Packet[] = []
    for (let result = demuxer.read(); result !== undefined; result = demuxer.read()) {
      if (result.type === 'packet') packets.push(result.packet)
    }
    assert.equal(packets.length, 3)
    assert.match(demuxer.notes.join(), /too large/)
  })

  it('whose clock jumps at each unit goes on evenly', () => {
    const writer = new TestStreamWriter().pat().pmt([H264])
    for (let i = 0; i < 200; i++) {
      writer.pes(VIDEO, { pts: (i * 3_333_333_333) % 2 ** 33, payload: picture(i % 10 === 0, i, 50) })
    }

    const { packets } = demux(writer.bytes)

    assert.equal(packets.length, 200)
    packets.slice(1).forEach(({ dts }, i) => {
      const step = dts - (packets[i]?.dts ?? 0)
      assert.ok(step >= 0 && step <= 1_000_000, `${step}`)
    })
  })
})

/** Main profile, 320x192, fields allowed, frame_num of four bits. */
const INTERLACED_SPS = Uint8Array.of(
  0x67,
  77,
  0,
  40,
  ...bits('1 1 1 1 010 0 000010100 00110 0 0 1 0 0 1'), // ids and sizes, then the flags
)

/** The first slice of a field. */
function field(header: number, frameNumber: number, bottom: boolean): Uint8Array {
  const number = frameNumber.toString(2).padStart(4, '0')
  const idr = header === 0x65 ? '1' : ''
  return Uint8Array.of(header, ...bits(`1 0001000 1 ${number} 1 ${bottom ? 1 : 0} ${idr} 0000 1010 1010 1010`), 0x77)
}

/** Bytes of ones and zeros, filled up with zeros. */
function bits(text: string): number[] {
  const plain = text.replaceAll(' ', '')
  return Array.from({ length: Math.ceil(plain.length / 8) }, (_, at) =>
    Number.parseInt(plain.slice(at * 8, at * 8 + 8).padEnd(8, '0'), 2),
  )
}

/** Start codes of four bytes become lengths of four. */
function nalSize(annexBytes: Uint8Array): number {
  return annexBytes.byteLength
}
