import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { HeadendError } from '../../../errors.ts'
import { writeAmf0 } from '../../amf/amf0.ts'
import { AmfEcmaArray, type AmfValue } from '../../amf/value.ts'
import { ByteWriter } from '../../bytes/byte-writer.ts'
import { ac3ConfigOfFrame } from '../../codecs/ac3/config.ts'
import { codecString } from '../../codecs/codec-string.ts'
import { joinNalUnits } from '../../codecs/nal-units.ts'
import { trackParameters } from '../../codecs/track-parameters.ts'
import * as vectors from '../../codecs/vectors.ts'
import type { DemuxResult } from '../../container.ts'
import type { Packet } from '../../packet.ts'
import { TRACK_ID_BASE, type Track, type TrackKind } from '../../track.ts'
import { readAudioTag } from './audio-tag.ts'
import { type FlvAudioCodec, type FlvVideoCodec, isFlvTrack } from './codec-id.ts'
import { FlvDemuxer } from './demuxer.ts'
import { machineTargets } from './fuzz.ts'
import type { FlvMessage } from './message.ts'
import { FlvMessageDemuxer } from './message-demuxer.ts'
import { FlvMessageMuxer } from './message-muxer.ts'
import { FlvMuxer } from './muxer.ts'
import { multitrackFile, plainFile } from './vectors.ts'
import { readVideoTag } from './video-tag.ts'

const { hex } = vectors

const avcKey = joinNalUnits([hex('65888400')])
const ac3Frame = new Uint8Array(768)
ac3Frame.set(hex('0b77 0000 14 40 40'))
const eac3Frame = new Uint8Array(768)
eac3Frame.set(hex('0b77 017f 3486'))

/** A frame of each codec that is canonical already. */
const samples: Record<FlvVideoCodec | FlvAudioCodec, { config?: Uint8Array; frame: Uint8Array }> = {
  h264: { config: vectors.avcConfig, frame: avcKey },
  h265: { config: vectors.hevcConfig, frame: joinNalUnits([hex('2601aabb')]) },
  av1: { config: vectors.av1Config, frame: hex('0a0b000000043d06d4daf90040 3202aabb') },
  vp9: { config: vectors.vp9Config, frame: vectors.vp9KeyFrame },
  vp8: { frame: vectors.vp8KeyFrame },
  aac: { config: vectors.aacConfig, frame: hex('2100') },
  opus: { config: vectors.opusConfig, frame: hex('fc0011') },
  mp3: { frame: vectors.mp3Frame },
  ac3: { config: vectors.ac3Config, frame: ac3Frame },
  eac3: { config: ac3ConfigOfFrame(eac3Frame), frame: eac3Frame },
  flac: { config: vectors.flacConfig, frame: hex('fff8c9180000') },
}
const videoCodecs = ['h264', 'h265', 'av1', 'vp9', 'vp8'] as const
const audioCodecs = ['aac', 'opus', 'mp3', 'ac3', 'eac3', 'flac'] as const

describe('FLV round trip', () => {
  for (const video of videoCodecs) {
    for (const audio of audioCodecs) {
      it(`keeps ${video} and ${audio}`, () => {
        const tracks = [trackOf('video', video, 0), trackOf('audio', audio, 0)]
        const packets = packetsOf(tracks, 20)

        const { results } = demux(mux(tracks, packets))

        assert.deepEqual(tracksOf(results), [tracks])
        assert.deepEqual(packetsIn(results), packets)
      })
    }
  }

  it('keeps several tracks of each kind', () => {
    const tracks = [
      trackOf('video', 'h264', 0),
      { ...trackOf('video', 'h265', 1), language: 'de', name: 'Other angle', bitrateBps: 2_000_000 },
      trackOf('video', 'av1', 2),
      { ...trackOf('audio', 'aac', 0), language: 'fr' },
      { ...trackOf('audio', 'aac', 1), language: 'en-GB' },
      trackOf('audio', 'opus', 5),
    ]
    const packets = packetsOf(tracks, 30)

    const { results } = demux(mux(tracks, packets))

    assert.deepEqual(tracksOf(results), [tracks])
    assert.deepEqual(packetsIn(results), packets)
  })

  it('keeps a single track of either kind', () => {
    for (const tracks of [[trackOf('video', 'h264', 0)], [trackOf('audio', 'aac', 0)]]) {
      const packets = packetsOf(tracks, 5)
      assert.deepEqual(packetsIn(demux(mux(tracks, packets)).results), packets)
    }
  })

  it('keeps any times and any data, and gives the same byte by byte', () => {
    const video = trackOf('video', 'h264', 0)
    const audio = trackOf('audio', 'aac', 0)
    const packet = fc.record({
      track: fc.constantFrom(video, audio),
      unit: fc.uint8Array({ minLength: 1, maxLength: 60 }),
      step: fc.integer({ min: -40, max: 100_000 }),
      delay: fc.integer({ min: -(2 ** 23), max: 2 ** 23 - 1 }),
      key: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 20 }), (list) => {
        let ms = 0
        const packets = list.map(({ track, unit, step, delay, key }): Packet => {
          ms = Math.max(0, ms + step)
          const dts = ms * 1000
          return track === video
            ? { track, data: joinNalUnits([unit]), dts, pts: dts + delay * 1000, key }
            : { track, data: unit, dts, pts: dts, key: true }
        })
        const bytes = mux([video, audio], packets)

        const whole = demux(bytes).results
        assert.deepEqual(demux(bytes, 1).results, whole)
        assert.deepEqual(packetsIn(whole).map(withoutTrack), packets.map(withoutTrack))
      }),
    )
  })

  it('announces a changed configuration with a new track, and is silent about a repeated one', () => {
    const before = trackOf('video', 'h264', 0)
    const after = { ...before, config: vectors.avcHigh10Config, ...trackParameters('h264', vectors.avcHigh10Config) }
    const muxer = new FlvMuxer([before])
    const packets = [packetOf(before, 0), packetOf(before, 40), packetOf(after, 80)]
    for (const packet of packets) muxer.write(packet)

    const { results } = demux(concat(drain(muxer)))

    assert.deepEqual(tracksOf(results), [[before], [after]])
    assert.deepEqual(packetsIn(results), packets)
    const [first, second, third] = packetsIn(results).map(({ track }) => track)
    assert.equal(first, second)
    assert.notEqual(second, third)
  })

  it('keeps the colour of high dynamic range', () => {
    const base = trackOf('video', 'h265', 0)
    const color = {
      ...base.video?.color,
      contentLight: { maxCll: 1000, maxFall: 400 },
      mastering: {
        red: [0.68, 0.32],
        green: [0.265, 0.69],
        blue: [0.15, 0.06],
        whitePoint: [0.3127, 0.329],
        maxLuminance: 1000,
        minLuminance: 0.005,
      },
    } as const
    const track: Track = { ...base, video: { width: 322, height: 182, frameRate: 25, color } }

    const { results } = demux(mux([track], [packetOf(track, 0)]))

    assert.deepEqual(tracksOf(results), [[track]])
  })

  it('passes other script data on as packets of a data track', () => {
    const video = trackOf('video', 'h264', 0)
    const data: Track = { id: 201, kind: 'data', codec: 'amf0-data', timescale: 1000 }
    const text: Packet = {
      track: data,
      data: amf('onTextData', { text: 'hello' }),
      dts: 10_000,
      pts: 10_000,
      key: true,
    }

    const { results } = demux(mux([video, data], [packetOf(video, 0), text]))

    assert.deepEqual(packetsIn(results), [packetOf(video, 0), text])
    assert.deepEqual(tracksOf(results).at(-1), [video, data])
  })
})

describe('files of other software', () => {
  it('reads what FFmpeg wrote, with B-frames', () => {
    const { results } = demux(fromBase64(plainFile))
    const packets = packetsIn(results)

    assert.deepEqual(
      tracksOf(results).map((tracks) => tracks.map(codecString)),
      [['avc1.64000A', 'mp4a.40.2']],
    )
    const pictures = packets.filter(({ track }) => track.kind === 'video')
    assert.deepEqual(
      pictures.map(({ dts, pts, key }) => [dts, pts, key]),
      [
        [0, 40_000, true],
        [40_000, 120_000, false],
        [80_000, 80_000, false],
        [120_000, 160_000, false],
      ],
    )
    assert.equal(packets.length - pictures.length, 8)
    assert.deepEqual(demux(fromBase64(plainFile), 1).results, results)
  })

  it('reads multitrack as libavformat writes it', () => {
    const { results } = demux(fromBase64(multitrackFile))
    const counts = new Map<number, number>()
    for (const { track } of packetsIn(results)) counts.set(track.id, (counts.get(track.id) ?? 0) + 1)

    assert.deepEqual(
      tracksOf(results)
        .at(-1)
        ?.map((track) => [track.id, codecString(track), counts.get(track.id)]),
      [
        [1, 'hvc1.1.6.L30.90', 3],
        [2, 'avc1.64000A', 4],
        [101, 'opus', 7],
        [102, 'mp4a.40.2', 8],
      ],
    )
  })

  it('writes back the same packets', () => {
    for (const file of [plainFile, multitrackFile]) {
      const { results } = demux(fromBase64(file))
      const packets = packetsIn(results)
      const again = demux(mux(tracksOf(results).at(-1) ?? [], packets)).results

      assert.deepEqual(packetsIn(again).map(withoutTrack), packets.map(withoutTrack))
    }
  })
})

describe('FlvMessageDemuxer', () => {
  it('waits for what onMetaData announces', () => {
    const demuxer = new FlvMessageDemuxer()
    write(demuxer, data(0, 'onMetaData', new AmfEcmaArray({ videocodecid: 7, audiocodecid: 10, encoder: 'test' })))
    write(demuxer, video(0, `1700000000${toHex(vectors.avcConfig)}`))
    write(demuxer, video(0, `1701000000${toHex(avcKey)}`))
    assert.equal(demuxer.read(), undefined)
    write(demuxer, audio(20, 'af001210'))
    assert.equal(demuxer.read(), undefined)
    write(demuxer, audio(20, 'af012100'))

    const results = drain(demuxer)

    assert.deepEqual(
      results.map(({ type }) => type),
      ['tracks', 'packet', 'packet'],
    )
    assert.deepEqual(
      tracksOf(results)[0]?.map(({ id }) => id),
      [1, 101],
    )
    const [first] = results
    assert.equal(first?.type === 'tracks' && first.metadata?.['encoder'], 'test')
  })

  it('does not wait for a kind that onMetaData leaves out', () => {
    const demuxer = new FlvMessageDemuxer()
    write(demuxer, data(0, 'onMetaData', new AmfEcmaArray({ audiocodecid: 10 })))
    write(demuxer, audio(0, 'af001210'), audio(0, 'af012100'))

    assert.deepEqual(
      drain(demuxer).map(({ type }) => type),
      ['tracks', 'packet'],
    )
  })

  it('stops waiting after a second', () => {
    const demuxer = new FlvMessageDemuxer()
    write(demuxer, audio(0, 'af001210'), audio(0, 'af012100'), audio(999, 'af012100'))
    assert.equal(demuxer.read(), undefined)
    write(demuxer, audio(1000, 'af012100'))

    assert.deepEqual(
      drain(demuxer).map(({ type }) => type),
      ['tracks', 'packet', 'packet', 'packet'],
    )
  })

  it('stops waiting after 64 packets, or 16 MiB', () => {
    const many = new FlvMessageDemuxer()
    write(many, audio(0, 'af001210'))
    for (let i = 0; i < 63; i++) write(many, audio(i, 'af012100'))
    assert.equal(many.read(), undefined)
    write(many, audio(63, 'af012100'))
    assert.equal(packetsIn(drain(many)).length, 64)

    const large = new FlvMessageDemuxer()
    write(large, audio(0, 'af001210'))
    const body = new Uint8Array(8 * 1024 * 1024 + 2)
    body.set([0xaf, 1])
    for (let i = 0; i < 2; i++) write(large, { type: 'audio', timestampMs: i, body })
    assert.equal(packetsIn(drain(large)).length, 2)
  })

  it('adds a track that comes late', () => {
    const demuxer = new FlvMessageDemuxer()
    write(demuxer, audio(0, 'af001210'), audio(0, 'af012100'), audio(1200, 'af012100'))
    assert.deepEqual(
      tracksOf(drain(demuxer)).map((tracks) => tracks.length),
      [1],
    )

    write(demuxer, video(1300, `1700000000${toHex(vectors.avcConfig)}`), video(1300, `1701000000${toHex(avcKey)}`))

    assert.deepEqual(
      drain(demuxer).map(({ type }) => type),
      ['tracks', 'packet'],
    )
  })

  it('gives what it holds at the end', () => {
    const demuxer = new FlvMessageDemuxer()
    write(demuxer, audio(0, 'af001210'), audio(0, 'af012100'))
    demuxer.end()

    assert.deepEqual(
      drain(demuxer).map(({ type }) => type),
      ['tracks', 'packet'],
    )
  })

  it('adds composition time, the nanosecond offset, and continues at the wrap of 32 bits', () => {
    const demuxer = new FlvMessageDemuxer()
    demuxer.expect({ audio: false, video: true })
    write(demuxer, video(2 ** 32 - 10, `1700000000${toHex(vectors.avcConfig)}`))
    write(demuxer, video(2 ** 32 - 10, `17010000 42${toHex(avcKey)}`), video(10, `2701ffffff${toHex(avcKey)}`))
    write(demuxer, video(20, `a7 02 07a120 01 61766331 000001 ${toHex(avcKey)}`))

    const base = (2 ** 32 - 10) * 1000
    const times = packetsIn(drain(demuxer)).map(({ dts, pts, key }) => [dts - base, pts - base, key])
    assert.deepEqual(times, [
      [0, 66_000, true],
      [20_000, 19_000, false],
      [30_500, 31_500, false],
    ])
  })

  it('rewrites short NAL unit lengths, and says so in the configuration', () => {
    const short = vectors.avcConfig.slice()
    short[4] = 0xfd
    const demuxer = new FlvMessageDemuxer()
    demuxer.expect({ audio: false, video: true })
    write(demuxer, video(0, `1700000000${toHex(short)}`), video(0, '1701000000 0004 65888400'))

    const [packet] = packetsIn(drain(demuxer))
    assert.deepEqual(packet?.data, avcKey)
    assert.deepEqual(packet?.track.config, vectors.avcConfig)
  })

  it('takes H.265 in the form with codec id 12', () => {
    const demuxer = new FlvMessageDemuxer()
    demuxer.expect({ audio: false, video: true })
    write(demuxer, video(0, `1c00000000${toHex(vectors.hevcConfig)}`), video(0, '1c01000028 00000002 2601'))

    const [packet] = packetsIn(drain(demuxer))
    assert.deepEqual([packet?.track.codec, packet?.pts], ['h265', 40_000])
  })

  it('takes size and rate from onMetaData where the configuration is silent', () => {
    const demuxer = new FlvMessageDemuxer()
    write(
      demuxer,
      data(0, '@setDataFrame', 'onMetaData', {
        width: 640,
        height: 360,
        framerate: 30,
        videocodecid: 1_635_135_537,
        videodatarate: 900,
      }),
    )
    write(demuxer, video(0, '90 61763031 81000c00'), video(0, '91 61763031 3202aabb'))

    assert.deepEqual(tracksOf(drain(demuxer))[0]?.[0], {
      id: 1,
      kind: 'video',
      codec: 'av1',
      config: hex('81000c00'),
      video: { width: 640, height: 360, frameRate: 30, color: { bitDepth: 8 } },
      timescale: 1000,
      bitrateBps: 900_000,
    })
  })

  it('does nothing for onMetaData that repeats with other counters', () => {
    const demuxer = new FlvMessageDemuxer()
    write(demuxer, data(0, 'onMetaData', { audiocodecid: 10, count: 1 }), audio(0, 'af001210'), audio(0, 'af012100'))
    drain(demuxer)
    write(demuxer, data(0, 'onMetaData', { audiocodecid: 10, count: 2 }), audio(0, 'af001210'), audio(0, 'af012100'))

    assert.deepEqual(
      drain(demuxer).map(({ type }) => type),
      ['packet'],
    )
  })

  it('ignores frames before their configuration, empty messages, commands and empty frames', () => {
    const demuxer = new FlvMessageDemuxer()
    write(
      demuxer,
      video(0, `1701000000${toHex(avcKey)}`),
      video(0, ''),
      audio(0, ''),
      audio(0, 'af'),
      video(0, '5700'),
      video(0, '1701000000'),
    )
    demuxer.end()

    assert.equal(demuxer.read(), undefined)
  })

  it('refuses codecs it does not carry, once nothing else came', () => {
    const demuxer = new FlvMessageDemuxer()
    write(demuxer, video(0, '2200'))
    assert.throws(() => write(demuxer, video(1000, '2200')), /Sorenson H.263/)

    const mixed = new FlvMessageDemuxer()
    mixed.expect({ audio: true, video: false })
    write(
      mixed,
      audio(0, 'af001210'),
      audio(0, 'af012100'),
      video(1000, '91 76766331 000000 00'),
      audio(2000, 'af012100'),
    )
    assert.equal(packetsIn(drain(mixed)).length, 2)
  })
})

describe('hostile FLV', () => {
  it('refuses ModEx chains, too many tracks, lying sizes and MPEG-2 TS headers', () => {
    const link = '00 00 07'
    assert.throws(() => readVideoTag(hex(`97 ${link.repeat(9)} 61766331`)), { code: 'ERR_FLV_MOD_EX' })
    const tracks = Array.from({ length: 17 }, (_, i) => `${i.toString(16).padStart(2, '0')} 000000`).join('')
    assert.throws(() => readVideoTag(hex(`96 11 61766331 ${tracks}`)), { code: 'ERR_FLV_MULTITRACK' })
    assert.throws(() => readAudioTag(hex(`95 11 4f707573 ${tracks}`)), { code: 'ERR_FLV_MULTITRACK' })
    assert.throws(() => readVideoTag(hex('96 11 61766331 00 ffffff 00')), { code: 'ERR_MEDIA_TRUNCATED' })
    assert.throws(() => readVideoTag(hex('96 01 61766331 64')), { code: 'ERR_FLV_MULTITRACK' })
    assert.throws(() => readVideoTag(hex('96 31 61766331 00')), { code: 'ERR_FLV_MULTITRACK' })
    assert.throws(() => readVideoTag(hex('96 06 61766331 00')), { code: 'ERR_FLV_MULTITRACK' })
    assert.throws(() => readVideoTag(hex('95 61763031 00')), { code: 'ERR_FLV_MPEG2_TS' })
    assert.throws(() => readVideoTag(hex('97 ff ffff 00')), { code: 'ERR_MEDIA_TRUNCATED' })
  })

  it('refuses what is not FLV, encrypted tags and giant tags', () => {
    const header = '464c560105000000 09 00000000'
    assert.throws(() => demux(hex('474c56010500000009')), { code: 'ERR_FLV_HEADER' })
    assert.throws(() => demux(hex('464c560105ffffffff')), { code: 'ERR_FLV_HEADER' })
    assert.throws(() => demux(hex(`${header} 28 000001 000000 00 000000 00`)), { code: 'ERR_FLV_ENCRYPTED' })
    assert.throws(() => demux(hex(`${header} 09 ffffff 000000 00 000000`)), { code: 'ERR_FLV_TAG_TOO_LARGE' })
  })

  it('skips tags of unknown types and a longer file header', () => {
    const tail = '08 000004 000000 00 000000 af001210 00000000 08 000004 000000 00 000000 af012100 00000000'
    const bytes = hex(`464c560104 0000000b ffff 00000000 0f 000002 000000 00 000000 aabb 00000000 ${tail}`)

    assert.deepEqual(
      demux(bytes).results.map(({ type }) => type),
      ['tracks', 'packet'],
    )
    assert.deepEqual(demux(bytes, 1).results, demux(bytes).results)
  })

  it('gives what is whole in a file that is cut short', () => {
    const tracks = [trackOf('video', 'h264', 0), trackOf('audio', 'aac', 0)]
    const packets = packetsOf(tracks, 4)
    const bytes = mux(tracks, packets)
    for (let length = 0; length < bytes.byteLength; length += 3) {
      const found = packetsIn(demux(bytes.subarray(0, length)).results)
      assert.deepEqual(found.map(withoutTrack), packets.slice(0, found.length).map(withoutTrack))
    }
  })

  for (const target of machineTargets) {
    it(`${target.name} ends in a result or in our own error`, () => {
      fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (input) => endsInOurError(() => target.run(input))))
      for (const seed of target.seeds()) {
        endsInOurError(() => target.run(seed))
        for (let i = 0; i < seed.byteLength; i++) {
          for (const byte of [0, 1, 0x7f, 0x80, 0x97, 0xff]) {
            const changed = seed.slice()
            changed[i] = byte
            endsInOurError(() => target.run(changed))
          }
        }
      }
    })
  }
})

describe('FlvMessageMuxer', () => {
  it('writes the default tracks so that old players know them', () => {
    const tracks = [trackOf('video', 'h264', 0), trackOf('audio', 'aac', 0)]
    const muxer = new FlvMessageMuxer()
    const [metadata, videoStart, audioStart] = muxer.start(tracks, { encoder: 'test', duration: 5 })

    assert.equal(metadata?.type, 'data')
    assert.deepEqual(videoStart?.body.subarray(0, 5), hex('1700000000'))
    assert.deepEqual(audioStart?.body.subarray(0, 2), hex('af00'))
    const late = { ...packetOf(tracks[0]!, 40), pts: 60_000 }
    assert.deepEqual(muxer.bodyHeader(late), hex('1701000014'))
    assert.deepEqual(muxer.bodyHeader({ ...late, key: false }), hex('2701000014'))
    assert.deepEqual(muxer.bodyHeader(packetOf(tracks[1]!, 0)), hex('af01'))
    assert.deepEqual(muxer.mux(packetOf(tracks[1]!, 7)), { type: 'audio', timestampMs: 7, body: hex('af012100') })
  })

  it('writes FourCC where the old form has no word, and multitrack for further tracks', () => {
    const tracks = [
      trackOf('video', 'h265', 0),
      trackOf('video', 'h264', 1),
      trackOf('audio', 'opus', 0),
      trackOf('audio', 'aac', 1),
    ]
    const muxer = new FlvMessageMuxer()
    muxer.start(tracks)
    const late = { ...packetOf(tracks[0]!, 40), pts: 60_000 }

    assert.deepEqual(muxer.bodyHeader(packetOf(tracks[0]!, 0)), hex('93 68766331'))
    assert.deepEqual(muxer.bodyHeader(late), hex('91 68766331 000014'))
    assert.deepEqual(muxer.bodyHeader(packetOf(tracks[1]!, 0)), hex('96 03 61766331 01'))
    assert.deepEqual(muxer.bodyHeader(packetOf(tracks[2]!, 0)), hex('91 4f707573'))
    assert.deepEqual(muxer.bodyHeader(packetOf(tracks[3]!, 0)), hex('95 01 6d703461 01'))
  })
})

function trackOf(kind: Exclude<TrackKind, 'data'>, codec: FlvVideoCodec | FlvAudioCodec, index: number): Track {
  const { config, frame } = samples[codec]
  const parameters = trackParameters(codec, config)
  const size = codec === 'vp8' || codec === 'vp9' ? { width: 322, height: 182 } : {}
  return {
    id: TRACK_ID_BASE[kind] + index,
    kind,
    codec,
    ...(config !== undefined && { config }),
    ...(kind === 'video' && { video: { width: 0, height: 0, ...parameters.video, ...size } }),
    ...(kind === 'audio' && {
      audio: parameters.audio ?? { sampleRate: frame === vectors.mp3Frame ? 44_100 : 0, channels: 1 },
    }),
    timescale: 1000,
  }
}

function packetOf(track: Track, ms: number): Packet {
  const { frame } = samples[track.codec as FlvVideoCodec | FlvAudioCodec]
  return { track, data: frame, dts: ms * 1000, pts: ms * 1000, key: true }
}

function packetsOf(tracks: readonly Track[], count: number): Packet[] {
  return Array.from({ length: count }, (_, i) => {
    const track = tracks[i % tracks.length]!
    const packet = packetOf(track, i * 10)
    const delayed = track.codec === 'h264' || track.codec === 'h265'
    return delayed ? { ...packet, pts: packet.pts + 40_000, key: i % 4 === 0 } : packet
  })
}

function mux(tracks: readonly Track[], packets: readonly Packet[]): Uint8Array {
  const muxer = new FlvMuxer(tracks)
  for (const packet of packets) muxer.write(packet)
  muxer.end()
  return concat(drain(muxer))
}

function demux(bytes: Uint8Array, pieceSize = bytes.byteLength || 1): { results: DemuxResult[] } {
  const demuxer = new FlvDemuxer()
  const results: DemuxResult[] = []
  for (let at = 0; at < bytes.byteLength; at += pieceSize) {
    demuxer.write(bytes.slice(at, at + pieceSize))
    results.push(...drain(demuxer))
  }
  demuxer.end()
  results.push(...drain(demuxer))
  // Metadata of the muxer is not what these tests are about.
  return {
    results: results.map((result) => (result.type === 'tracks' ? { type: 'tracks', tracks: result.tracks } : result)),
  }
}

function drain<T>(machine: { read(): T | undefined }): T[] {
  const results: T[] = []
  for (let result = machine.read(); result !== undefined; result = machine.read()) results.push(result)
  return results
}

function tracksOf(results: readonly DemuxResult[]): (readonly Track[])[] {
  return results.flatMap((result) => (result.type === 'tracks' ? [result.tracks] : []))
}

function packetsIn(results: readonly DemuxResult[]): Packet[] {
  return results.flatMap((result) => (result.type === 'packet' ? result.packet : []))
}

function withoutTrack({ track, ...rest }: Packet): object {
  return { id: track.id, ...rest }
}

function write(demuxer: FlvMessageDemuxer, ...messages: readonly FlvMessage[]): void {
  for (const message of messages) demuxer.write(message)
}

function video(timestampMs: number, body: string): FlvMessage {
  return { type: 'video', timestampMs, body: hex(body) }
}

function audio(timestampMs: number, body: string): FlvMessage {
  return { type: 'audio', timestampMs, body: hex(body) }
}

function data(timestampMs: number, ...values: readonly AmfValue[]): FlvMessage {
  return { type: 'data', timestampMs, body: amf(...values) }
}

function amf(...values: readonly AmfValue[]): Uint8Array {
  const writer = new ByteWriter()
  for (const value of values) writeAmf0(writer, value)
  return writer.toBytes()
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts))
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'base64'))
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

function endsInOurError(run: () => unknown): void {
  try {
    run()
  } catch (error) {
    if (!(error instanceof HeadendError)) throw error
  }
}

describe('tracks that FLV has no name for', () => {
  const h264: Track = {
    id: 1,
    kind: 'video',
    codec: 'h264',
    timescale: 1000,
    config: vectors.avcConfig,
    video: { width: 16, height: 16 },
  }
  const wma: Track = {
    id: 101,
    kind: 'audio',
    codec: 'wma2',
    timescale: 1000,
    audio: { sampleRate: 44_100, channels: 2 },
  }
  const command: Track = { id: 201, kind: 'data', codec: 'asf-command', timescale: 1000 }
  const packet = (track: Track, data: Uint8Array): Packet => ({ track, dts: 0, pts: 0, key: true, data })

  it('are left out; the others play', () => {
    const muxer = new FlvMuxer([h264, wma, command])
    muxer.write(packet(wma, hex('0102')))
    muxer.write(packet(command, hex('0304')))
    muxer.write(packet(h264, avcKey))

    const demuxer = new FlvDemuxer()
    const pieces: Uint8Array[] = []
    for (let bytes = muxer.read(); bytes !== undefined; bytes = muxer.read()) pieces.push(bytes)
    for (const piece of pieces) demuxer.write(piece)
    demuxer.end()
    const results: DemuxResult[] = []
    for (let result = demuxer.read(); result !== undefined; result = demuxer.read()) results.push(result)

    assert.equal(pieces[0]?.[4], 1, 'the header announces video only')
    assert.deepEqual(
      results.map((result) =>
        result.type === 'tracks' ? result.tracks.map(({ codec }) => codec) : result.packet.track.codec,
      ),
      [['h264'], 'h264'],
    )
  })

  it('have no message', () => {
    assert.equal(isFlvTrack(wma), false)
    assert.equal(isFlvTrack(command), false)
    assert.equal(isFlvTrack(h264), true)
    const [metadata, ...headers] = new FlvMessageMuxer().start([wma, command])
    assert.equal(metadata?.type, 'data')
    assert.deepEqual(headers, [])
  })
})
