/** Transport stream files as our reader has them, against what ffmpeg's tools read from the same files. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import { type ByteSource, memorySource } from '../../src/media/byte-source.ts'
import { readAdtsHeader } from '../../src/media/codecs/aac/adts.ts'
import { annexBUnits, lengthPrefixedToAnnexB } from '../../src/media/codecs/nal-units.ts'
import { openReader } from '../../src/media/open-reader.ts'
import type { Packet } from '../../src/media/packet.ts'
import { type KeyPoint, leadingTrack, type MediaReader } from '../../src/media/reader.ts'
import { microsToTicks } from '../../src/media/time.ts'
import type { Track } from '../../src/media/track.ts'
import { type MediaOptions, makeMedia } from '../support/media.ts'
import { runOrThrow } from '../support/process.ts'
import { requireTool } from '../support/tools.ts'

const TICKS = 90_000
/** ffprobe computes times of frames within a PES packet by its own rounding. */
const ROUNDING_TICKS = 2

interface Case {
  readonly name: string
  readonly media: Omit<MediaOptions, 'container'>
  /** Codecs in the order of the file; those in brackets are not carried. */
  readonly codecs: readonly string[]
}

const TWO_LANGUAGES = ['-map', '0', '-map', '1', '-map', '1', '-ar:a:1', '44100', '-filter:a:1', 'volume=0.5']
const LANGUAGES = ['-metadata:s:a:0', 'language=eng', '-metadata:s:a:1', 'language=fra']

const CASES: readonly Case[] = [
  {
    name: 'H.264 with B-frames, AAC in two languages',
    media: { seconds: 6, bFrames: 2, extra: [...LANGUAGES, ...TWO_LANGUAGES] },
    codecs: ['h264', 'aac', 'aac'],
  },
  {
    name: 'H.264 of open groups of pictures',
    media: { seconds: 6, bFrames: 3, extra: ['-x264-params', 'open-gop=1:keyint=25:min-keyint=25'] },
    codecs: ['h264', 'aac'],
  },
  {
    name: 'H.264 without any key picture but the first',
    media: { seconds: 4, extra: ['-x264-params', 'intra-refresh=1:keyint=25'] },
    codecs: ['h264', 'aac'],
  },
  {
    name: 'H.265 with AC-3',
    media: { seconds: 4, bFrames: 2, video: 'libx265', audio: 'ac3', extra: ['-x265-params', 'log-level=none'] },
    codecs: ['h265', 'ac3'],
  },
  { name: 'MP3', media: { seconds: 4, bFrames: 2, audio: 'libmp3lame' }, codecs: ['h264', 'mp3'] },
  { name: 'E-AC-3', media: { seconds: 4, audio: 'eac3' }, codecs: ['h264', 'eac3'] },
  { name: 'Opus', media: { seconds: 4, audio: 'libopus' }, codecs: ['h264', 'opus'] },
  {
    name: 'packets of 192 bytes',
    media: { seconds: 4, audio: 'ac3', bFrames: 2, extra: ['-mpegts_m2ts_mode', '1'] },
    codecs: ['h264', 'ac3'],
  },
  { name: 'sound alone', media: { seconds: 4, video: 'none' }, codecs: ['aac'] },
  {
    name: 'MPEG-2 and layer II',
    media: { seconds: 4, video: 'mpeg2video', audio: 'mp2' },
    codecs: ['(mpeg2video)', '(mp2)'],
  },
  {
    name: 'a file too large to be looked through when it is opened',
    media: { seconds: 20, bFrames: 2, width: 640, height: 360 },
    codecs: ['h264', 'aac'],
  },
]

for (const { name, media, codecs } of CASES) {
  it(`${name}: packets, key points and length are those of ffprobe`, async (t) => {
    const made = await make(t, media)
    if (made === undefined) return
    const { bytes, path, ffmpeg, ffprobe } = made
    const source = countingSource(bytes)

    const reader = await openReader(source)

    assert.equal(reader.format, 'mpegts')
    assert.deepEqual(
      [...reader.tracks.map(({ codec }) => codec), ...reader.foreign.map(({ codec }) => `(${codec})`)],
      codecs,
    )
    assert.deepEqual(reader.notes, [])
    const probed = await probe(ffprobe, path)
    assertNear(reader.duration, probed.duration, 45_000)
    const packets = await readAll(reader)
    for (const [at, track] of reader.tracks.entries()) {
      const own = packets.filter((packet) => packet.track.id === track.id)
      assertSameTimes(own, probed.packets[at] ?? [], probed.startTicks)
      assert.ok(own.every((packet) => packet.track === track))
      assert.ok(sameBytes(elementary(track, own), await elementaryByFfmpeg(ffmpeg, path, at, track)), track.codec)
    }
    await assertSeeks(reader, bytes, probed)
  })
}

it('a file of GStreamer is read as ffprobe reads it', async (t) => {
  const gstreamer = requireTool(t, 'gstreamer')
  const ffprobe = requireTool(t, 'ffprobe')
  for (const name of ['gstreamerBad', 'gstreamerUgly', 'gstreamerLibav'] as const) {
    if (requireTool(t, name) === undefined) return
  }
  if (gstreamer === undefined || ffprobe === undefined) return
  const folder = mkdtempSync(join(tmpdir(), 'headend-ts-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'gstreamer.ts')
  const pipeline = `mpegtsmux name=mux ! filesink location=${path}
    videotestsrc num-buffers=150 ! video/x-raw,width=320,height=240,framerate=25/1
      ! x264enc bframes=2 key-int-max=25 ! mux.
    audiotestsrc num-buffers=260 ! audio/x-raw,rate=44100,channels=2 ! avenc_aac ! mux.`
  await runOrThrow(gstreamer, ['-q', ...pipeline.split(/\s+/)])
  const bytes = new Uint8Array(await readFile(path))
  const probed = await probe(ffprobe, path)

  const reader = await openReader(memorySource(bytes))

  const packets = await readAll(reader)
  assert.deepEqual(reader.notes, [])
  for (const [at, { id }] of reader.tracks.entries()) {
    const own = packets.filter(({ track }) => track.id === id)
    assertSameTimes(own, probed.packets[at] ?? [], probed.startTicks)
  }
  await assertSeeks(reader, bytes, probed)
})

it('languages, sizes and rates are told', async (t) => {
  const made = await make(t, CASES[0]?.media)
  if (made === undefined) return

  const { tracks } = await openReader(memorySource(made.bytes))

  assert.deepEqual(
    tracks.map(({ id, language, video, audio }) => [id, language, video?.width, video?.frameRate, audio?.sampleRate]),
    [
      [1, undefined, 320, 25, undefined],
      [101, 'en', undefined, undefined, 48_000],
      [102, 'fr', undefined, undefined, 44_100],
    ],
  )
})

it('a file of some megabytes is opened by a few hundred kilobytes', async (t) => {
  const made = await make(t, CASES.at(-1)?.media)
  if (made === undefined) return
  const source = countingSource(made.bytes)

  await openReader(source)

  assert.ok(made.bytes.byteLength > 4_000_000, `${made.bytes.byteLength}`)
  assert.ok(source.bytesRead < 1_500_000, `${source.bytesRead} bytes read`)
})

it('recordings joined to one file play through, and the joint is marked', async (t) => {
  const made = await make(t, { seconds: 6, bFrames: 2, extra: ['-output_ts_offset', '5000'] })
  const second = await make(t, { seconds: 4, bFrames: 2, tone: 700 })
  if (made === undefined || second === undefined) return
  const one = await openReader(memorySource(made.bytes))
  const other = await openReader(memorySource(second.bytes))
  const joint = await openReader(memorySource(Buffer.concat([made.bytes, second.bytes, made.bytes])))

  const packets = await readAll(joint)

  const parts = [...(await readAll(one)), ...(await readAll(other)), ...(await readAll(one))]
  assert.equal(packets.length, parts.length)
  assertNear(joint.duration, one.duration * 2 + other.duration, 300_000)
  for (const { id } of joint.tracks) {
    const own = packets.filter(({ track }) => track.id === id)
    own.slice(1).forEach(({ dts }, at) => {
      const step = dts - (own[at]?.dts ?? 0)
      assert.ok(step >= 0 && step < 300_000, `track ${id}: a step of ${step} to ${dts}`)
    })
    assert.equal(own.filter(({ discontinuity }) => discontinuity).length, 2)
  }
  const keys = packets.filter(({ track, key }) => track.id === 1 && key)
  assert.deepEqual(
    (await joint.keyPoints()).map(({ pts }) => pts),
    keys.map(({ pts }) => pts),
  )
  assert.match(joint.notes.join(), /clock jumps/)
  // In the second part, and in the third.
  for (const from of [8_000_000, 13_000_000]) {
    const [first] = await take(joint, from, 1, [1])
    assert.deepEqual(first, keys.filter(({ pts }) => pts <= from).at(-1))
  }
})

it('a file cut anywhere plays from its first key picture on', async (t) => {
  const made = await make(t, CASES[0]?.media)
  if (made === undefined) return
  const whole = await readAll(await openReader(memorySource(made.bytes)))
  for (const cut of [100_001, 188 * 700 + 47, made.bytes.byteLength - 300_003]) {
    const rest = await openReader(memorySource(made.bytes.subarray(cut)))

    const packets = await readAll(rest)

    for (const { id } of rest.tracks) {
      const own = packets.filter(({ track }) => track.id === id)
      const same = whole.filter(({ track }) => track.id === id).slice(-own.length)
      assert.ok(own.length > 20)
      assert.deepEqual(
        own.map(({ data }) => data),
        same.map(({ data }) => data),
      )
    }
    assert.equal(packets.find(({ track }) => track.id === 1)?.key, true)
  }
})

it('garbage and missing packets cost the units that they hit, and are noted', async (t) => {
  const made = await make(t, CASES[0]?.media)
  if (made === undefined) return
  const { bytes } = made
  const whole = await readAll(await openReader(memorySource(bytes)))
  const garbage = Buffer.alloc(5000, 0x47)
  const damaged = Buffer.concat([
    bytes.subarray(0, 188 * 600),
    garbage,
    bytes.subarray(188 * 600, 188 * 1500),
    // Three packets are missing.
    bytes.subarray(188 * 1503, 188 * 2000),
    Buffer.alloc(777, 0xa5),
    bytes.subarray(188 * 2000 + 90),
  ])
  const reader = await openReader(memorySource(damaged))

  const packets = await readAll(reader)

  assert.ok(
    packets.length >= whole.length - 30 && packets.length < whole.length,
    `${packets.length} of ${whole.length}`,
  )
  const known = new Set(whole.map((packet) => identity(packet)))
  const strange = packets.filter((packet) => !known.has(identity(packet)))
  assert.deepEqual(strange.map(identity), [])
  assert.match(reader.notes.join('\n'), /no transport packets/)
  assert.match(reader.notes.join('\n'), /packets are missing/)
})

interface Made {
  readonly bytes: Uint8Array
  readonly path: string
  readonly ffmpeg: string
  readonly ffprobe: string
}

async function make(t: TestContext, media: Omit<MediaOptions, 'container'> | undefined): Promise<Made | undefined> {
  const ffmpeg = requireTool(t, 'ffmpeg')
  const ffprobe = requireTool(t, 'ffprobe')
  if (ffmpeg === undefined || ffprobe === undefined || media === undefined) return undefined
  const path = await makeMedia(ffmpeg, { container: 'ts', ...media })
  const file = await readFile(path)
  return { bytes: new Uint8Array(file.buffer, file.byteOffset, file.byteLength), path, ffmpeg, ffprobe }
}

interface ProbedPacket {
  readonly pts: number
  readonly dts: number
  readonly key: boolean
}

interface Probed {
  /** By stream. */
  readonly packets: readonly (readonly ProbedPacket[])[]
  readonly startTicks: number
  /** Microseconds from the first to the last moment. */
  readonly duration: number
}

async function probe(ffprobe: string, path: string): Promise<Probed> {
  const fields = 'packet=stream_index,pts,dts,duration,flags'
  const args = ['-v', 'error', '-show_packets', '-show_entries', fields, '-of', 'json', path]
  const { packets: all } = JSON.parse((await runOrThrow(ffprobe, args)).toString()) as {
    packets: { stream_index: number; pts: number; dts: number; duration?: number; flags: string }[]
  }
  const packets: ProbedPacket[][] = []
  for (const { stream_index: stream, pts, dts, flags } of all) {
    packets[stream] ??= []
    packets[stream].push({ pts, dts, key: flags.includes('K') })
  }
  const startTicks = Math.min(...packets.map(([first]) => first?.pts ?? Number.POSITIVE_INFINITY))
  const end = Math.max(...all.map(({ pts, duration = 0 }) => pts + duration))
  return { packets, startTicks, duration: ((end - startTicks) / TICKS) * 1e6 }
}

function assertSameTimes(own: readonly Packet[], probed: readonly ProbedPacket[], startTicks: number): void {
  assert.equal(own.length, probed.length)
  own.forEach(({ pts, dts, key }, at) => {
    const expected = probed[at] as ProbedPacket
    assertNear(microsToTicks(pts, TICKS) + startTicks, expected.pts, ROUNDING_TICKS)
    assertNear(microsToTicks(dts, TICKS) + startTicks, expected.dts, ROUNDING_TICKS)
    assert.equal(key, expected.key, `packet ${at}`)
  })
}

/** From several places, by a reader that knows its key points and by one that must search for them. */
async function assertSeeks(reader: MediaReader, bytes: Uint8Array, probed: Probed): Promise<void> {
  const lead = leadingTrack(reader.tracks)
  if (lead === undefined) return
  const fresh = await openReader(memorySource(bytes))
  const points = await reader.keyPoints()
  if (lead.kind === 'video') {
    const keys = (probed.packets[0] ?? []).filter(({ key }) => key)
    assert.equal(points.length, keys.length)
    points.forEach(({ pts }, at) => assertNear(microsToTicks(pts, TICKS) + probed.startTicks, keys[at]?.pts ?? 0, 1))
  }
  for (const share of [0.1, 0.34, 0.5, 0.77, 0.999]) {
    const from = reader.duration * share
    const point = points.filter(({ pts }) => pts <= from).at(-1)
    assert.ok(point !== undefined)
    for (const one of [fresh, reader]) await assertSeek(one, lead, from, point)
    const [byPoint] = await take(fresh, point.pts, 1, [lead.id])
    if (lead.kind === 'video') assert.equal(byPoint?.pts, point.pts)
  }
}

async function assertSeek(reader: MediaReader, lead: Track, from: number, point: KeyPoint): Promise<void> {
  const [first] = await take(reader, from, 1, [lead.id])
  assert.ok(first?.key)
  if (lead.kind === 'video') assert.deepEqual([first.pts, first.dts], [point.pts, point.dts])
  const packets = await take(reader, from, 200)
  assert.equal(packets.find(({ track }) => track.id === lead.id)?.pts, first.pts)
  for (const track of reader.tracks) {
    const start = packets.find((packet) => packet.track === track)?.dts
    if (start === undefined) continue
    // All of the sound from the key picture on, and none before.
    assert.ok(start >= first.dts && start - Math.max(0, first.dts) < 40_000, `${track.codec}: ${start}, ${first.dts}`)
  }
}

async function readAll(reader: MediaReader): Promise<Packet[]> {
  return take(reader, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)
}

async function take(reader: MediaReader, from: number, count: number, tracks?: readonly number[]): Promise<Packet[]> {
  const packets: Packet[] = []
  for await (const packet of reader.packets(from, tracks === undefined ? {} : { tracks })) {
    packets.push(packet)
    if (packets.length >= count) break
  }
  return packets
}

/** What the packets of a track are as an elementary stream, NAL units apart. */
function elementary(track: Track, packets: readonly Packet[]): Uint8Array {
  if (track.kind === 'audio') return Buffer.concat(packets.map(({ data }) => data))
  return Buffer.concat(packets.flatMap(({ data }) => annexBUnits(lengthPrefixedToAnnexB(data)).flatMap(separated)))
}

async function elementaryByFfmpeg(ffmpeg: string, path: string, stream: number, track: Track): Promise<Uint8Array> {
  const format = { h264: 'h264', h265: 'hevc', aac: 'adts', opus: 'data' }[track.codec as string] ?? track.codec
  const plain = format === 'mp3' ? ['-write_xing', '0', '-id3v2_version', '0'] : []
  const args = ['-v', 'error', '-i', path, '-map', `0:${stream}`, '-c', 'copy', ...plain, '-f', format, 'pipe:1']
  const bytes = await runOrThrow(ffmpeg, args)
  if (track.kind === 'video') return Buffer.concat(annexBUnits(bytes).flatMap(separated))
  return track.codec === 'aac' ? Buffer.concat(adtsPayloads(bytes)) : bytes
}

function separated(unit: Uint8Array): Uint8Array[] {
  return [Buffer.from([0, 0, 1]), unit]
}

function adtsPayloads(bytes: Uint8Array): Uint8Array[] {
  const payloads: Uint8Array[] = []
  for (let at = 0; at < bytes.byteLength; ) {
    const header = readAdtsHeader(bytes, at)
    assert.ok(header !== undefined)
    payloads.push(bytes.subarray(at + header.headerSize, at + header.frameSize))
    at += header.frameSize
  }
  return payloads
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

function identity({ track, data, pts, dts, key }: Packet): string {
  return `${track.id} ${pts} ${dts} ${key} ${Buffer.from(data).toString('base64')}`
}

function assertNear(actual: number, expected: number, within: number): void {
  assert.ok(Math.abs(actual - expected) <= within, `expected ${expected} ± ${within}, found ${actual}`)
}

function countingSource(bytes: Uint8Array): ByteSource & { readonly bytesRead: number } {
  let bytesRead = 0
  return {
    ...memorySource(bytes),
    get bytesRead() {
      return bytesRead
    },
    read(offset, length) {
      const view = bytes.subarray(offset, offset + length)
      bytesRead += view.byteLength
      return Promise.resolve(view)
    },
  }
}
