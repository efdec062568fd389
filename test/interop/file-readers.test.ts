/** Files of ffmpeg as our readers have them, against what ffprobe reads: times, key flags, sizes and bytes of every packet. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { openReader } from '../../src/media/open-reader.ts'
import type { Packet } from '../../src/media/packet.ts'
import type { KeyPoint, MediaReader } from '../../src/media/reader.ts'
import { runOrThrow } from '../support/process.ts'
import { requireTool } from '../support/tools.ts'

/** What ffmpeg is asked to make: arguments between the inputs and the file. */
interface Recipe {
  readonly file: string
  readonly args: readonly string[]
  /** Before the inputs. */
  readonly input?: readonly string[]
  /** Microseconds between our times and ffmpeg's, which moves the first whole picture of an edit to its beginning. */
  readonly apart?: number
  /** Made from this one, by copying. */
  readonly from?: Recipe
}

const PICTURES = ['-f', 'lavfi', '-i', 'testsrc2=size=160x90:rate=25']
const TONE = ['-f', 'lavfi', '-i', 'sine=frequency=500:sample_rate=48000']
const OTHER_TONE = ['-f', 'lavfi', '-i', 'sine=frequency=900:sample_rate=44100']
const INPUTS = [...PICTURES, ...TONE, ...OTHER_TONE]
const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-sc_threshold', '0', '-g', '25', '-pix_fmt', 'yuv420p']
const B_FRAMES = [...H264, '-bf', '3', '-b_strategy', '0']
const AV = ['-map', '0:v', '-map', '1:a', '-c:a', 'aac', '-t', '5']

const PLAIN: Recipe = { file: 'plain.mp4', args: [...B_FRAMES, ...AV] }
const RECIPES: readonly Recipe[] = [
  PLAIN,
  { file: 'faststart.mp4', args: [...B_FRAMES, ...AV, '-movflags', '+faststart'] },
  { file: 'no-edits.mp4', args: [...B_FRAMES, ...AV, '-use_editlist', '0'] },
  { file: 'negative-offsets.mp4', args: [...B_FRAMES, ...AV, '-movflags', '+negative_cts_offsets'] },
  { file: 'cut.mp4', from: PLAIN, input: ['-ss', '1.5'], args: ['-c', 'copy'], apart: 20_600 },
  { file: 'delayed.mp4', from: PLAIN, args: ['-map', '0:v', '-map', '1:a', '-c', 'copy'], input: [] },
  { file: 'quicktime.mov', args: [...B_FRAMES, ...AV] },
  { file: 'fragments.mp4', args: [...B_FRAMES, ...AV, '-movflags', '+frag_keyframe+empty_moov'] },
  { file: 'fragments-behind-tables.mp4', args: [...B_FRAMES, ...AV, '-movflags', '+frag_keyframe'] },
  {
    file: 'fragments-with-sidx.mp4',
    args: [...B_FRAMES, ...AV, '-movflags', '+frag_keyframe+empty_moov+dash+global_sidx'],
  },
  {
    file: 'fragments-of-their-own.mp4',
    args: [...B_FRAMES, ...AV, '-movflags', '+frag_keyframe+empty_moov+separate_moof'],
  },
  {
    file: 'h265.mp4',
    args: ['-c:v', 'libx265', '-preset', 'ultrafast', '-g', '25', '-x265-params', 'log-level=none', ...AV],
  },
  { file: 'opus.mp4', args: ['-map', '1:a', '-c:a', 'libopus', '-strict', '-2', '-t', '3'] },
  {
    file: 'languages.mp4',
    args: [
      ...H264,
      '-map',
      '0:v',
      '-map',
      '1:a',
      '-map',
      '2:a',
      '-c:a',
      'aac',
      '-t',
      '3',
      '-metadata:s:a:0',
      'language=deu',
      '-metadata:s:a:1',
      'language=fra',
      '-metadata',
      'title=Two tongues',
    ],
  },
  { file: 'plain.flv', args: [...B_FRAMES, ...AV] },
  { file: 'indexed.flv', args: [...B_FRAMES, ...AV, '-flvflags', 'add_keyframe_index'] },
  {
    file: 'windows-media.wmv',
    args: ['-c:v', 'wmv2', '-g', '25', '-map', '0:v', '-map', '1:a', '-c:a', 'wmav2', '-t', '5'],
  },
]

async function make(t: TestContext, recipe: Recipe): Promise<{ path: string; folder: string } | undefined> {
  const ffmpeg = requireTool(t, 'ffmpeg')
  if (ffmpeg === undefined) return undefined
  const folder = mkdtempSync(join(tmpdir(), 'headend-readers-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, recipe.file)
  let inputs = INPUTS
  if (recipe.from !== undefined) {
    const source = join(folder, recipe.from.file)
    await runOrThrow(ffmpeg, ['-loglevel', 'error', '-nostdin', ...INPUTS, ...recipe.from.args, source])
    inputs = recipe.file === 'delayed.mp4' ? ['-i', source, '-itsoffset', '0.7', '-i', source] : ['-i', source]
  }
  await runOrThrow(ffmpeg, ['-loglevel', 'error', '-nostdin', ...(recipe.input ?? []), ...inputs, ...recipe.args, path])
  return { path, folder }
}

interface ProbedPacket {
  readonly stream_index: number
  readonly pts_time?: string
  readonly dts_time?: string
  readonly size: string
  readonly flags: string
  readonly data_hash: string
}

async function probe(ffprobe: string, path: string): Promise<ProbedPacket[]> {
  const args = ['-v', 'error', '-show_packets', '-show_data_hash', 'sha256', '-of', 'json', path]
  return (JSON.parse((await runOrThrow(ffprobe, args)).toString()) as { packets: ProbedPacket[] }).packets
}

async function readAll(reader: MediaReader, from: number | KeyPoint = Number.NEGATIVE_INFINITY): Promise<Packet[]> {
  const packets: Packet[] = []
  for await (const packet of reader.packets(from)) packets.push(packet)
  return packets
}

async function openPath(
  t: TestContext,
  path: string,
): Promise<{ reader: MediaReader; read(offset: number, size: number): Promise<Uint8Array> }> {
  const file = await open(path)
  t.after(() => file.close())
  const { size } = await file.stat()
  const read = async (offset: number, length: number) => {
    const wanted = Math.max(0, Math.min(length, size - offset))
    return (await file.read(new Uint8Array(wanted), 0, wanted, offset)).buffer
  }
  return { reader: await openReader({ size, read }), read }
}

const hash = (data: Uint8Array) => `SHA256:${createHash('sha256').update(data).digest('hex')}`
const micros = (seconds: string | undefined) => (seconds === undefined ? undefined : Math.round(Number(seconds) * 1e6))

describe('files that ffmpeg made', () => {
  for (const recipe of RECIPES) {
    it(`${recipe.file}: every packet as ffprobe has it`, async (t) => {
      const made = await make(t, recipe)
      const ffprobe = requireTool(t, 'ffprobe')
      if (made === undefined || ffprobe === undefined) return
      const probed = await probe(ffprobe, made.path)
      const { reader, read } = await openPath(t, made.path)

      const packets = await readAll(reader)

      assert.deepEqual(reader.notes, [])
      for (const [index, track] of reader.tracks.entries()) {
        const own = packets.filter((packet) => packet.track === track)
        const wanted = probed.filter(({ stream_index }) => stream_index === index)
        assert.deepEqual(
          own.map(({ data, key }) => [data.byteLength, hash(data), key]),
          wanted.map(({ size, data_hash, flags }) => [Number(size), data_hash, flags.startsWith('K')]),
        )
        for (const [i, { pts, dts }] of own.entries()) {
          const expected = wanted[i]!
          const near = (time: number, told: string | undefined) => {
            const value = micros(told)
            assert.ok(
              value === undefined || Math.abs(time - value) <= (recipe.apart ?? 600),
              `${track.codec} ${i}: ${time} ${told}`,
            )
          }
          near(pts, expected.pts_time)
          near(dts, expected.dts_time)
        }
      }
      await checkKeyPoints(reader, packets)
      await checkSamples(reader, packets, read)
    })
  }
})

const SUBTITLES = `1
00:00:00,500 --> 00:00:01,500
A <b>bold</b> word & more

2
00:00:02,000 --> 00:00:03,000
Zwei
Zeilen
`

const CHAPTERS = `;FFMETADATA1
title=Käse \\; Brot
artist=The Headends
[CHAPTER]
TIMEBASE=1/1000
START=0
END=1000
title=One
[CHAPTER]
TIMEBASE=1/1000
START=1000
END=3000
title=Two
`

describe('what else ffmpeg puts into MP4 and MOV', () => {
  for (const file of ['subtitles.mp4', 'subtitles.mov', 'subtitles-in-fragments.mp4']) {
    it(`${file}: cues as WebVTT; chapters are no subtitles; title and artist`, async (t) => {
      const ffmpeg = requireTool(t, 'ffmpeg')
      if (ffmpeg === undefined) return
      const folder = mkdtempSync(join(tmpdir(), 'headend-readers-'))
      t.after(() => rmSync(folder, { recursive: true }))
      writeFileSync(join(folder, 'text.srt'), SUBTITLES)
      writeFileSync(join(folder, 'chapters.txt'), CHAPTERS)
      const path = join(folder, file)
      const texts = ['-i', join(folder, 'text.srt'), '-i', join(folder, 'chapters.txt')]
      const maps = ['-map', '0:v', '-map', '1:a', '-map', '3:s', '-map_metadata', '4', '-map_chapters', '4']
      const flags = file.includes('fragments') ? ['-movflags', '+frag_keyframe+empty_moov'] : []
      const args = [
        ...H264,
        ...maps,
        '-c:a',
        'aac',
        '-c:s',
        'mov_text',
        '-metadata:s:s:0',
        'language=ger',
        '-t',
        '3',
        ...flags,
      ]
      await runOrThrow(ffmpeg, ['-loglevel', 'error', '-nostdin', ...INPUTS, ...texts, ...args, path])
      const { reader } = await openPath(t, path)

      const cues = (await readAll(reader)).filter(({ track }) => track.kind === 'text')

      assert.deepEqual(
        reader.tracks.map(({ id, codec, language }) => [id, codec, language]),
        [
          [1, 'h264', undefined],
          [101, 'aac', undefined],
          [301, 'webvtt', 'de'],
        ],
      )
      assert.deepEqual(
        cues.map(({ data }) => Buffer.from(data).toString()),
        ['A <b>bold</b> word &amp; more', 'Zwei\nZeilen'],
      )
      // Into fragments ffmpeg writes no ends of cues, and moves all tracks by the delay of the sound.
      const isExact = !file.includes('fragments')
      for (const [i, [pts, duration]] of [
        [500_000, 1_000_000],
        [2_000_000, 1_000_000],
      ].entries()) {
        assert.ok(Math.abs((cues[i]?.pts ?? 0) - (pts as number)) <= (isExact ? 0 : 30_000))
        if (isExact) assert.equal(cues[i]?.duration, duration)
      }
      assert.equal(reader.metadata['title'], 'Käse ; Brot')
      assert.equal(reader.metadata['artist'], 'The Headends')
      assert.deepEqual(reader.foreign, [])
      const shown: Packet[] = []
      for await (const packet of reader.packets(2_500_000, { tracks: [301] })) shown.push(packet)
      assert.deepEqual(
        shown.map(({ pts }) => pts),
        [cues[1]?.pts],
      )
    })
  }

  for (const [file, args, foreign, codecs] of [
    ['old.mp4', ['-c:v', 'mpeg4', '-c:a', 'aac'], ['video mpeg4'], ['aac']],
    ['disc.mp4', ['-c:v', 'mpeg2video', '-c:a', 'dca', '-strict', '-2'], ['video mpeg2video', 'audio dts'], []],
    ['studio.mov', ['-c:v', 'prores', '-c:a', 'pcm_s16le'], ['video prores', 'audio pcm_s16le'], []],
    ['apple.mp4', [...H264, '-c:a', 'alac'], ['audio alac'], ['h264']],
    ['surround.mp4', [...H264, '-c:a', 'ac3'], [], ['h264', 'ac3']],
  ] as const) {
    it(`${file}: what is not read is told of by name`, async (t) => {
      const made = await make(t, { file, args: ['-map', '0:v', '-map', '1:a', ...args, '-t', '1'] })
      if (made === undefined) return

      const { reader } = await openPath(t, made.path)

      assert.deepEqual(
        reader.foreign.map(({ kind, codec }) => `${kind} ${codec}`),
        foreign,
      )
      assert.deepEqual(
        reader.tracks.map(({ codec }) => codec),
        codecs,
      )
      const packets = await readAll(reader)
      assert.equal(packets.length > 0, codecs.length > 0)
    })
  }

  it('tells who protects a file, and reads nothing of it', async (t) => {
    const keys = [
      '-encryption_key',
      '76a6c65c5ea762046bd749a2e632ccbb',
      '-encryption_kid',
      'a7e61c373e219033c21091fa607bf3b8',
    ]
    const args = [
      '-map',
      '0:v',
      '-map',
      '1:a',
      ...H264,
      '-c:a',
      'aac',
      '-t',
      '1',
      '-encryption_scheme',
      'cenc-aes-ctr',
      ...keys,
    ]
    const made = await make(t, { file: 'protected.mp4', args })
    if (made === undefined) return

    const { reader } = await openPath(t, made.path)

    assert.deepEqual(reader.tracks, [])
    assert.deepEqual(
      reader.foreign.map(({ codec }) => codec),
      ['h264 (encrypted, cenc)', 'aac (encrypted, cenc)'],
    )
    assert.equal(reader.metadata['drmScheme'], 'cenc')
    assert.equal(reader.metadata['drmKeyId'], 'a7e61c37-3e21-9033-c210-91fa607bf3b8')
    assert.deepEqual(await readAll(reader), [])
  })
})

/** All of them are key packets of the leading track, and readings start there. */
async function checkKeyPoints(reader: MediaReader, packets: readonly Packet[]): Promise<void> {
  const points = await reader.keyPoints()
  const lead = reader.tracks.find(({ kind }) => kind === 'video') ?? reader.tracks[0]!
  const keys = packets.filter(({ track, key }) => track === lead && key)
  if (lead.kind === 'video') {
    assert.deepEqual(
      points.map(({ pts }) => pts),
      keys.map(({ pts }) => pts),
    )
  }
  for (const point of [points[0]!, points[1]!, points.at(-1)!]) {
    const first = (await readAll(reader, point)).find(({ track }) => track === lead)
    assert.equal(first?.pts, point.pts)
    const again = (await readAll(reader, point.pts + 1000)).find(({ track }) => track === lead)
    assert.equal(again?.pts, point.pts)
  }
}

/** Places hold the bytes of the packets. */
async function checkSamples(
  reader: MediaReader,
  packets: readonly Packet[],
  read: (offset: number, size: number) => Promise<Uint8Array>,
): Promise<void> {
  for (const track of reader.tracks) {
    const wanted = packets.filter(
      (packet) => packet.track === track && packet.dts >= 1_000_000 && packet.dts < 2_000_000,
    )
    const places = await reader.samples?.(track.id, 1_000_000, 2_000_000)
    if (places === undefined) return
    assert.deepEqual(
      places.map(({ dts, pts, key, size }) => ({ dts, pts, key, size })),
      wanted.map(({ dts, pts, key, data }) => ({ dts, pts, key, size: data.byteLength })),
    )
    for (const [i, { offset, size }] of places.entries())
      assert.equal(hash(await read(offset, size)), hash(wanted[i]!.data))
  }
}
