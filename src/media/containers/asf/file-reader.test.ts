/** ASF files read as media: on files of FFmpeg, against what FFmpeg reads of them. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FormatError } from '../../../errors.ts'
import { memorySource } from '../../byte-source.ts'
import { formatOf, openReader } from '../../open-reader.ts'
import type { Packet } from '../../packet.ts'
import type { KeyPoint, MediaReader } from '../../reader.ts'
import { AsfFileReader } from './file-reader.ts'
import { parseAsfInit } from './header.ts'
import { adler32, testFile, testFiles } from './test-files.suite.ts'

async function readAll(reader: MediaReader, from: number | KeyPoint = 0): Promise<Packet[]> {
  const packets: Packet[] = []
  for await (const packet of reader.packets(from)) packets.push(packet)
  return packets
}

describe('ASF files as media', () => {
  for (const name of testFiles) {
    it(`${name}: all of it, as FFmpeg reads it`, async () => {
      const { bytes, expected } = testFile(name)

      const reader = await openReader(memorySource(bytes))
      const read = await readAll(reader)

      assert.equal(reader.format, 'asf')
      // H.264 is stored with start codes; its units are compared elsewhere.
      const streams = parseAsfInit(bytes).streams
      for (const [index, { track }] of streams.entries()) {
        const own = read.filter((packet) => packet.track.id === track?.id)
        const wanted = expected.filter(({ stream }) => stream === index)
        assert.equal(own.length, wanted.length, `stream ${index}`)
        if (track?.codec === 'h264') continue
        assert.deepEqual(
          own.map(({ pts, data }) => [pts / 1000, data.byteLength, adler32(data)]),
          wanted.map(({ timeMs, size, checksum }) => [timeMs, size, checksum]),
        )
      }
      assert.ok(read.every(({ track }) => reader.tracks.includes(track)))
      const end = Math.max(...read.map(({ pts }) => pts))
      assert.ok(reader.duration >= end && reader.duration < end + 250_000, `${reader.duration} ${end}`)
    })
  }

  it('gives key points of the index, and of a scan, and starts there', async () => {
    const { bytes } = testFile('wmv2-wmav2.wmv')
    const reader = await AsfFileReader.open(memorySource(bytes))
    // Without what lies behind the packets.
    const { bytes: header, packetSize } = parseAsfInit(bytes)
    const count = Math.floor((bytes.byteLength - header.byteLength) / packetSize)
    const bare = await AsfFileReader.open(memorySource(bytes.subarray(0, header.byteLength + (count - 1) * packetSize)))
    const all = await readAll(reader)
    const keys = all.filter(({ track, key }) => track.kind === 'video' && key)

    const points = await bare.keyPoints()

    assert.deepEqual(
      points.map(({ pts }) => pts),
      keys.map(({ pts }) => pts),
    )
    for (const { pts } of await reader.keyPoints()) assert.ok(keys.some((key) => key.pts === pts))
    for (const point of points) {
      for (const from of [point, point.pts, point.pts + 1000]) {
        const [first] = (await readAll(bare, from)).filter(({ track }) => track.kind === 'video')
        assert.equal(first?.pts, point.pts)
      }
    }
  })

  it('gives single tracks, and sound from the place that was asked for', async () => {
    const reader = await AsfFileReader.open(memorySource(testFile('two-video-two-audio.wmv').bytes))

    const packets: Packet[] = []
    for await (const packet of reader.packets(500_000, { tracks: [102] })) packets.push(packet)

    assert.deepEqual([...new Set(packets.map(({ track }) => track.id))], [102])
    assert.ok(packets[0]!.pts >= 500_000 && packets[0]!.pts < 700_000)
  })

  it('serves readings that go on at the same time', async () => {
    const reader = await AsfFileReader.open(memorySource(testFile('wmv2-wmav2.wmv').bytes))
    const alone = await readAll(reader)

    const together = await Promise.all([readAll(reader), readAll(reader), readAll(reader)])

    for (const packets of together) assert.deepEqual(packets, alone)
  })

  it('tells that a file is protected, by whom, and reads nothing of it', async () => {
    const { bytes } = testFile('wmv2-wmav2.wmv')
    const protectedBytes = withEncryption(bytes)

    const reader = await AsfFileReader.open(memorySource(protectedBytes))

    assert.deepEqual(reader.tracks, [])
    assert.deepEqual(
      reader.foreign.map(({ kind, codec }) => [kind, codec]),
      [
        ['video', 'WMV2 (encrypted: unknown)'],
        ['audio', 'format 0x0161 (encrypted: unknown)'],
      ],
    )
    assert.match(reader.notes.join(), /protected \(unknown\)/)
    assert.equal(reader.metadata['drmScheme'], 'unknown')
    assert.deepEqual(await readAll(reader), [])
  })

  it('is told by its first bytes', () => {
    assert.equal(formatOf(testFile('mp3.asf').bytes), 'asf')
    assert.equal(formatOf(new Uint8Array(16)), undefined)
  })

  it('refuses what is cut off in its header, by name', async () => {
    const { bytes } = testFile('wmv2-wmav2.wmv')
    await assert.rejects(
      openReader(memorySource(bytes.subarray(0, 200))),
      (error) => error instanceof FormatError && error.code.startsWith('ERR_ASF_'),
    )
  })
})

/** The same file with the flag of encrypted content in the properties of all its streams. */
function withEncryption(bytes: Uint8Array): Uint8Array {
  const changed = bytes.slice()
  const properties = '9107dcb7b7a9cf118ee600c00c205365'
  const text = Buffer.from(changed).toString('hex')
  for (let at = text.indexOf(properties); at !== -1; at = text.indexOf(properties, at + 2)) {
    // GUID, size, two GUIDs, time offset, two lengths: then the flags, whose highest bit it is.
    const flags = at / 2 + 16 + 8 + 32 + 8 + 8
    changed[flags + 1] = (changed[flags + 1] as number) | 0x80
  }
  return changed
}
