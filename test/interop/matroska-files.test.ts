/** Matroska and WebM files of ffmpeg as our reader has them, against what ffprobe reads of them and what ffmpeg decodes. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import type { ByteSource } from '../../src/media/byte-source.ts'
import { FragmentMuxer } from '../../src/media/containers/isobmff/muxer.ts'
import { openReader } from '../../src/media/open-reader.ts'
import type { Packet } from '../../src/media/packet.ts'
import type { KeyPoint, MediaReader } from '../../src/media/reader.ts'
import { runOrThrow } from '../support/process.ts'
import { requireTool } from '../support/tools.ts'

const PICTURES = ['-f', 'lavfi', '-i', 'testsrc2=size=192x108:rate=30000/1001']
const TONE = ['-f', 'lavfi', '-i', 'sine=frequency=500:sample_rate=44100']
const SUBTITLES = `1
00:00:00,500 --> 00:00:01,500
<i>Hello</i> & welcome

2
00:00:02,000 --> 00:00:03,250
second
`
const SECONDS = 5
const AV = ['-map', '0:v', '-map', '1:a', '-t', String(SECONDS), '-g', '45', '-pix_fmt', 'yuv420p']
const X264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-sc_threshold', '0', '-bf', '3', '-b_strategy', '0']
const PYRAMID = ['-x264-params', 'b-pyramid=normal:bframes=5:ref=4']
const OPEN_265 = 'log-level=none:open-gop=1:keyint=44:min-keyint=44:bframes=3:b-adapt=0:scenecut=0'
const X265 = ['-c:v', 'libx265', '-preset', 'veryfast', '-x265-params', OPEN_265]
const VPX = ['-deadline', 'realtime', '-cpu-used', '8', '-threads', '2']

interface Recipe {
  readonly file: string
  readonly args: readonly string[]
  /** Our codecs in the order of the tracks; foreign ones in brackets. */
  readonly codecs: readonly string[]
  /** Written to a pipe, so that neither sizes nor index nor length are in it. */
  readonly piped?: true
  /** Pictures are shown before the key picture they follow. */
  readonly open?: true
  /** Is put into MP4 and decoded by ffmpeg. */
  readonly decoded?: true
}

const RECIPES: readonly Recipe[] = [
  {
    file: 'h264.mkv',
    args: [...AV, '-map', '2:s', ...X264, ...PYRAMID, '-c:a', 'aac', '-c:s', 'srt'],
    codecs: ['h264', 'aac', 'webvtt'],
    decoded: true,
  },
  {
    file: 'h264-piped.mkv',
    args: [...AV, ...X264, '-c:a', 'aac'],
    codecs: ['h264', 'aac'],
    piped: true,
    decoded: true,
  },
  {
    file: 'open-groups.mkv',
    args: [...AV, ...X264, '-g', '44', '-x264-params', 'open-gop=1:min-keyint=1', '-c:a', 'libmp3lame'],
    codecs: ['h264', 'mp3'],
    decoded: true,
    open: true,
  },
  { file: 'h265.mkv', args: [...AV, ...X265, '-c:a', 'flac'], codecs: ['h265', 'flac'], decoded: true, open: true },
  {
    file: 'vp9.webm',
    args: [...AV, '-c:v', 'libvpx-vp9', ...VPX, '-c:a', 'libopus'],
    codecs: ['vp9', 'opus'],
    decoded: true,
  },
  {
    file: 'live.webm',
    args: [...AV, '-c:v', 'libvpx', ...VPX, '-c:a', 'libopus', '-live', '1'],
    codecs: ['vp8', 'opus'],
    piped: true,
  },
  {
    file: 'av1.mkv',
    args: [...AV, '-c:v', 'libsvtav1', '-preset', '12', '-svtav1-params', 'lp=2', '-c:a', 'eac3'],
    codecs: ['av1', 'eac3'],
    decoded: true,
  },
  { file: 'wmv.mkv', args: [...AV, '-c:v', 'wmv2', '-c:a', 'wmav2'], codecs: ['wmv2', 'wma2'] },
  {
    file: 'foreign.mkv',
    args: [
      ...AV,
      '-map',
      '1:a',
      '-map',
      '2:s',
      '-c:v',
      'mpeg2video',
      '-r',
      '30',
      '-c:a:0',
      'ac3',
      '-c:a:1',
      'pcm_s16le',
      '-c:s',
      'ass',
    ],
    codecs: ['ac3', 'webvtt', '(mpeg2video)', '(pcm_s16le)'],
  },
  { file: 'sound.mka', args: ['-map', '1:a', '-c:a', 'libmp3lame', '-t', String(SECONDS)], codecs: ['mp3'] },
]

for (const recipe of RECIPES) {
  it(`${recipe.file}: packets, key points and length are those of ffprobe`, async (t) => {
    const made = await make(t, recipe)
    if (made === undefined) return
    const { ffprobe, path, folder, ffmpeg } = made

    const reader = await openReader(await fileSource(t, path))

    assert.equal(reader.format, 'matroska')
    const codecs = [...reader.tracks.map(({ codec }) => codec), ...reader.foreign.map(({ codec }) => `(${codec})`)]
    assert.deepEqual(codecs, recipe.codecs)
    assert.deepEqual(reader.notes, [])
    const probed = await probe(ffprobe, path)
    const packets = await readAll(reader, 0)
    const media = reader.tracks.filter(({ kind }) => kind !== 'text')
    for (const track of media) {
      const own = packets.filter((packet) => packet.track === track)
      assertSame(own, probed.streams.find(({ codec }) => codec === nameOf(track.codec))?.packets ?? [])
    }
    const last = Math.max(...packets.filter(({ track }) => track.kind !== 'text').map(({ pts }) => pts))
    assert.ok(reader.duration > last && reader.duration < last + 60_000, `${reader.duration} after ${last}`)
    if (!recipe.piped) assert.ok(Math.abs(reader.duration - probed.duration) <= 60_000)
    assertSubtitles(
      packets.filter(({ track }) => track.kind === 'text'),
      recipe,
    )
    await assertPoints(reader, packets)
    const waits = (await reader.keyPoints()).map(({ pts, dts }) => pts - dts)
    assert.equal((waits[1] ?? 0) > (waits[0] ?? 0), recipe.open ?? false)
    if (recipe.decoded) await assertDecoded(ffmpeg, path, folder, media, packets)
  })
}

it('an hour is opened by some hundred kilobytes, and a place in it found by some more', async (t) => {
  const made = await make(t, RECIPES[0] as Recipe)
  if (made === undefined) return
  const { ffmpeg, path, folder } = made
  const hour = join(folder, 'hour.mkv')
  const loop = ['-stream_loop', '799', '-i', path, '-c', 'copy', '-map', '0', hour]
  await runOrThrow(ffmpeg, ['-hide_banner', '-loglevel', 'error', '-y', ...loop])
  const source = await fileSource(t, hour)

  const reader = await openReader(source)
  const opened = source.bytesRead
  for await (const packet of reader.packets(3_000_000_000)) {
    assert.ok(Math.abs(packet.pts - 3_000_000_000) < 5_000_000)
    break
  }

  const sought = source.bytesRead
  const text = await take(reader, 0, 301, Number.POSITIVE_INFINITY)

  assert.equal(text.length, 1600)
  assert.ok(source.bytesRead - sought < source.size / 3, `${source.bytesRead - sought} bytes for all subtitles`)
  assert.ok(reader.duration > 3_900_000_000 && source.size > 60_000_000)
  assert.ok(opened < 2_000_000, `${opened} bytes to open`)
  assert.ok(sought - opened < 2_000_000, `${sought - opened} bytes to seek`)
})

interface Made {
  readonly path: string
  readonly folder: string
  readonly ffmpeg: string
  readonly ffprobe: string
}

async function make(t: TestContext, { file, args, piped }: Recipe): Promise<Made | undefined> {
  const ffmpeg = requireTool(t, 'ffmpeg')
  const ffprobe = requireTool(t, 'ffprobe')
  if (ffmpeg === undefined || ffprobe === undefined) return undefined
  const folder = mkdtempSync(join(tmpdir(), 'headend-matroska-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const subtitles = join(folder, 'subtitles.srt')
  writeFileSync(subtitles, SUBTITLES)
  const path = join(folder, file)
  const inputs = ['-hide_banner', '-loglevel', 'error', '-nostdin', '-y', ...PICTURES, ...TONE, '-i', subtitles]
  const output = piped ? ['-f', file.endsWith('.webm') ? 'webm' : 'matroska', 'pipe:1'] : [path]
  const bytes = await runOrThrow(ffmpeg, [...inputs, ...args, ...output], { timeout: 60_000 })
  if (piped) writeFileSync(path, bytes)
  return { path, folder, ffmpeg, ffprobe }
}

interface CountingSource extends ByteSource {
  bytesRead: number
}

async function fileSource(t: TestContext, path: string): Promise<CountingSource> {
  const handle: FileHandle = await open(path)
  t.after(() => handle.close())
  const { size } = await handle.stat()
  const source: CountingSource = {
    size,
    bytesRead: 0,
    async read(offset, length) {
      const bytes = new Uint8Array(Math.max(0, Math.min(length, size - offset)))
      await handle.read(bytes, 0, bytes.byteLength, offset)
      source.bytesRead += bytes.byteLength
      return bytes
    },
  }
  return source
}

interface ProbedPacket {
  /** Microseconds. */
  readonly pts: number
  readonly size: number
  readonly key: boolean
  readonly md5: string
}

interface Probed {
  readonly streams: readonly { readonly codec: string; readonly packets: ProbedPacket[] }[]
  /** Microseconds. */
  readonly duration: number
}

async function probe(ffprobe: string, path: string): Promise<Probed> {
  const args = [
    '-v',
    'error',
    '-show_packets',
    '-show_streams',
    '-show_format',
    '-show_data_hash',
    'md5',
    '-of',
    'json',
  ]
  const { packets, streams, format } = JSON.parse((await runOrThrow(ffprobe, [...args, path])).toString()) as {
    packets: { stream_index: number; pts_time: string; size: string; flags: string; data_hash: string }[]
    streams: { codec_name: string }[]
    format: { duration?: string }
  }
  const found = streams.map(({ codec_name: codec }) => ({ codec, packets: [] as ProbedPacket[] }))
  for (const { stream_index: stream, pts_time: time, size, flags, data_hash: hash } of packets) {
    found[stream]?.packets.push({
      pts: Math.round(Number(time) * 1e6),
      size: Number(size),
      key: flags.includes('K'),
      md5: hash.replace(/^MD5:/i, ''),
    })
  }
  return { streams: found, duration: Number(format.duration ?? 0) * 1e6 }
}

function nameOf(codec: string): string {
  return { h265: 'hevc', wma2: 'wmav2' }[codec] ?? codec
}

/** The container has milliseconds; ours are exact again. */
function assertSame(own: readonly Packet[], probed: readonly ProbedPacket[]): void {
  assert.equal(own.length, probed.length)
  own.forEach(({ pts, data, key }, at) => {
    const expected = probed[at] as ProbedPacket
    assert.ok(Math.abs(pts - expected.pts) <= 1000, `packet ${at}: ${pts}, ${expected.pts}`)
    const md5 = createHash('md5').update(data).digest('hex')
    assert.deepEqual({ size: data.byteLength, key, md5 }, { size: expected.size, key: expected.key, md5: expected.md5 })
  })
  own.slice(1).forEach(({ dts }, at) => assert.ok(dts >= (own[at]?.dts ?? 0), `packet ${at + 1}`))
  assert.ok(own.every(({ dts, pts }) => dts <= pts))
}

function assertSubtitles(packets: readonly Packet[], { codecs }: Recipe): void {
  assert.deepEqual(
    packets.map(({ duration, data }) => [duration, new TextDecoder().decode(data)]),
    codecs.includes('webvtt')
      ? [
          [1_000_000, '<i>Hello</i> &amp; welcome'],
          [1_250_000, 'second'],
        ]
      : [],
  )
}

/** Every key point is that of a key packet, and reading from it gives the same packets as reading from the beginning. */
async function assertPoints(reader: MediaReader, packets: readonly Packet[]): Promise<void> {
  const points = await reader.keyPoints()
  const [lead] = reader.tracks
  const own = packets.filter(({ track }) => track === lead)
  if (lead?.kind === 'video') {
    const keys = own.filter(({ key }) => key)
    assert.deepEqual(
      points.map(({ pts, dts }) => [pts, dts]),
      keys.map(({ pts, dts }) => [pts, dts]),
    )
  }
  assert.ok(points.length > 2)
  for (const point of points) {
    const expected = own.filter(({ pts }) => pts >= point.pts).slice(0, 1)
    const at = own.indexOf(expected[0] as Packet)
    assert.deepEqual(await take(reader, point, lead?.id, 60), own.slice(at, at + 60))
    assert.deepEqual(
      await take(reader, point.pts + 1, lead?.id, 1),
      own
        .slice(at, at + 1)
        .concat()
        .slice(0, 1),
    )
  }
}

async function take(
  reader: MediaReader,
  from: number | KeyPoint,
  track: number | undefined,
  count: number,
): Promise<Packet[]> {
  const packets: Packet[] = []
  for await (const packet of reader.packets(from, { tracks: track === undefined ? [] : [track] })) {
    packets.push(packet)
    if (packets.length === count) break
  }
  return packets
}

async function readAll(reader: MediaReader, from: number): Promise<Packet[]> {
  const packets: Packet[] = []
  for await (const packet of reader.packets(from)) packets.push(packet)
  return packets
}

/** ffmpeg decodes the same pictures and the same sound from what we make of the packets. */
async function assertDecoded(
  ffmpeg: string,
  path: string,
  folder: string,
  tracks: MediaReader['tracks'],
  packets: readonly Packet[],
): Promise<void> {
  const muxer = new FragmentMuxer(tracks)
  const pieces: Uint8Array[] = []
  for (const packet of packets) {
    muxer.write(packet)
    for (let piece = muxer.read(); piece !== undefined; piece = muxer.read()) pieces.push(piece)
  }
  muxer.end()
  for (let piece = muxer.read(); piece !== undefined; piece = muxer.read()) pieces.push(piece)
  const copy = join(folder, 'copy.mp4')
  writeFileSync(copy, Buffer.concat(pieces))

  const [ours, original] = await Promise.all([copy, path].map((file) => pictures(ffmpeg, file)))

  assert.ok((original?.length ?? 0) > 100)
  assert.deepEqual(ours, original)
}

async function pictures(ffmpeg: string, path: string): Promise<string[]> {
  const args = ['-v', 'error', '-i', path, '-map', '0:v', '-fps_mode', 'passthrough', '-f', 'framemd5', 'pipe:1']
  const listing = (await runOrThrow(ffmpeg, args)).toString()
  return listing.split('\n').flatMap((line) => (/^\d/.test(line) ? [line.split(',').at(-1)?.trim() ?? ''] : []))
}
