/** Files that lie (X-09, F-04): each ends in a named error for the file, or plays as far as it goes with a note, by a bounded number of bytes. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FormatError } from '../../../errors.ts'
import type { ByteSource } from '../../byte-source.ts'
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
  info,
  join,
  OPUS_FRAME,
  OPUS_TRACK,
  segment,
  simpleBlock,
  trackEntry,
  VP8_KEY,
  VP8_TRACK,
  vp8Clusters,
} from './vectors.ts'

const KEY = 0x80
/** The largest size that is one. */
const HUGE = 2 ** 53 - 2
/** Bytes from one cut to the next: prime, so that every place of an element is met. */
const CUT_STEP = 17
const TRACKS = element(ID.TRACKS, [VP8_TRACK, OPUS_TRACK])
const file = (...children: readonly Uint8Array[]) => join([ebmlHeader(), segment([info(), ...children])])

interface Outcome {
  /** What the reader refused the file with. */
  readonly refused?: string
  readonly packets: readonly Packet[]
  readonly points: number
  readonly notes: string
  /** Of the largest single read, and of all. */
  readonly largest: number
  readonly bytesRead: number
}

async function play(bytes: Uint8Array): Promise<Outcome> {
  const packets: Packet[] = []
  const read = { largest: 0, bytesRead: 0 }
  const source: ByteSource = {
    size: bytes.byteLength,
    read: (offset, length) => {
      read.largest = Math.max(read.largest, length)
      read.bytesRead += length
      return Promise.resolve(bytes.subarray(offset, offset + length))
    },
  }
  try {
    const reader = await MatroskaReader.open(source)
    for await (const packet of reader.packets(0)) packets.push(packet)
    const points = (await reader.keyPoints()).length
    return { packets, points, notes: reader.notes.join('\n'), ...read }
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    return { refused: error.code, packets, points: 0, notes: '', ...read }
  }
}

describe('files that lie', () => {
  it('cut anywhere, they are refused by name or play the packets they hold', async () => {
    const whole = completeFile()
    const all = (await play(whole)).packets
    let last = 0
    for (let end = 0; end < whole.byteLength; end += CUT_STEP) {
      const { refused, packets } = await play(whole.subarray(0, end))

      if (refused !== undefined) assert.match(refused, /^ERR_MATROSKA_/)
      assert.ok(packets.length >= last && packets.length <= all.length, `${packets.length} packets of ${end} bytes`)
      assert.deepEqual(packets.at(-1)?.data, all[packets.length - 1]?.data)
      last = packets.length
    }
  })

  it('with elements of giant sizes, nothing is read or kept for them', async () => {
    const blocks = [simpleBlock(1, 0, KEY, VP8_KEY)]
    const giants: readonly (readonly [name: string, bytes: Uint8Array])[] = [
      ['segment', join([ebmlHeader(), segment([info(), TRACKS, cluster(0, blocks)], HUGE)])],
      ['tracks', file(element(ID.TRACKS, [VP8_TRACK], HUGE), cluster(0, blocks))],
      ['cues', file(TRACKS, element(ID.CUES, [], HUGE), cluster(0, blocks))],
      ['tags', file(element(ID.TAGS, [], HUGE), TRACKS, cluster(0, blocks))],
      ['info', join([ebmlHeader(), segment([element(ID.INFO, [], HUGE), TRACKS, cluster(0, blocks)])])],
      ['cluster', file(TRACKS, cluster(0, blocks, HUGE))],
      ['block', file(TRACKS, cluster(0, [element(ID.SIMPLE_BLOCK, VP8_KEY, HUGE), ...blocks]))],
      ['group', file(TRACKS, cluster(0, [element(ID.BLOCK_GROUP, [], HUGE), ...blocks]))],
      ['timestamp', file(TRACKS, element(ID.CLUSTER, [element(ID.TIMESTAMP, 0, HUGE), ...blocks]))],
      ['private data', file(element(ID.TRACKS, [trackEntry(1, 1, 'V_VP8', [element(ID.CODEC_PRIVATE, '', HUGE)])]))],
      ['header', join([element(ID.EBML, [], HUGE), segment([])])],
    ]
    for (const [name, bytes] of giants) {
      const { refused, notes, packets, largest } = await play(bytes)

      assert.ok(largest <= 256 * 1024, `${name}: ${largest} bytes at once`)
      assert.ok(refused !== undefined || notes !== '' || packets.length > 0, `${name}: neither refused nor noted`)
    }
  })

  it('with floods of tracks, index entries, padding and tags, what is kept is bounded', async () => {
    const tracks = Array.from({ length: 5000 }, (_, n) => trackEntry(n + 1, 2, 'A_OPUS'))
    const entries = Array.from({ length: 20_000 }, (_, n) => [n, HUGE] as const)
    const tag = element(ID.TAG, [
      element(ID.SIMPLE_TAG, [element(ID.TAG_NAME, '__proto__'), element(ID.TAG_STRING, '../\u001b[2J')]),
    ])
    const padding = new Uint8Array(200_000).map((_, at) => (at % 2 === 0 ? ID.VOID : 0x80))

    const many = await play(file(element(ID.TRACKS, tracks), cluster(0, [simpleBlock(1, 0, KEY, OPUS_FRAME)])))
    const wrong = await play(file(TRACKS, ...vp8Clusters(2), cues(entries)))
    const tagged = await play(
      file(
        element(
          ID.TAGS,
          Array.from({ length: 5000 }, () => tag),
        ),
        TRACKS,
        ...vp8Clusters(1),
      ),
    )
    const padded = await play(file(padding, TRACKS, padding, cluster(0, [padding, simpleBlock(1, 0, KEY, VP8_KEY)])))

    assert.match(many.notes, /Only the first 64 tracks are read/)
    assert.equal(wrong.points, 2)
    assert.equal(tagged.packets.length, 30)
    assert.equal(padded.refused, 'ERR_MATROSKA_NO_TRACKS')
  })

  it('with laces of hundreds of nothings, and groups in groups, nothing comes of them', async () => {
    const lace = simpleBlock(2, 0, KEY | 0x04, Uint8Array.of(255))
    const nested = blockGroup(join([block(2, 0, 0, OPUS_FRAME), blockGroup(block(2, 0, 0, OPUS_FRAME))]))
    const laced = await play(file(TRACKS, cluster(0, [lace, lace, nested])))

    assert.equal(laced.packets.length, 1)
  })

  it('with times beyond all bounds, packets still have numbers for times', async () => {
    const far = cluster(2 ** 52, [simpleBlock(1, -32_768, KEY, VP8_KEY), simpleBlock(1, 32_767, KEY, VP8_KEY)])
    const { packets, points } = await play(file(TRACKS, ...vp8Clusters(1), far))

    assert.ok(packets.length > 30 && points > 1)
    assert.ok(packets.every(({ pts, dts }) => Number.isFinite(pts) && Number.isFinite(dts)))
  })

  it('clusters within clusters, and index entries that point into them, are read once', async () => {
    const [inner, second] = vp8Clusters(2) as [Uint8Array, Uint8Array]
    const outer = element(ID.CLUSTER, [element(ID.TIMESTAMP, 0), inner, second])
    const { packets, notes } = await play(file(TRACKS, outer))

    assert.equal(packets.length, 60)
    assert.match(notes, /shorter than it says/)
  })
})
