/** MP3 and AAC files as our readers have them, against what ffprobe reads from the same files. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import { memorySource } from '../../src/media/byte-source.ts'
import { openReader } from '../../src/media/open-reader.ts'
import type { Packet } from '../../src/media/packet.ts'
import type { KeyPoint, MediaReader } from '../../src/media/reader.ts'
import { runOrThrow } from '../support/process.ts'
import { requireTool } from '../support/tools.ts'

interface Case {
  readonly file: string
  readonly args: readonly string[]
  readonly sampleRate?: number
}

const MP3 = ['-c:a', 'libmp3lame']
const TAGS = ['-metadata', 'title=Zwölf ½ — 十二', '-metadata', 'artist=Ο Καλλιτέχνης']

const CASES: readonly Case[] = [
  { file: 'constant.mp3', args: [...MP3, '-b:a', '128k'] },
  { file: 'variable.mp3', args: [...MP3, '-q:a', '3'] },
  { file: 'bare.mp3', args: [...MP3, '-b:a', '320k', '-write_xing', '0', '-id3v2_version', '0'] },
  { file: 'bare-variable.mp3', args: [...MP3, '-q:a', '3', '-write_xing', '0'] },
  { file: 'low.mp3', args: [...MP3, '-b:a', '32k', '-ar', '22050', '-ac', '1'], sampleRate: 22_050 },
  { file: 'old-tag.mp3', args: [...MP3, ...TAGS, '-id3v2_version', '3', '-write_id3v1', '1'] },
  { file: 'new-tag.mp3', args: [...MP3, ...TAGS, '-id3v2_version', '4', '-write_apetag', '1'] },
  { file: 'plain.aac', args: ['-c:a', 'aac'] },
  { file: 'tagged.aac', args: ['-c:a', 'aac', ...TAGS, '-write_id3v2', '1'] },
]

for (const { file, args, sampleRate = 44_100 } of CASES) {
  it(`${file}: packets, times and length are those of ffprobe`, async (t) => {
    const folder = temporaryFolder(t)
    const ffmpeg = requireTool(t, 'ffmpeg')
    const ffprobe = requireTool(t, 'ffprobe')
    if (ffmpeg === undefined || ffprobe === undefined) return
    const path = join(folder, file)
    const noise = 'anoisesrc=duration=12:color=pink:sample_rate=44100:seed=3'
    await runOrThrow(ffmpeg, ['-loglevel', 'error', '-nostdin', '-f', 'lavfi', '-i', noise, '-ac', '2', ...args, path])
    const probed = await probe(ffprobe, path)

    const reader = await openReader(memorySource(new Uint8Array(await readFile(path))))

    const packets = await read(reader)
    const headerSize = reader.format === 'aac' ? 7 : 0
    assert.deepEqual(
      packets.map(({ data }) => data.byteLength + headerSize),
      probed.map(({ size }) => Number(size)),
    )
    if (headerSize === 0)
      assert.deepEqual(
        packets.map(hashOf),
        probed.map(({ data_hash: hash }) => hash.slice('SHA256:'.length)),
      )
    // ffprobe counts from the first packet, we from the first sample that is to be heard.
    const delay = packets[0]?.pts ?? 0
    packets.forEach(({ pts }, at) => assertNear(pts - delay, Number(probed[at]?.pts_time) * 1e6, 2))
    assert.deepEqual(reader.notes, [])
    assert.equal(reader.tracks[0]?.audio?.sampleRate, sampleRate)
    // What comes out of a decoder, without delay and padding.
    const samples = await countSamples(ffmpeg, path)
    assertNear(reader.duration, (samples * 1e6) / sampleRate, reader.format === 'aac' ? 1 : 60_000)
    await assertSeeks(reader, packets)
    if (args.includes(TAGS[1] ?? '')) {
      assert.deepEqual([reader.metadata['title'], reader.metadata['artist']], ['Zwölf ½ — 十二', 'Ο Καλλιτέχνης'])
    }
  })
}

it('the cover of an MP3 file is where the reader says', async (t) => {
  const folder = temporaryFolder(t)
  const ffmpeg = requireTool(t, 'ffmpeg')
  if (ffmpeg === undefined) return
  const cover = join(folder, 'cover.jpg')
  const path = join(folder, 'covered.mp3')
  const inputs = ['-f', 'lavfi', '-i', 'sine=duration=2', '-i', cover]
  const base = ['-loglevel', 'error', '-nostdin']
  await runOrThrow(ffmpeg, [...base, '-f', 'lavfi', '-i', 'testsrc2=size=300x300:rate=1', '-frames:v', '1', cover])
  await runOrThrow(ffmpeg, [
    ...base,
    ...inputs,
    '-map',
    '0',
    '-map',
    '1',
    '-c:v',
    'copy',
    ...MP3,
    '-disposition:v',
    'attached_pic',
    path,
  ])
  const bytes = new Uint8Array(await readFile(path))

  const { picture } = await openReader(memorySource(bytes))

  assert.ok(picture !== undefined)
  assert.equal(picture.mediaType, 'image/jpeg')
  assert.deepEqual(Buffer.from(bytes.subarray(picture.offset, picture.offset + picture.size)), await readFile(cover))
})

interface ProbedPacket {
  readonly size: string
  readonly pts_time: string
  readonly data_hash: string
}

async function probe(ffprobe: string, path: string): Promise<ProbedPacket[]> {
  const args = ['-v', 'error', '-show_packets', '-show_data_hash', 'sha256', '-of', 'json', path]
  return (JSON.parse((await runOrThrow(ffprobe, args)).toString()) as { packets: ProbedPacket[] }).packets
}

async function countSamples(ffmpeg: string, path: string): Promise<number> {
  const args = ['-loglevel', 'error', '-nostdin', '-i', path, '-ac', '1', '-f', 's16le', 'pipe:1']
  return (await runOrThrow(ffmpeg, args)).byteLength / 2
}

async function assertSeeks(reader: MediaReader, all: readonly Packet[]): Promise<void> {
  const points = await reader.keyPoints()
  assert.ok(points.length >= 11 && points.length <= 13, `${points.length}`)
  for (const point of [points[0], points[5], points.at(-1)]) {
    assert.deepEqual(await read(reader, point), all.slice(all.findIndex(({ pts }) => pts === point?.pts)))
  }
  const [first] = await read(reader, 6_300_000)
  assert.equal(first?.pts, points.filter(({ pts }) => pts <= 6_300_000).at(-1)?.pts)
}

async function read(reader: MediaReader, from: number | KeyPoint = Number.NEGATIVE_INFINITY): Promise<Packet[]> {
  const packets: Packet[] = []
  for await (const packet of reader.packets(from)) packets.push(packet)
  return packets
}

function hashOf({ data }: Packet): string {
  return createHash('sha256').update(data).digest('hex')
}

function assertNear(actual: number, expected: number, within: number): void {
  assert.ok(Math.abs(actual - expected) <= within, `expected ${expected} ± ${within}, found ${actual}`)
}

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'headend-sound-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}
