import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FormatError } from '../../../errors.ts'
import { type ByteSource, memorySource } from '../../byte-source.ts'
import { openReader } from '../../open-reader.ts'
import type { Packet } from '../../packet.ts'
import { ID } from './element-id.ts'
import { MatroskaReader } from './matroska-reader.ts'
import {
  block,
  blockGroup,
  cluster,
  completeFile,
  cues,
  ebmlHeader,
  element,
  float,
  info,
  join,
  OPUS_FRAME,
  OPUS_TRACK,
  seekHead,
  segment,
  simpleBlock,
  TEXT_TRACK,
  trackEntry,
  VP8_DELTA,
  VP8_KEY,
  VP8_TRACK,
  vp8Clusters,
} from './vectors.ts'

const TRACKS = element(ID.TRACKS, [VP8_TRACK, OPUS_TRACK, TEXT_TRACK])
const KEY = 0x80
const utf8 = (text: string) => new TextEncoder().encode(text)

const open = (...parts: readonly Uint8Array[]) => MatroskaReader.open(memorySource(join(parts)))
const file = (children: readonly Uint8Array[], size?: number | 'unknown') => [ebmlHeader(), segment(children, size)]

async function packetsOf(reader: MatroskaReader, from = 0, tracks?: readonly number[]): Promise<Packet[]> {
  return collect(reader.packets(from, tracks === undefined ? {} : { tracks }))
}

async function collect(generated: AsyncIterable<Packet>): Promise<Packet[]> {
  const packets: Packet[] = []
  for await (const packet of generated) packets.push(packet)
  return packets
}

const summary = ({ track, pts, data, key }: Packet) => [track.id, pts, data.byteLength, key] as const
const times = (packets: readonly Packet[], id: number) =>
  packets.filter(({ track }) => track.id === id).map(({ pts }) => pts)
const evenTimes = (count: number, step: number, first = 0) => Array.from({ length: count }, (_, i) => first + i * step)

describe('a whole file', () => {
  it('is opened by its bytes, and tells what is in it', async () => {
    const reader = await openReader(memorySource(completeFile()))

    assert.equal(reader.format, 'matroska')
    assert.deepEqual(
      reader.tracks.map(({ id, codec, language, video, audio }) => ({ id, codec, language, video, audio })),
      [
        { id: 1, codec: 'vp8', language: 'en', video: { width: 16, height: 16 }, audio: undefined },
        { id: 101, codec: 'opus', language: 'en', video: undefined, audio: { sampleRate: 48_000, channels: 2 } },
        { id: 301, codec: 'webvtt', language: 'de', video: undefined, audio: undefined },
      ],
    )
    assert.equal(reader.duration, 1_600_000)
    assert.deepEqual(
      (await reader.keyPoints()).map(({ pts }) => pts),
      [0, 400_000, 800_000, 1_200_000],
    )
    assert.deepEqual(reader.notes, [])
  })

  it('gives all packets, and those from any place', async () => {
    const reader = await open(completeFile())

    const all = await packetsOf(reader)
    const later = await packetsOf(reader, 900_000)
    const fromPoint = await collect(reader.packets((await reader.keyPoints())[3]!, { tracks: [1] }))
    const sound = await packetsOf(reader, 900_000, [101])

    assert.deepEqual(times(all, 1), evenTimes(40, 40_000))
    assert.deepEqual(times(all, 101), evenTimes(80, 20_000))
    assert.deepEqual(all.slice(0, 2).map(summary), [
      [1, 0, VP8_KEY.byteLength + 2, true],
      [101, 0, OPUS_FRAME.byteLength + 2, true],
    ])
    assert.deepEqual(times(later, 1), evenTimes(20, 40_000, 800_000))
    assert.deepEqual(times(later, 101), evenTimes(40, 20_000, 800_000))
    assert.deepEqual(times(fromPoint, 1), evenTimes(10, 40_000, 1_200_000))
    assert.equal(fromPoint.length, 10)
    assert.deepEqual(times(sound, 101), evenTimes(35, 20_000, 900_000))
    assert.deepEqual(await packetsOf(reader, 900_000, []), [])
  })

  it('reads only what it must', async () => {
    const bytes = completeFile(element(ID.VOID, new Uint8Array(4 << 20)))
    const source = countingSource(bytes)

    const reader = await MatroskaReader.open(source)

    assert.equal(reader.duration, 1_600_000)
    assert.ok(source.readBytes < 1 << 20, `${source.readBytes} bytes`)
  })
})

describe('a file without index or sizes', () => {
  it('is read as a browser records it: nothing has a size', async () => {
    const reader = await open(
      ebmlHeader('webm'),
      segment([info(), element(ID.TRACKS, [VP8_TRACK, OPUS_TRACK]), ...vp8Clusters(3, 'unknown')], 'unknown'),
    )

    assert.equal(reader.tracks[0]?.language, undefined)
    assert.equal(reader.duration, 1_200_000)
    assert.deepEqual(times(await packetsOf(reader), 1), evenTimes(30, 40_000))
    assert.deepEqual(times(await packetsOf(reader, 500_000), 1), evenTimes(20, 40_000, 400_000))
    assert.deepEqual(
      (await reader.keyPoints()).map(({ pts }) => pts),
      [0, 400_000, 800_000],
    )
    assert.deepEqual(reader.notes, [])
  })

  it('begins at zero where its clock does not', async () => {
    const reader = await open(
      ...file([
        info(),
        element(ID.TRACKS, [VP8_TRACK]),
        cluster(3_600_000, [simpleBlock(1, 5, KEY, VP8_KEY), simpleBlock(1, 45, 0, VP8_DELTA)]),
      ]),
    )

    assert.deepEqual((await packetsOf(reader)).map(summary), [
      [1, 0, VP8_KEY.byteLength, true],
      [1, 40_000, VP8_DELTA.byteLength, false],
    ])
  })

  it('has a place to start each second without picture', async () => {
    const blocks = evenTimes(300, 20).map((time) => simpleBlock(2, time, KEY, OPUS_FRAME))
    const reader = await open(...file([info(), element(ID.TRACKS, [OPUS_TRACK]), cluster(0, blocks)]))

    assert.deepEqual(
      (await reader.keyPoints()).map(({ pts }) => pts),
      evenTimes(6, 1_000_000),
    )
    assert.equal(reader.duration, 6_000_000)
  })
})

describe('blocks', () => {
  const opusFile = (...blocks: readonly Uint8Array[]) =>
    open(...file([info(), element(ID.TRACKS, [OPUS_TRACK]), cluster(1000, blocks), cluster(0, [])]))
  const frames = [1, 300, 5].map((size, i) => {
    const frame = new Uint8Array(size).fill(i)
    frame[0] = 0xfc
    return frame
  })

  it('have frames in all lacings', async () => {
    const laces: readonly (readonly [name: string, flags: number, head: readonly number[]])[] = [
      ['Xiph', 0x02, [2, 1, 255, 45]],
      // 1; 300 - 1 in two bytes.
      ['EBML', 0x06, [2, 0x81, 0x60 | (((299 + 8191) >> 8) & 0x1f), (299 + 8191) & 0xff]],
    ]
    for (const [name, flags, head] of laces) {
      const data = join([Uint8Array.from(head), ...frames])
      const reader = await opusFile(simpleBlock(2, 0, KEY | flags, data))

      const packets = await packetsOf(reader)

      assert.deepEqual(
        packets.map(({ data }) => data.byteLength),
        [1, 300, 5],
        name,
      )
      assert.deepEqual(
        packets.map(({ data }) => data),
        frames,
        name,
      )
      assert.deepEqual(times(packets, 101), [0, 20_000, 40_000], name)
    }
    const same = [OPUS_FRAME, OPUS_FRAME, OPUS_FRAME]
    const reader = await opusFile(simpleBlock(2, 0, KEY | 0x04, join([Uint8Array.of(2), ...same])))
    assert.deepEqual(
      (await packetsOf(reader)).map(({ data }) => data),
      same,
    )
  })

  it('with sizes that do not fit are left out with a note', async () => {
    const broken = [
      [0x02, [2, 1, 255, 255]],
      [0x06, [2, 0x90]],
      [0x06, [2, 0x82, 0x80, 0x80]],
      [0x04, [2, 1, 2, 3, 4]],
      [0x02, []],
    ] as const
    for (const [flags, data] of broken) {
      const reader = await opusFile(
        simpleBlock(2, 0, KEY | flags, Uint8Array.from(data)),
        simpleBlock(2, 20, KEY, OPUS_FRAME),
      )

      assert.equal((await packetsOf(reader)).length, 1)
      assert.match(reader.notes.join(), /frame of track 101/)
    }
  })

  it('in groups are key frames unless they refer to others, and text has a length', async () => {
    const reader = await open(
      ...file([
        info(),
        TRACKS,
        cluster(0, [
          blockGroup(block(1, 0, 0, VP8_KEY)),
          blockGroup(block(3, 10, 0, utf8('<i>a</i> & b')), [element(ID.BLOCK_DURATION, 1500)]),
          blockGroup(block(1, 40, 0, VP8_DELTA), [element(ID.REFERENCE_BLOCK, 216), element(0x75a2, 1)]),
        ]),
      ]),
    )

    const packets = await packetsOf(reader)

    assert.deepEqual(packets.map(summary), [
      [1, 0, VP8_KEY.byteLength, true],
      [301, 10_000, 16, true],
      [1, 40_000, VP8_DELTA.byteLength, false],
    ])
    assert.equal(new TextDecoder().decode(packets[1]?.data), '<i>a</i> &amp; b')
    assert.equal(packets[1]?.duration, 1_500_000)
    assert.equal((await packetsOf(reader, 1_000_000, [301])).length, 1, 'text that is still shown')
    assert.equal((await packetsOf(reader, 1_510_000, [301])).length, 0)
  })

  it('get back what was stripped off their beginning', async () => {
    const encoding = (algorithm: number) =>
      element(ID.CONTENT_ENCODINGS, [
        element(ID.CONTENT_ENCODING, [
          element(ID.CONTENT_COMPRESSION, [
            element(ID.CONTENT_COMP_ALGO, algorithm),
            element(ID.CONTENT_COMP_SETTINGS, VP8_KEY.subarray(0, 3)),
          ]),
        ]),
      ])
    const fileOf = (algorithm: number) =>
      open(
        ...file([
          info(),
          element(ID.TRACKS, [trackEntry(1, 1, 'V_VP8', [encoding(algorithm)])]),
          cluster(0, [simpleBlock(1, 0, KEY, VP8_KEY.subarray(3))]),
        ]),
      )

    const stripped = await fileOf(3)
    const compressed = await fileOf(0)

    assert.deepEqual((await packetsOf(stripped))[0]?.data, VP8_KEY)
    assert.deepEqual(compressed.foreign, [{ kind: 'video', codec: 'vp8', language: 'en' }])
    assert.match(compressed.notes.join(), /not read: compressed/)
  })
})

describe('tracks', () => {
  it('come in the order of their flags, with names, and foreign ones beside', async () => {
    const reader = await open(
      ...file([
        info(),
        element(ID.TRACKS, [
          trackEntry(2, 2, 'A_OPUS', [element(ID.FLAG_DEFAULT, 0), element(ID.NAME, 'Commentary')]),
          trackEntry(3, 2, 'A_OPUS', [element(ID.LANGUAGE, 'fre'), element(ID.LANGUAGE_BCP47, 'pt-BR')]),
          trackEntry(4, 1, 'V_MPEG2', [element(ID.LANGUAGE, 'und')]),
          trackEntry(5, 2, 'A_PCM/INT/LIT', [element(ID.AUDIO, [element(ID.BIT_DEPTH, 24)])]),
          trackEntry(6, 17, 'S_HDMV/PGS'),
        ]),
        element(ID.TAGS, [
          element(ID.TAG, [
            element(ID.TARGETS, []),
            element(ID.SIMPLE_TAG, [element(ID.TAG_NAME, 'ARTIST'), element(ID.TAG_STRING, 'Nobody')]),
          ]),
          element(ID.TAG, [
            element(ID.TARGETS, [element(ID.TAG_TRACK_UID, 3)]),
            element(ID.SIMPLE_TAG, [element(ID.TAG_NAME, 'BPS-eng'), element(ID.TAG_STRING, '96000')]),
          ]),
        ]),
        cluster(0, [simpleBlock(2, 0, KEY, OPUS_FRAME), simpleBlock(3, 0, KEY, OPUS_FRAME)]),
      ]),
    )

    assert.deepEqual(
      reader.tracks.map(({ id, language, name, bitrateBps }) => ({ id, language, name, bitrateBps })),
      [
        { id: 101, language: 'pt-BR', name: undefined, bitrateBps: 96_000 },
        { id: 102, language: 'en', name: 'Commentary', bitrateBps: undefined },
      ],
    )
    assert.deepEqual(reader.foreign, [
      { kind: 'video', codec: 'mpeg2video' },
      { kind: 'audio', codec: 'pcm_s24le', language: 'en' },
      { kind: 'text', codec: 'hdmv_pgs_subtitle', language: 'en' },
    ])
    assert.deepEqual(reader.metadata, { artist: 'Nobody' })
  })

  it('have the colour and the size of the container', async () => {
    const chromaticities = [0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.3127, 0.329, 1000, 0.005]
    const reader = await open(
      ...file([
        info(),
        element(ID.TRACKS, [
          trackEntry(1, 1, 'V_VP8', [
            element(ID.VIDEO, [
              element(ID.PIXEL_WIDTH, 1920),
              element(ID.PIXEL_HEIGHT, 1088),
              element(ID.PIXEL_CROP_BOTTOM, 8),
              element(ID.COLOUR, [
                element(ID.PRIMARIES, 9),
                element(ID.TRANSFER_CHARACTERISTICS, 16),
                element(ID.MATRIX_COEFFICIENTS, 2),
                element(ID.RANGE, 1),
                element(ID.MAX_CLL, 1000),
                element(ID.MAX_FALL, 400),
                element(
                  ID.MASTERING_METADATA,
                  chromaticities.map((value, i) => float(ID.PRIMARY_R_CHROMATICITY_X + i, value)),
                ),
              ]),
            ]),
          ]),
        ]),
        cluster(0, [simpleBlock(1, 0, KEY, VP8_KEY)]),
      ]),
    )

    assert.deepEqual(reader.tracks[0]?.video, {
      width: 1920,
      height: 1080,
      color: {
        primaries: 9,
        transfer: 16,
        fullRange: false,
        contentLight: { maxCll: 1000, maxFall: 400 },
        mastering: {
          red: [0.68, 0.32],
          green: [0.265, 0.69],
          blue: [0.15, 0.06],
          whitePoint: [0.3127, 0.329],
          maxLuminance: 1000,
          minLuminance: 0.005,
        },
      },
    })
  })
})

describe('damaged files', () => {
  it('play past garbage, from the next cluster and its key frame', async () => {
    const [first, second, third] = vp8Clusters(3) as [Uint8Array, Uint8Array, Uint8Array]
    const garbage = new Uint8Array(100_000).fill(0)
    const reader = await open(...file([info(), TRACKS, first, garbage, second.subarray(300), third]))

    const packets = await packetsOf(reader)

    assert.deepEqual(times(packets, 1), [...evenTimes(10, 40_000), ...evenTimes(10, 40_000, 800_000)])
    assert.match(reader.notes.join(), /Damaged data is left out/)
  })

  it('play where sizes of clusters are wrong', async () => {
    for (const size of [20, 5000, 0]) {
      const reader = await open(...file([info(), TRACKS, ...vp8Clusters(3, size)]))

      assert.deepEqual(times(await packetsOf(reader), 1), evenTimes(30, 40_000), `size ${size}`)
    }
  })

  it('play as far as they go, and are as long as that', async () => {
    const whole = completeFile()
    const cut = whole.subarray(0, Math.floor(whole.byteLength * 0.6))
    const reader = await MatroskaReader.open(memorySource(cut))

    const packets = await packetsOf(reader)

    const last = Math.max(...packets.map(({ pts }) => pts))
    assert.ok(last > 800_000 && last < 1_200_000)
    assert.ok(reader.duration > last && reader.duration <= last + 40_000, `${reader.duration} after ${last}`)
    assert.match(reader.notes.join('\n'), /The file is cut off: it should have \d+ bytes/)
    assert.deepEqual(
      (await reader.keyPoints()).map(({ pts }) => pts),
      [0, 400_000, 800_000],
    )
  })

  it('are read through where the index lies', async () => {
    const lies: readonly (readonly (readonly [number, number])[])[] = [
      [[0, 3]],
      [[0, 1e9]],
      [
        [0, 0],
        [400, 100],
      ],
    ]
    for (const entries of lies) {
      const reader = await open(...file([info(1200), TRACKS, ...vp8Clusters(3), cues(entries)]))

      assert.deepEqual(
        (await reader.keyPoints()).map(({ pts }) => pts),
        [0, 400_000, 800_000],
      )
    }
  })

  it('are not believed when they say how long they are', async () => {
    for (const ticks of [1e15, -1, Number.NaN, 3, 100_000_000]) {
      const reader = await open(...file([info(ticks), TRACKS, ...vp8Clusters(3)]))

      assert.equal(reader.duration, 1_200_000, `${ticks}`)
    }
  })

  it('may have seek heads that point to themselves, nowhere, or to the wrong thing', async () => {
    for (const position of [0, 5, 1e12]) {
      const head = seekHead([
        [ID.SEEK_HEAD, position],
        [ID.CUES, position],
        [ID.TAGS, 1],
      ])
      const reader = await open(...file([head, info(), TRACKS, ...vp8Clusters(2)]))

      assert.equal((await packetsOf(reader)).length, 60)
    }
  })

  it('do not go on into another file', async () => {
    const reader = await open(...file([info(), TRACKS, ...vp8Clusters(1)], 'unknown'), completeFile())

    assert.equal((await packetsOf(reader)).length, 30)
    assert.match(reader.notes.join(), /Another file begins/)
  })

  it('are refused where nothing can be read', async () => {
    const refusals: readonly (readonly [code: string, parts: readonly Uint8Array[]])[] = [
      ['ERR_MATROSKA_NO_HEADER', []],
      ['ERR_MATROSKA_NO_HEADER', [new Uint8Array(100)]],
      ['ERR_MATROSKA_DOC_TYPE', [ebmlHeader('other')]],
      ['ERR_MATROSKA_NO_SEGMENT', [ebmlHeader()]],
      ['ERR_MATROSKA_NO_TRACKS', file([info(), cluster(0, [])])],
      ['ERR_MATROSKA_NO_TRACKS', file([element(ID.TRACKS, [])])],
      ['ERR_MATROSKA_NO_TRACKS', file([element(ID.TRACKS, [element(ID.TRACK_ENTRY, [])])])],
      ['ERR_MATROSKA_ELEMENT', file([element(ID.TRACKS, Uint8Array.of(0, 0, 0))])],
    ]
    for (const [code, parts] of refusals) {
      await assert.rejects(open(...parts), (error) => error instanceof FormatError && error.code === code, code)
    }
  })
})

function countingSource(bytes: Uint8Array): ByteSource & { readBytes: number } {
  const source = {
    size: bytes.byteLength,
    readBytes: 0,
    read(offset: number, length: number) {
      source.readBytes += length
      return Promise.resolve(bytes.subarray(offset, offset + length))
    },
  }
  return source
}
