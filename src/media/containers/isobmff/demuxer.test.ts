import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { FormatError } from '../../../errors.ts'
import { ByteWriter } from '../../bytes/byte-writer.ts'
import type { DemuxResult } from '../../container.ts'
import type { Packet } from '../../packet.ts'
import { writeBox, writeFullBox } from './box.ts'
import { FragmentDemuxer } from './demuxer.ts'
import { writeFragment } from './fragment.ts'
import { writeInitSegment } from './init-segment.ts'
import { FragmentMuxer } from './muxer.ts'
import { AUDIO, audioPackets, progressiveFile, VIDEO, videoPackets } from './vectors.ts'

function join(pieces: readonly Uint8Array[]): Uint8Array {
  const writer = new ByteWriter()
  for (const piece of pieces) writer.bytes(piece)
  return writer.toBytes()
}

function demux(pieces: Iterable<Uint8Array>): DemuxResult[] {
  const demuxer = new FragmentDemuxer()
  const results: DemuxResult[] = []
  const drain = (): void => {
    for (let result = demuxer.read(); result !== undefined; result = demuxer.read()) results.push(result)
  }
  for (const piece of pieces) {
    demuxer.write(piece)
    drain()
  }
  demuxer.end()
  drain()
  return results
}

function packetsOf(results: readonly DemuxResult[]): Packet[] {
  return results.flatMap((result) => (result.type === 'packet' ? [result.packet] : []))
}

function muxed(packets: readonly Packet[]): Uint8Array {
  const muxer = new FragmentMuxer([VIDEO, AUDIO])
  for (const packet of packets) muxer.write(packet)
  muxer.end()
  const pieces: Uint8Array[] = []
  for (let piece = muxer.read(); piece !== undefined; piece = muxer.read()) pieces.push(piece)
  return join(pieces)
}

const PACKETS = [...videoPackets(65), ...audioPackets(100)].sort((a, b) => a.dts - b.dts)
const INIT = writeInitSegment([AUDIO])

/** A fragment of one track with `runs` same `trun` and `mdat` that say what they like. */
function fragment(trun: (writer: ByteWriter) => void, data: Uint8Array, runs = 1): Uint8Array {
  const writer = new ByteWriter()
  writeBox(writer, 'moof', () => {
    writeBox(writer, 'traf', () => {
      writeFullBox(writer, 'tfhd', { version: 0, flags: 0x2_0000 }, () => writer.u32(AUDIO.id))
      for (let i = 0; i < runs; i++) writeBox(writer, 'trun', () => trun(writer))
    })
  })
  writeBox(writer, 'mdat', () => writer.bytes(data))
  return writer.toBytes()
}

describe('fragment demuxer', () => {
  const whole = muxed(PACKETS)

  it('gives the packets back in the order of decode times', () => {
    const results = demux([whole])
    assert.equal(results[0]?.type, 'tracks')
    const packets = packetsOf(results)
    assert.equal(packets.length, PACKETS.length)
    for (const track of [VIDEO, AUDIO]) {
      const read = packets.filter((packet) => packet.track.id === track.id)
      const wanted = PACKETS.filter((packet) => packet.track.id === track.id)
      assert.deepEqual(
        read.map(({ data, key }) => ({ data: data.slice(), key })),
        wanted.map(({ data, key }) => ({ data, key })),
      )
      for (const [i, packet] of read.entries()) {
        assert.ok(Math.abs(packet.dts - wanted[i]!.dts) <= 11)
        assert.ok(Math.abs(packet.pts - wanted[i]!.pts) <= 11)
      }
    }
  })

  it('gives the same byte by byte and in odd pieces', () => {
    const expected = demux([whole])
    assert.deepEqual(demux(Array.from(whole, (_, i) => whole.subarray(i, i + 1))), expected)
    assert.deepEqual(
      demux(Array.from({ length: Math.ceil(whole.length / 997) }, (_, i) => whole.subarray(997 * i, 997 * i + 997))),
      expected,
    )
  })

  it('gives a sample of a one-track fragment before the fragment is complete', () => {
    const packets = audioPackets(3)
    const bytes = writeFragment({
      sequence: 1,
      tracks: [{ track: AUDIO, baseDecodeTime: 0, samples: packets.map((packet) => ({ packet, duration: 21_333 })) }],
    })
    assert.equal(packetsOf(demux([INIT, bytes.subarray(0, bytes.byteLength - 1)])).length, 2)
  })

  it('tells tracks again only when they changed', () => {
    const other = writeInitSegment([{ ...AUDIO, language: 'fr' }])
    const kinds = demux([INIT, INIT, other, other]).map(({ type }) => type)
    assert.deepEqual(kinds, ['tracks', 'tracks'])
  })

  it('continues without tfdt and follows data without offsets', () => {
    const one = fragment(
      (writer) => writer.u32(0x300).u32(2).u32(1024).u32(3).u32(1024).u32(2),
      Uint8Array.of(1, 2, 3, 4, 5),
    )
    // Without a data offset and with the base at moof, samples would begin at moof itself.
    assert.throws(() => demux([INIT, one]), { code: 'ERR_MP4_SAMPLE_RANGE' })
    const offset = one.byteLength - 5
    const two = fragment(
      (writer) =>
        writer
          .u32(0x301)
          .u32(2)
          .u32(offset + 4)
          .u32(1024)
          .u32(3)
          .u32(1024)
          .u32(2),
      Uint8Array.of(1, 2, 3, 4, 5),
    )
    const packets = packetsOf(demux([INIT, two, two]))
    assert.deepEqual(
      packets.map(({ data }) => [...data]),
      [
        [1, 2, 3],
        [4, 5],
        [1, 2, 3],
        [4, 5],
      ],
    )
    assert.deepEqual(
      packets.map(({ dts }) => Math.round((dts * 48) / 1000)),
      [0, 1024, 2048, 3072],
    )
  })

  it('takes boxes of 64-bit size, unknown boxes and a last box up to the end', () => {
    const sized = new ByteWriter().u32(1).latin1('free').u64(20).u32(0)
    const uuid = new ByteWriter().u32(28).latin1('uuid').zeros(20)
    const last = new ByteWriter().u32(0).latin1('mdat').zeros(9)
    assert.equal(packetsOf(demux([sized.view(), uuid.view(), whole, last.view()])).length, PACKETS.length)
  })

  it('drops what was cut off', () => {
    const before = packetsOf(demux([whole])).length
    assert.ok(packetsOf(demux([whole.subarray(0, whole.byteLength - 1)])).length < before)
  })

  const refused: Record<string, [string, readonly Uint8Array[]]> = {
    'no MP4': ['ERR_MP4_NOT_MP4', [new ByteWriter().latin1('#EXTM3U\n#EXT-X-VERSION:6').toBytes()]],
    'a size below the header': ['ERR_MP4_BOX_SIZE', [INIT, new ByteWriter().u32(7).latin1('free').toBytes()]],
    'a 64-bit size below the header': [
      'ERR_MP4_BOX_SIZE',
      [INIT, new ByteWriter().u32(1).latin1('free').u64(15).toBytes()],
    ],
    'a size of 2^63': [
      'ERR_MEDIA_NUMBER_TOO_LARGE',
      [INIT, new ByteWriter().u32(1).latin1('free').u32(0x8000_0000).u32(0).toBytes()],
    ],
    'a huge moov': ['ERR_MP4_BOX_TOO_LARGE', [new ByteWriter().u32(0x7fff_ffff).latin1('moov').toBytes()]],
    'a moov without end': ['ERR_MP4_BOX_TOO_LARGE', [new ByteWriter().u32(0).latin1('moov').toBytes()]],
    'a huge moof': ['ERR_MP4_BOX_TOO_LARGE', [INIT, new ByteWriter().u32(0x7fff_ffff).latin1('moof').toBytes()]],
    'moof without moov': ['ERR_MP4_NO_MOOV', [fragment((writer) => writer.u32(0).u32(0), new Uint8Array(0))]],
    'a progressive file': ['ERR_MP4_NOT_FRAGMENTED', [progressiveFile(audioPackets(3))]],
    'a child larger than its parent': [
      'ERR_MP4_BOX_SIZE',
      [INIT, new ByteWriter().u32(16).latin1('moof').u32(9).latin1('traf').toBytes()],
    ],
    '2^32 samples without fields': [
      'ERR_MP4_TOO_MANY_SAMPLES',
      [INIT, fragment((writer) => writer.u32(0).u32(0xffff_ffff), new Uint8Array(0))],
    ],
    'more entries than bytes': [
      'ERR_MP4_ENTRY_COUNT',
      [INIT, fragment((writer) => writer.u32(0x200).u32(3).u32(1).u32(1), new Uint8Array(4))],
    ],
    'samples past mdat': [
      'ERR_MP4_SAMPLE_RANGE',
      [INIT, fragment((writer) => writer.u32(0x201).u32(1).u32(68).u32(100), new Uint8Array(8))],
    ],
    'samples that overlap': [
      'ERR_MP4_SAMPLE_RANGE',
      [INIT, fragment((writer) => writer.u32(0x201).u32(1).u32(100).u32(8), new Uint8Array(40), 2)],
    ],
    'a huge sample': [
      'ERR_MP4_SAMPLE_RANGE',
      [INIT, fragment((writer) => writer.u32(0x201).u32(1).u32(68).u32(0xffff_ffff), new Uint8Array(8))],
    ],
    'a sample before the file': [
      'ERR_MP4_SAMPLE_RANGE',
      [INIT, fragment((writer) => writer.u32(0x201).u32(1).i32(-100_000).u32(1), new Uint8Array(8))],
    ],
  }
  for (const [name, [code, pieces]] of Object.entries(refused)) {
    it(`refuses ${name}`, () => {
      assert.throws(
        () => demux(pieces),
        (error) => (error instanceof FormatError && error.code === code) || assert.fail(String(error)),
      )
    })
  }

  it('ends in a result or in our error whatever is changed', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(whole.byteLength - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        (changes) => {
          const bytes = whole.slice()
          for (const [at, value] of changes) bytes[at % 3 === 0 ? at % 1500 : at] = value
          try {
            demux([bytes])
          } catch (error) {
            assert.ok(error instanceof FormatError, String(error))
          }
        },
      ),
      { numRuns: 300 },
    )
  })
})
