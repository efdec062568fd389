import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { FormatError } from '../../../errors.ts'
import { ByteReader } from '../../bytes/byte-reader.ts'
import { ByteWriter } from '../../bytes/byte-writer.ts'
import * as codecs from '../../codecs/vectors.ts'
import { writeWaveFormat } from '../../codecs/wma/wave-format.ts'
import { bitmapInfoOf, writeBitmapInfo } from '../../codecs/wmv/bitmap-info.ts'
import { ASF_GUID, readGuid, writeGuid } from './guid.ts'
import {
  type AsfHeader,
  allObjects,
  asfHeaderLength,
  MAX_ASF_HEADER_LENGTH,
  parseAsfInit,
  readAsfHeader,
  writeAsfHeader,
} from './header.ts'
import { headerFuzzTargets } from './header-fuzz-targets.ts'
import { MAX_HEADER_OBJECTS } from './header-objects.ts'
import * as vectors from './header-vectors.ts'
import { DATA_OBJECT_HEADER_LENGTH } from './model.ts'
import { MAX_LIST_ENTRIES } from './objects/object.ts'
import { type StreamPropertiesObject, writeVideoTypeSpecific } from './objects/stream-properties.ts'
import { h264ParameterSets } from './track-format.ts'

const { extension, header, object, pieces } = vectors

const FILES = ['wmv2-wmav2', 'h264-aac', 'wmav2', 'wmav1', 'msmpeg4v3-mp3'] as const
const file = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`testdata/${name}.bin`, import.meta.url)))
const headerObject = (bytes: Uint8Array): Uint8Array => bytes.subarray(0, bytes.byteLength - DATA_OBJECT_HEADER_LENGTH)
const only = (parsed: AsfHeader) => {
  const [first, ...others] = allObjects(parsed)
  assert.ok(first !== undefined)
  assert.equal(others.length, 0)
  return first
}

describe('GUIDs', () => {
  test('stand on disk with three little-endian groups', () => {
    const disk = pieces('3026b2758e66cf11a6d900aa0062ce6c')
    assert.equal(readGuid(new ByteReader(disk)), ASF_GUID.HEADER)
    const writer = new ByteWriter()
    writeGuid(writer, ASF_GUID.HEADER)
    assert.deepEqual(writer.toBytes(), disk)
  })

  test('of the table are different from each other', () => {
    const guids = Object.values(ASF_GUID)
    assert.equal(new Set(guids).size, guids.length)
    for (const guid of guids) assert.match(guid, /^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$/)
  })
})

describe('AS-01: objects are written byte for byte as they were read', () => {
  for (const [name, bytes] of Object.entries(vectors.HEADER_OBJECTS)) {
    test(name, () => {
      const whole = header(bytes)
      const parsed = readAsfHeader(whole)
      assert.deepEqual(writeAsfHeader(parsed), headerObject(whole))
      const found = only(parsed)
      assert.equal(found.type, name.startsWith('error') || name === 'unknown' ? 'opaque' : name.split(' ')[0])
      assert.ok(found.type !== 'opaque' || found.fault === undefined, 'no object of the vectors is broken')
      assert.equal(found.trailing, undefined)
    })
  }
  for (const [name, bytes] of Object.entries(vectors.EXTENSION_OBJECTS)) {
    test(`${name} in the header extension`, () => {
      const whole = header(extension(bytes))
      const parsed = readAsfHeader(whole)
      assert.deepEqual(writeAsfHeader(parsed), headerObject(whole))
      const found = only(parsed)
      assert.equal(found.type, name === 'index-placeholder' ? 'opaque' : name.split(' ')[0])
      assert.ok(found.type !== 'opaque' || found.fault === undefined, 'no object of the vectors is broken')
      assert.equal(found.trailing, undefined)
    })
  }

  test('all of them together, and the headers of FFmpeg', () => {
    for (const bytes of [vectors.EVERY_OBJECT_HEADER, ...FILES.map(file)]) {
      const before = bytes.slice()
      assert.deepEqual(writeAsfHeader(readAsfHeader(bytes)), headerObject(bytes))
      assert.deepEqual(bytes, before, 'the input is not changed')
    }
  })

  test('what stands behind the fields of an object, behind the objects, and a count that lies', () => {
    const bytes = vectors.join([vectors.HEADER_OBJECTS['stream-bitrates']!, pieces('aabb')])
    new DataView(bytes.buffer).setUint32(16, bytes.byteLength, true)
    const odd = object(
      '3026b2758e66cf11a6d900aa0062ce6c',
      vectors.join([pieces('07000000 01 02'), bytes, pieces('cc')]),
    )
    const parsed = readAsfHeader(odd)
    assert.equal(parsed.objectCount, 7)
    assert.deepEqual(only(parsed).trailing, pieces('aabb'))
    assert.deepEqual(parsed.rest, pieces('cc'))
    assert.deepEqual(writeAsfHeader(parsed), odd)
  })

  test('what is only kept has its fields too', () => {
    const fields = allObjects(readAsfHeader(vectors.EVERY_OBJECT_HEADER))
    const of = <T extends (typeof fields)[number]['type']>(type: T) =>
      fields.find((one): one is Extract<(typeof fields)[number], { type: T }> => one.type === type)!
    assert.deepEqual(
      of('codec-list').codecs.map(({ name, info }) => [name, Buffer.from(info).toString('latin1')]),
      [
        ['Video 9\0', 'WMV3'],
        ['Audio\0', 'a\u0001'],
      ],
    )
    assert.deepEqual(of('group-mutual-exclusion').records, [[1, 2], [5]])
    assert.equal(of('bandwidth-sharing').bitrate, 100_000)
    assert.deepEqual(of('metadata').entries[0]?.name, 'AX\0')
    assert.equal(of('metadata-library').entries[0]?.languageIndex, 1)
    assert.deepEqual(of('index-parameters').specifiers, [
      { streamNumber: 1, indexType: 3 },
      { streamNumber: 5, indexType: 3 },
    ])
    assert.equal(of('content-branding').bannerUrl, 'http://a.b')
    assert.deepEqual(of('digital-signature').signature, pieces('aabbcc'))
    assert.equal(of('extended-content-description').entries[1]?.name, 'IsTrue?\0')
    assert.equal(of('stream-prioritization').entries.length, 3)
  })
})

describe('parseAsfInit', () => {
  test('reads files of FFmpeg', () => {
    const init = parseAsfInit(file('wmv2-wmav2'))
    assert.deepEqual(
      [init.packetSize, init.prerollMs, init.packetCount, init.durationMs, init.broadcast, init.seekable],
      [3200, 3100, 22, 3046, false, true],
    )
    assert.deepEqual([init.description.title, init.description.author], ['Headend', 'Lavf'])
    assert.equal(init.maxBitrateBps, 328_000)
    assert.deepEqual(
      init.streams.map(({ number, kind, track }) => [number, kind, track?.id, track?.codec]),
      [
        [1, 'video', 1, 'wmv2'],
        [2, 'audio', 101, 'wma2'],
      ],
    )
    assert.deepEqual(init.streams[0]?.track?.video, { width: 64, height: 48 })
    assert.deepEqual(init.streams[0]?.track?.config, pieces('28c3b480'))
    assert.deepEqual(init.streams[1]?.track?.audio, { sampleRate: 44_100, channels: 1 })
    assert.equal(init.bytes.byteLength, file('wmv2-wmav2').byteLength)
    assert.equal(init.encryption, undefined)
  })

  test('makes avcC of parameter sets with start codes, and takes AAC with its configuration', () => {
    const [video, audio] = parseAsfInit(file('h264-aac')).streams
    assert.equal(video?.track?.codec, 'h264')
    assert.deepEqual(
      video?.track?.config,
      pieces('0164000affe100176764000aacb208f6022000000300200000030141e244c901000668ebc3cb22c0fdf8f800'),
    )
    assert.equal(video?.track?.video?.frameRate, 5)
    assert.deepEqual([audio?.track?.codec, audio?.track?.config], ['aac', pieces('120856e500')])
    assert.deepEqual(
      parseAsfInit(file('msmpeg4v3-mp3')).streams.map(({ track }) => [track?.codec, track?.config]),
      [
        ['msmpeg4v3', undefined],
        ['mp3', undefined],
      ],
    )
    assert.equal(parseAsfInit(file('wmav1')).streams[0]?.track?.codec, 'wma1')
  })

  test('AS-10: exposes markers, commands, texts, exclusions, priorities', () => {
    const init = parseAsfInit(vectors.EVERY_OBJECT_HEADER)
    assert.deepEqual(init.markers, [{ name: 'Second', timeMs: 5000 }])
    assert.deepEqual(init.commands, [
      { type: 'TEXT', text: 'Hello', timeMs: 4000 },
      { type: 'URL', text: 'http://a.b/c', timeMs: 5000 },
    ])
    assert.deepEqual(init.exclusions, [
      [2, 4],
      [1, 5],
    ])
    assert.deepEqual(init.priorities, [2, 1], 'a stream that does not exist is left out')
    assert.deepEqual(init.description, { title: 'Title', author: 'A', copyright: '', description: 'De', rating: '' })
  })

  test('knows every kind of stream, hidden ones behind the others', () => {
    const { streams } = parseAsfInit(vectors.EVERY_OBJECT_HEADER)
    assert.deepEqual(
      streams.map(({ number, kind, encrypted, track }) => [number, kind, encrypted, track?.id, track?.codec]),
      [
        [1, 'video', false, 1, 'wmv3'],
        [2, 'audio', false, 101, 'wma2'],
        [3, 'command', false, 201, 'asf-command'],
        [4, 'audio', true, undefined, undefined],
        [6, 'other', false, undefined, undefined],
        [5, 'video', false, 2, 'vc1'],
      ],
    )
    const [first, second, , , , hidden] = streams
    assert.deepEqual(first?.extensionSizes, [2, 0xffff])
    assert.deepEqual([first?.language, first?.track?.name, first?.averageBitrateBps], ['de-at', 'Main', 200_000])
    assert.deepEqual(first?.track?.video, { frameRate: 25, width: 320, height: 240 })
    assert.deepEqual(second?.spread, { span: 4, packetLength: 128, chunkLength: 64 })
    assert.equal(second?.averageBitrateBps, 64_000)
    assert.equal(hidden?.averageBitrateBps, 400_000, 'from the extended properties')
  })

  test('a stream without a known format is carried, not refused', () => {
    const broken = vectors.WMA_STREAM.slice()
    broken[78 + 2] = 0 // channels
    const unknown = vectors.WMV_STREAM.slice()
    unknown.set(pieces("'XVID'"), 78 + 11 + 16)
    const { streams } = parseAsfInit(header(vectors.FILE_PROPERTIES, unknown, broken))
    assert.deepEqual(
      streams.map(({ number, kind, track }) => [number, kind, track]),
      [
        [1, 'video', undefined],
        [2, 'audio', undefined],
      ],
    )
  })

  test('H.264 of other writers: a record, no parameter sets, other FourCCs', () => {
    const { avcConfig } = codecs
    const stream = (fourCc: string, extra: Uint8Array): Uint8Array => {
      const format = writeBitmapInfo(bitmapInfoOf(fourCc, { width: 322, height: 182 }, extra))
      const typeSpecific = writeVideoTypeSpecific({ width: 322, height: 182, format })
      const [wmv] = readAsfHeader(header(vectors.WMV_STREAM)).objects as [StreamPropertiesObject]
      const bytes = writeAsfHeader({ objects: [{ ...wmv, typeSpecific }], objectCount: 1, reserved: 1 }).subarray(30)
      return header(vectors.FILE_PROPERTIES, bytes)
    }
    const trackOf = (bytes: Uint8Array) => parseAsfInit(bytes).streams[0]?.track
    assert.deepEqual(trackOf(stream('avc1', avcConfig))?.config, avcConfig)
    assert.deepEqual(trackOf(stream('h264', h264ParameterSets(avcConfig)))?.config, avcConfig)
    assert.deepEqual(trackOf(stream('X264', new Uint8Array(0))), {
      id: 1,
      kind: 'video',
      codec: 'h264',
      video: { width: 322, height: 182 },
      timescale: 1000,
    })
    const short = avcConfig.slice()
    short[4] = 0xfd
    assert.equal(trackOf(stream('H264', short)), undefined, 'unit lengths of 2 bytes')
    assert.equal(trackOf(stream('H264', pieces('01020304'))), undefined)
  })

  test('HE-AAC of Microsoft has its configuration behind twelve bytes, if its frames are raw', () => {
    const wave = {
      tag: 0x1610,
      channels: 2,
      sampleRate: 48_000,
      bytesPerSecond: 8000,
      blockAlign: 1,
      bitsPerSample: 16,
    }
    const trackOf = (payloadType: string) => {
      const extra = vectors.join([pieces(`${payloadType} fe00 0000 0000 00000000`), codecs.aacConfig])
      const typeSpecific = writeWaveFormat({ ...wave, extra })
      const [stream] = readAsfHeader(header(vectors.WMA_STREAM)).objects as [StreamPropertiesObject]
      const bytes = writeAsfHeader({ objects: [{ ...stream, typeSpecific }], objectCount: 1, reserved: 1 }).subarray(30)
      return parseAsfInit(header(vectors.FILE_PROPERTIES, bytes)).streams[0]?.track
    }
    assert.deepEqual(trackOf('0000')?.config, codecs.aacConfig)
    assert.equal(trackOf('0100'), undefined, 'ADTS')
  })

  test('a number stands for one stream, and 0 for none', () => {
    const other = vectors.WMA_STREAM.slice()
    other[72] = 1
    const none = vectors.COMMAND_STREAM.slice()
    none[72] = 0
    const { streams } = parseAsfInit(header(vectors.FILE_PROPERTIES, vectors.WMV_STREAM, other, none))
    assert.deepEqual(
      streams.map(({ number, kind }) => [number, kind]),
      [[1, 'video']],
    )
  })

  test('M-07: protection is named, and its objects stay in the bytes', () => {
    const { HEADER_OBJECTS, EXTENSION_OBJECTS } = vectors
    const of = (...objects: readonly Uint8Array[]) =>
      parseAsfInit(header(vectors.FILE_PROPERTIES, ...objects)).encryption
    assert.deepEqual(of(HEADER_OBJECTS['content-encryption']!), {
      scheme: 'DRM',
      keyId: 'a2V5',
      licenseUrl: 'http://l.x',
    })
    assert.deepEqual(of(HEADER_OBJECTS['extended-content-encryption']!), { scheme: 'DRM', keyId: 'k', licenseUrl: '' })
    const xml = '<WRMHEADER><DATA><KID>kid==</KID><LA_URL>http://l/?a=1&amp;b</LA_URL></DATA></WRMHEADER>'
    const record = new Uint8Array(Buffer.from(xml, 'utf16le'))
    const size = new Uint8Array(2)
    new DataView(size.buffer).setUint16(0, record.byteLength, true)
    const playReady = object(
      '79f0049a40988642ab92e65be0885f95',
      vectors.join([pieces('00000000 0100 0100'), size, record]),
    )
    assert.deepEqual(of(extension(playReady)), { scheme: 'PlayReady', keyId: 'kid==', licenseUrl: 'http://l/?a=1&b' })
    assert.deepEqual(of(vectors.ENCRYPTED_STREAM), { scheme: 'unknown', keyId: '', licenseUrl: '' })
    assert.deepEqual(of(extension(EXTENSION_OBJECTS['advanced-content-encryption']!))?.scheme, 'unknown')
    assert.equal(of(vectors.WMV_STREAM), undefined)
    const { bytes } = parseAsfInit(header(vectors.FILE_PROPERTIES, HEADER_OBJECTS['content-encryption']!))
    assert.ok(Buffer.from(bytes).includes(Buffer.from('a2V5')))
  })

  test('M-07: what the header calls protected has no track, whatever the streams say', () => {
    const { HEADER_OBJECTS } = vectors
    const objects = [vectors.FILE_PROPERTIES, vectors.WMV_STREAM, vectors.WMA_STREAM]
    const clear = parseAsfInit(header(...objects)).streams
    const drm = parseAsfInit(header(...objects, HEADER_OBJECTS['content-encryption']!)).streams
    assert.deepEqual(
      clear.map(({ track }) => track?.codec),
      ['wmv3', 'wma2'],
    )
    assert.deepEqual(
      drm.map(({ kind, encrypted, track }) => [kind, encrypted, track]),
      [
        ['video', true, undefined],
        ['audio', true, undefined],
      ],
    )
  })

  test('M-07: texts of a hostile header come on one line, and short', () => {
    const text = `\u001b[31mhttp://l/\r\n\r\n<b>${'x'.repeat(100_000)}\0hidden`
    const length = new Uint8Array(new Uint32Array([text.length]).buffer)
    const latin1 = new Uint8Array(Buffer.from(text, 'latin1'))
    const hostile = object(
      'fbb3112223bdd211b4b700a0c955fc6e',
      vectors.join([pieces('00000000'), length, latin1, length, latin1, length, latin1]),
    )
    const { encryption } = parseAsfInit(header(vectors.FILE_PROPERTIES, hostile))
    for (const [name, most] of [
      ['scheme', 128],
      ['keyId', 128],
      ['licenseUrl', 2048],
    ] as const) {
      const told = encryption?.[name] ?? ''
      assert.ok(told.startsWith('[31mhttp://l/ <b>xxx') && told.length === most, `${name}: ${told.length}`)
    }
  })

  test('live headers have no counts, whatever they say', () => {
    const live = vectors.FILE_PROPERTIES.slice()
    live[88] = 1
    live.fill(0xff, 40, 80)
    const init = parseAsfInit(header(live))
    assert.deepEqual(
      [init.broadcast, init.seekable, init.packetCount, init.durationMs, init.prerollMs],
      [true, false, 0, 0, 3000],
    )
    live[88] = 2
    const file = parseAsfInit(header(live))
    assert.deepEqual([file.packetCount, Number.isSafeInteger(file.durationMs)], [0, true])
  })
})

describe('hostile headers', () => {
  const refused = (bytes: Uint8Array, code: string) =>
    assert.throws(
      () => parseAsfInit(bytes),
      (error) => error instanceof FormatError && error.code === code,
    )
  const sized = (bytes: Uint8Array, size: bigint): Uint8Array => {
    const copy = bytes.slice()
    new DataView(copy.buffer).setBigUint64(16, size, true)
    return copy
  }

  test('cut anywhere, a header is refused and asked more for, never read outside', () => {
    const whole = vectors.EVERY_OBJECT_HEADER
    for (let length = 0; length < whole.byteLength; length++) {
      const part = whole.slice(0, length)
      assert.equal(asfHeaderLength(part), length < 30 ? undefined : whole.byteLength)
      refused(part, 'ERR_ASF_TRUNCATED')
    }
  })

  test('M-07: objects of size 0, of fewer bytes than their own header, and beyond the header', () => {
    const inner = vectors.HEADER_OBJECTS['stream-bitrates']!
    for (const size of [0n, 1n, 23n, BigInt(inner.byteLength + 1), 0xffff_ffffn]) {
      refused(header(vectors.FILE_PROPERTIES, sized(inner, size)), 'ERR_ASF_OBJECT_SIZE')
      refused(header(vectors.FILE_PROPERTIES, extension(sized(inner, size))), 'ERR_ASF_OBJECT_SIZE')
    }
    refused(header(sized(inner, 2n ** 63n)), 'ERR_MEDIA_NUMBER_TOO_LARGE')
  })

  test('X-09: a header of giant size is refused by its first 30 bytes', () => {
    const start = headerObject(header(vectors.FILE_PROPERTIES)).slice(0, 30)
    for (const size of [0n, 29n, BigInt(MAX_ASF_HEADER_LENGTH + 1), 2n ** 40n]) {
      assert.throws(() => asfHeaderLength(sized(start, size)), { code: 'ERR_ASF_HEADER_LENGTH' })
    }
    assert.throws(() => asfHeaderLength(sized(start, 2n ** 64n - 1n)), { code: 'ERR_MEDIA_NUMBER_TOO_LARGE' })
    assert.equal(asfHeaderLength(sized(start, BigInt(MAX_ASF_HEADER_LENGTH))), MAX_ASF_HEADER_LENGTH + 50)
    assert.throws(() => asfHeaderLength(new Uint8Array(30)), { code: 'ERR_ASF_NO_HEADER' })
  })

  test('M-07: objects do not nest deeper than the header extension', () => {
    let inner = vectors.HEADER_OBJECTS['stream-bitrates']!
    for (let depth = 0; depth < 10_000; depth++) inner = inner.byteLength > 500_000 ? inner : extension(inner)
    const whole = header(vectors.FILE_PROPERTIES, inner)
    const [, found] = allObjects(readAsfHeader(whole))
    assert.equal(found?.type, 'opaque')
    assert.deepEqual(writeAsfHeader(readAsfHeader(whole)), headerObject(whole))
  })

  test('M-07: more objects than any header has', () => {
    const padding = object('74d40618dfca0945a4ba9aabcb96aae8', new Uint8Array(0))
    const many = (count: number) => header(vectors.FILE_PROPERTIES, ...Array.from({ length: count }, () => padding))
    assert.equal(readAsfHeader(many(MAX_HEADER_OBJECTS - 1)).objects.length, MAX_HEADER_OBJECTS)
    refused(many(MAX_HEADER_OBJECTS), 'ERR_ASF_OBJECTS')
  })

  test('M-07: a codec list of 65,535 entries, or of four billion that are not there, is kept unread', () => {
    for (const count of ['ffff0000', 'ffffffff', '00400000']) {
      const entries = count === 'ffff0000' ? new Uint8Array(8 * 0xffff) : new Uint8Array(16)
      const list = object(
        '4052d1861d31d011a3a400a0c90348f6',
        vectors.join([pieces(`4152d1861d31d011a3a400a0c90348f6 ${count}`), entries]),
      )
      const whole = header(vectors.FILE_PROPERTIES, list)
      const [, found] = allObjects(readAsfHeader(whole))
      assert.ok(found?.type === 'opaque')
      assert.equal(found.fault?.code, 'ERR_ASF_ENTRIES')
      assert.deepEqual(writeAsfHeader(readAsfHeader(whole)), headerObject(whole))
      assert.equal(parseAsfInit(whole).packetSize, 1400, 'and the header plays')
    }
    assert.ok(MAX_LIST_ENTRIES < 0xffff)
  })

  test('M-07: a script command with control bytes has none where it is shown, and keeps them in the bytes', () => {
    const command = object(
      '301afb1e620bd011a39b00a0c90348f6',
      pieces(`e3cb1a4b0b10d011a39b00a0c90348f6 0200 0100 0500 "T" 0d00 0a00 1b00 "X"
        00000000 0000 0800 "a" 0700 1b00 "[31m" 0900 01000000 0100 0000`),
    )
    const whole = header(vectors.FILE_PROPERTIES, command)
    assert.deepEqual(parseAsfInit(whole).commands, [{ type: 'T\r\nX', text: 'a[31m\t', timeMs: 0 }])
    assert.deepEqual(writeAsfHeader(readAsfHeader(whole)), headerObject(whole))
  })

  test('texts of an odd number of bytes are kept unread', () => {
    const odd = object('3326b2758e66cf11a6d900aa0062ce6c', pieces('0300 0000 0000 0000 0000 410042'))
    const init = parseAsfInit(header(vectors.FILE_PROPERTIES, odd))
    assert.equal(init.description.title, '')
  })

  test('lengths within streams that leave them make the header unusable', () => {
    const lying = vectors.WMV_STREAM.slice()
    lying[24 + 40] = 0xff
    refused(header(vectors.FILE_PROPERTIES, lying), 'ERR_MEDIA_TRUNCATED')
    refused(header(object('a1dcab8c47a9cf118ee400c00c205365', new Uint8Array(79))), 'ERR_MEDIA_TRUNCATED')
  })

  test('no file properties, another version, no Data Object, packets of no size', () => {
    refused(header(vectors.WMV_STREAM), 'ERR_ASF_NO_FILE_PROPERTIES')
    const version = header(vectors.FILE_PROPERTIES)
    version[29] = 1
    refused(version, 'ERR_ASF_VERSION')
    const noData = header(vectors.FILE_PROPERTIES)
    noData[noData.byteLength - 50] = 0
    refused(noData, 'ERR_ASF_NO_DATA')
    for (const [min, max] of [
      [0, 0],
      [31, 31],
      [65_536, 65_536],
      [100, 200],
    ] as const) {
      const properties = vectors.FILE_PROPERTIES.slice()
      const view = new DataView(properties.buffer)
      view.setUint32(92, min, true)
      view.setUint32(96, max, true)
      refused(header(properties), 'ERR_ASF_PACKET_SIZE')
    }
  })

  test('every changed byte gives a header or a FormatError', () => {
    const whole = vectors.EVERY_OBJECT_HEADER
    for (const target of headerFuzzTargets) {
      for (let at = 0; at < whole.byteLength; at++) {
        const changed = whole.slice()
        changed[at] = (changed[at] ?? 0) ^ 0xff
        try {
          target.run(changed)
        } catch (error) {
          if (!(error instanceof FormatError)) throw error
        }
      }
    }
  })
})
