import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FormatError } from '../../../errors.ts'
import { isAnnexB } from '../../codecs/nal-units.ts'
import { hex } from '../../codecs/vectors.ts'
import { readWaveFormat } from '../../codecs/wma/wave-format.ts'
import { readBitmapInfo } from '../../codecs/wmv/bitmap-info.ts'
import type { Track } from '../../track.ts'
import { allObjects, parseAsfInit, readAsfHeader, writeAsfHeader } from './header.ts'
import { type AsfInitOptions, buildAsfInit, streamNumberOf } from './header-builder.ts'
import { LIVE_TRACKS } from './header-vectors.ts'
import { readAudioSpread, readVideoTypeSpecific } from './objects/stream-properties.ts'
import { isAsfTrack } from './track-format.ts'

const LIVE = { tracks: LIVE_TRACKS, packetSize: 1400, prerollMs: 3000, broadcast: true } as const
/** libmms, and players made of it. */
const SMALL_CLIENT_HEADER = 8192

const wmv: Track = {
  id: 1,
  kind: 'video',
  codec: 'wmv3',
  config: hex('4e191801'),
  video: { width: 320, height: 240 },
  timescale: 1000,
}
const wma: Track = {
  id: 101,
  kind: 'audio',
  codec: 'wma2',
  config: hex('6101 0200 44ac0000 803e0000 e702 1000 0a00 00000000010000000000'),
  audio: { sampleRate: 44_100, channels: 2 },
  timescale: 1000,
}
const command: Track = { id: 201, kind: 'data', codec: 'asf-command', timescale: 1000 }

function built(options: Partial<AsfInitOptions> = {}) {
  const init = buildAsfInit({ ...LIVE, ...options })
  const objects = allObjects(readAsfHeader(init.bytes))
  const of = <T extends (typeof objects)[number]['type']>(type: T) =>
    objects.filter((one): one is Extract<(typeof objects)[number], { type: T }> => one.type === type)
  return { init, of }
}

describe('buildAsfInit', () => {
  test('AS-08: a live header is broadcast, not seekable, without counts, and its Data Object has no packets', () => {
    const { init, of } = built()
    const [file] = of('file-properties')
    assert.equal(file?.flags, 1)
    assert.deepEqual([file?.fileSize, file?.packetCount, file?.playDuration, file?.sendDuration], [0n, 0n, 0n, 0n])
    assert.deepEqual([file?.minPacketSize, file?.maxPacketSize, file?.preroll], [1400, 1400, 3000n])
    assert.equal(file?.maxBitrate, 800_000 + 128_000 + 128_000)
    const data = init.bytes.subarray(-50)
    const view = new DataView(data.buffer, data.byteOffset)
    assert.deepEqual(
      [view.getBigUint64(16, true), view.getBigUint64(40, true), view.getUint16(48, true)],
      [50n, 0n, 0x101],
    )
    assert.deepEqual(data.subarray(24, 40), init.fileId)
  })

  test('a file has its size, count and times, preroll included, and can be sought', () => {
    const { init, of } = built({
      broadcast: false,
      durationMs: 10_000,
      packetCount: 20,
      fileSize: 30_000,
      creationTime: new Date('2001-10-25T00:00:00Z'),
    })
    const [file] = of('file-properties')
    assert.deepEqual(
      [file?.flags, file?.fileSize, file?.packetCount, file?.playDuration, file?.sendDuration],
      [2, 30_000n, 20n, 130_000_000n, 100_000_000n],
    )
    assert.equal(file?.creationDate, 126_484_416_000_000_000n)
    assert.deepEqual([init.durationMs, init.packetCount, init.seekable], [10_000, 20, true])
    const view = new DataView(init.bytes.buffer, init.bytes.byteLength - 50)
    assert.deepEqual([view.getBigUint64(16, true), view.getBigUint64(40, true)], [50n + 20n * 1400n, 20n])
  })

  test('streams are numbered in the order of the tracks, and have the very tracks', () => {
    const { init } = built()
    assert.deepEqual(
      init.streams.map(({ number }) => number),
      [1, 2, 3],
    )
    for (const [at, track] of LIVE_TRACKS.entries()) {
      assert.equal(init.streams[at]?.track, track)
      assert.equal(streamNumberOf(init, track), at + 1)
    }
    assert.equal(streamNumberOf(init, command), undefined)
  })

  test('H.264 goes out as FourCC H264 with parameter sets behind start codes', () => {
    const [properties] = built().of('stream-properties')
    const { width, height, format } = readVideoTypeSpecific(properties!.typeSpecific)
    const info = readBitmapInfo(format)
    assert.deepEqual([width, height, info.width, info.height, info.fourCc], [322, 182, 322, 182, 'H264'])
    assert.ok(isAnnexB(info.extra))
    assert.equal(new DataView(format.buffer, format.byteOffset).getUint32(0, true), format.byteLength)
  })

  test('AAC and MP3 have the format tags and extra bytes that players look for', () => {
    const [, aac, mp3] = built().of('stream-properties')
    const aacFormat = readWaveFormat(aac!.typeSpecific)
    assert.deepEqual([aacFormat.tag, aacFormat.extra, aacFormat.sampleRate], [0xff, LIVE_TRACKS[1]?.config, 48_000])
    const mp3Format = readWaveFormat(mp3!.typeSpecific)
    assert.deepEqual([mp3Format.tag, mp3Format.extra], [0x55, hex('0100 02000000 a101 0100 7105')])
    assert.deepEqual(readAudioSpread(aac!.errorCorrection), {
      span: 1,
      packetLength: 0x190,
      chunkLength: 0x190,
      silence: Uint8Array.of(0),
    })
  })

  test('Windows Media tracks go out as they came, and read as the same', () => {
    for (const codec of ['wmv1', 'wmv2', 'wmv3', 'msmpeg4v2', 'msmpeg4v3'] as const) {
      for (const audio of ['wma1', 'wma2', 'wmapro', 'wmalossless', 'wmavoice'] as const) {
        const tag = { wma1: '6001', wma2: '6101', wmapro: '6201', wmalossless: '6301', wmavoice: '0a00' }[audio]
        const config = hex(`${tag} 0200 44ac0000 803e0000 e702 1000 0a00 00000000010000000000`)
        const tracks: Track[] = [{ ...wmv, codec }, { ...wma, codec: audio, config }, command]
        const { init, of } = built({ tracks })
        const [video, sound, script] = parseAsfInit(init.bytes).streams
        assert.deepEqual([video?.track?.codec, video?.track?.config], [codec, wmv.config])
        assert.deepEqual([sound?.track?.codec, sound?.track?.config], [audio, config])
        assert.deepEqual([script?.kind, script?.track?.codec], ['command', 'asf-command'])
        assert.equal(of('codec-list')[0]?.codecs.length, 2)
        assert.equal(readAudioSpread(of('stream-properties')[1]!.errorCorrection).packetLength, 0x2e7)
      }
    }
  })

  test('tracks that ASF cannot carry are left out, and without any other there is no header', () => {
    const vp9: Track = { id: 2, kind: 'video', codec: 'vp9', timescale: 1000 }
    const bare: Track = { id: 3, kind: 'video', codec: 'h264', timescale: 1000 }
    assert.equal(isAsfTrack(vp9), false)
    const { init } = built({ tracks: [vp9, bare, wma] })
    assert.deepEqual(
      init.streams.map(({ track }) => track),
      [wma],
    )
    for (const tracks of [[], [vp9, bare]]) {
      assert.throws(
        () => built({ tracks }),
        (error) => error instanceof FormatError && error.code === 'ERR_ASF_NO_TRACK',
      )
    }
  })

  test('rates, buffers, frame times, names and languages are told for each stream', () => {
    const { init, of } = built()
    assert.deepEqual(of('stream-bitrates')[0]?.entries, [
      { flags: 1, bitrate: 800_000 },
      { flags: 2, bitrate: 128_000 },
      { flags: 3, bitrate: 128_000 },
    ])
    const extended = of('extended-stream-properties')
    assert.deepEqual(
      extended.map(({ streamNumber, average, averageTimePerFrame }) => [
        streamNumber,
        average.bufferMs,
        averageTimePerFrame,
      ]),
      [
        [1, 3000, 400_000n],
        [2, 3000, 0n],
        [3, 3000, 0n],
      ],
    )
    assert.equal(extended[1]?.names[0]?.name, 'Original\0')
    assert.deepEqual(
      init.streams.map(({ language }) => language),
      [undefined, 'de', undefined],
    )
  })

  test('mutual exclusion is written when asked for', () => {
    assert.deepEqual(built().init.exclusions, [])
    assert.deepEqual(built({ exclusions: [[2, 3]] }).init.exclusions, [[2, 3]])
  })

  test('texts come from the metadata, cut and by any of their names', () => {
    const { init } = built({ metadata: { title: 'T', artist: 'A', comment: 'x'.repeat(100_000), copyright: 7 } })
    assert.deepEqual(init.description, {
      title: 'T',
      author: 'A',
      copyright: '',
      description: 'x'.repeat(255),
      rating: '',
    })
    assert.equal(built({ metadata: { duration: 3 } }).of('content-description').length, 0)
  })

  test('the file id is that of the options, else one that another header does not have', () => {
    const fileId = hex('00112233445566778899aabbccddeeff')
    assert.deepEqual(built({ fileId }).init.fileId, fileId)
    assert.deepEqual(built().init.fileId, built().init.fileId)
    assert.notDeepEqual(built().init.fileId, built({ packetSize: 1401 }).init.fileId)
    assert.notDeepEqual(built().init.fileId, new Uint8Array(16))
  })

  test('fits small clients with as many tracks as streams have', () => {
    const tracks = Array.from(
      { length: 16 },
      (_, at): Track => ({ ...LIVE_TRACKS[at % 3]!, id: at + 1, name: 'n'.repeat(20) }),
    )
    const long = 'x'.repeat(1000)
    const metadata = { title: long, author: long, copyright: long, description: long, rating: long }
    const { init } = built({ tracks, metadata })
    assert.equal(init.streams.length, 16)
    assert.ok(init.bytes.byteLength <= SMALL_CLIENT_HEADER, `${init.bytes.byteLength} bytes`)
  })

  test('is read and written without a change', () => {
    const { init } = built({ tracks: [...LIVE_TRACKS, command], metadata: { title: 'x' }, exclusions: [[1, 2]] })
    assert.deepEqual(writeAsfHeader(readAsfHeader(init.bytes)), init.bytes.subarray(0, -50))
  })
})
