/** Files that browsers cannot play, encoded while they are watched: the right picture at each seek, and nothing lost between encoders. */
import assert from 'node:assert/strict'
import { copyFileSync, readdirSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import { segmentsOf } from '../../src/packaging/on-demand/presentation.ts'
import { type MediaOptions, makeMedia } from '../support/media.ts'
import { requireTool } from '../support/tools.ts'
import { waitUntil } from './peers.ts'
import {
  countersOf,
  encodersOf,
  openTranscoding,
  renditionOf,
  samplesOf,
  segmentBytes,
  toneLevels,
  wholeFile,
} from './transcoding.ts'

const SECONDS = 16
/** Long enough for four encoders that are far from each other. */
const LONG_SECONDS = 40
const TONE = 1000
/** Files begin with what their muxers put before the first picture or sound, seconds. */
const LEAD = 0.2

interface Case {
  readonly name: string
  readonly media: Omit<MediaOptions, 'seconds'>
  /** Frames a second that come out. */
  readonly rate: number
}

const WMV: Omit<MediaOptions, 'seconds'> = {
  container: 'wmv',
  video: 'wmv2',
  audio: 'wmav2',
  // Key pictures as far apart as encoders of the time put them.
  gop: 125,
  extra: ['-b:v', '800k', '-ar', '44100'],
}

const CASES: readonly Case[] = [
  { name: 'WMV 8 and WMA 9', media: WMV, rate: 25 },
  {
    name: 'MS MPEG-4 version 3 and WMA 7 at 30 frames',
    media: { ...WMV, video: 'msmpeg4', audio: 'wmav1', rate: 30 },
    rate: 30,
  },
  {
    name: 'MPEG-2 and MP2 in a transport stream',
    media: { container: 'ts', video: 'mpeg2video', audio: 'mp2', gop: 15, bFrames: 2, extra: ['-b:v', '3M'] },
    rate: 25,
  },
  {
    name: 'MPEG-4 part 2 and AC-3 in Matroska at 29.97 frames',
    media: { container: 'mkv', video: 'mpeg4', audio: 'ac3', rate: 30_000 / 1001, gop: 60, extra: ['-b:v', '1M'] },
    rate: 29.97,
  },
]

it('files are encoded while they are watched', { concurrency: 2 }, async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  if (ffmpeg === undefined) return
  // Made once, before several ask for it at the same time.
  await makeMedia(ffmpeg, { ...WMV, seconds: SECONDS })
  await Promise.all([
    ...CASES.map((one) => t.test(one.name, (t) => playsEverywhere(t, ffmpeg, one))),
    t.test('H.264 with AC-3 keeps its picture, bit for bit', (t) => keepsPicture(t, ffmpeg)),
    t.test('sound alone', (t) => soundAlone(t, ffmpeg)),
    t.test('eight viewers share one encoder, which ends with them', (t) => viewersShare(t, ffmpeg)),
    t.test('an encoder that is killed is started again where it was', (t) => survivesKill(t, ffmpeg)),
    t.test('the cache keeps its quota and outlives the server', (t) => keepsQuota(t, ffmpeg)),
    t.test('a file that is cut off plays as far as it goes', (t) => cutOff(t, ffmpeg)),
  ])
})

async function playsEverywhere(t: TestContext, ffmpeg: string, { media, rate }: Case): Promise<void> {
  const transcoding = await openTranscoding(t)
  const { container } = media
  const source = await makeMedia(ffmpeg, { ...media, seconds: LONG_SECONDS })
  copyFileSync(source, join(transcoding.media, `film.${container}`))
  const presentation = await transcoding.open(`film.${container}`)
  const video = renditionOf(presentation, 'video')
  const audio = renditionOf(presentation, 'audio')

  // Seeks far from each other, each answered by an encoder of its own; they meet where the next one began.
  await Promise.all([11, 8, 4].map((index) => segmentBytes(presentation, video, index)))
  const picture = await wholeFile(presentation, video)
  const sound = await wholeFile(presentation, audio)
  presentation.close()

  assert.deepEqual(transcoding.begins().slice(0, 4), [0, 11, 8, 4])
  assert.equal(Number(video.frameRate?.toFixed(2)), rate)
  const counters = await countersOf(ffmpeg, picture)
  assertCounts(counters, LONG_SECONDS * rate)
  const samples = await samplesOf(ffmpeg, sound)
  assert.ok(Math.abs(samples.length / 48_000 - presentation.duration / 1e6) < 0.05, `${samples.length} samples`)
  assertTone(samples, LONG_SECONDS)
}

async function keepsPicture(t: TestContext, ffmpeg: string): Promise<void> {
  const transcoding = await openTranscoding(t)
  const source = await makeMedia(ffmpeg, { container: 'mp4', seconds: SECONDS, audio: 'ac3', bFrames: 2 })
  copyFileSync(source, join(transcoding.media, 'film.mp4'))
  const presentation = await transcoding.open('film.mp4')
  const video = renditionOf(presentation, 'video')
  const audio = renditionOf(presentation, 'audio')

  const counters = await countersOf(ffmpeg, await wholeFile(presentation, video))
  const samples = await samplesOf(ffmpeg, await wholeFile(presentation, audio))
  presentation.close()

  assert.equal(video.track.config?.[0], 1)
  assert.equal(audio.track.codec, 'aac')
  assert.deepEqual(
    counters,
    Array.from({ length: SECONDS * 25 }, (_, index) => index),
  )
  assertTone(samples, SECONDS)
}

async function soundAlone(t: TestContext, ffmpeg: string): Promise<void> {
  const transcoding = await openTranscoding(t)
  const source = await makeMedia(ffmpeg, { container: 'wma', seconds: SECONDS, video: 'none', audio: 'wmav2' })
  copyFileSync(source, join(transcoding.media, 'Lied.wma'))
  const presentation = await transcoding.open('Lied.wma')

  await segmentBytes(presentation, renditionOf(presentation, 'audio'), 3)
  const samples = await samplesOf(ffmpeg, await wholeFile(presentation, renditionOf(presentation, 'audio')))
  presentation.close()

  assert.equal(presentation.renditions.length, 1)
  assertTone(samples, SECONDS)
}

async function viewersShare(t: TestContext, ffmpeg: string): Promise<void> {
  const transcoding = await openTranscoding(t)
  copyFileSync(await makeMedia(ffmpeg, { ...WMV, seconds: SECONDS }), join(transcoding.media, 'film.wmv'))
  const presentations = await Promise.all(Array.from({ length: 8 }, () => transcoding.open('film.wmv')))
  let most = 0
  const watching = presentations.map(async (presentation) => {
    const seen: Uint8Array[] = []
    for (const index of presentation.segments.keys()) {
      for (const rendition of presentation.renditions) {
        seen.push(await segmentBytes(presentation, rendition, index))
        most = Math.max(most, transcoding.service.running)
      }
    }
    return Buffer.concat(seen)
  })

  const seen = await Promise.all(watching)
  for (const presentation of presentations) presentation.close()

  assert.deepEqual(transcoding.begins(), [0])
  assert.ok(seen.every((bytes) => bytes.equals(seen[0] as Buffer)))
  assert.ok(most <= 1, `${most} encoders at the same time`)
  await waitUntil('the encoder has gone', () => transcoding.service.running === 0)
}

async function survivesKill(t: TestContext, ffmpeg: string): Promise<void> {
  const transcoding = await openTranscoding(t)
  // Large pictures: the encoder is still at work when it is killed.
  const source = await makeMedia(ffmpeg, { ...WMV, seconds: SECONDS, width: 1280, height: 720 })
  copyFileSync(source, join(transcoding.media, 'killed.wmv'))
  const presentation = await transcoding.open('killed.wmv')
  const video = renditionOf(presentation, 'video')
  await segmentBytes(presentation, video, 0)

  const later = segmentBytes(presentation, video, 2)
  const own = encodersOf(process.pid).filter(
    ({ args }) => args.includes('1280:720') || args.join().includes('1280:720'),
  )
  for (const { pid } of own) process.kill(pid, 'SIGKILL')
  await later
  const counters = await countersOf(ffmpeg, await wholeFile(presentation, video))
  presentation.close()

  assert.equal(own.length, 1)
  assert.ok(transcoding.said.some(({ code }) => code === 'ERR_TRANSCODE_FAILED'))
  assert.ok(transcoding.begins().length >= 2)
  assertCounts(counters, SECONDS * 25)
}

async function keepsQuota(t: TestContext, ffmpeg: string): Promise<void> {
  const cacheBytes = 700_000
  const first = await openTranscoding(t, { cacheBytes })
  copyFileSync(await makeMedia(ffmpeg, { ...WMV, seconds: SECONDS }), join(first.media, 'film.wmv'))
  const presentation = await first.open('film.wmv')
  const video = renditionOf(presentation, 'video')

  await wholeFile(presentation, video)
  const last = segmentsOf(presentation, video).length - 1
  const kept = await segmentBytes(presentation, video, last)
  const again = await segmentBytes(presentation, video, 0)
  presentation.close()
  await first.service.close()
  const second = await openTranscoding(t, { cacheBytes }, first)
  const reopened = await second.open('film.wmv')
  const fromDisk = await segmentBytes(reopened, renditionOf(reopened, 'video'), last)
  reopened.close()

  assert.ok(sizeOf(first.cache) <= cacheBytes, `${sizeOf(first.cache)} bytes`)
  assert.ok(again.byteLength > 0)
  assert.deepEqual(Buffer.from(fromDisk), Buffer.from(kept))
  assert.equal(reopened.token, presentation.token)
}

async function cutOff(t: TestContext, ffmpeg: string): Promise<void> {
  const transcoding = await openTranscoding(t)
  const path = join(transcoding.media, 'cut.wmv')
  copyFileSync(await makeMedia(ffmpeg, { ...WMV, seconds: SECONDS }), path)
  truncateSync(path, Math.floor(statSync(path).size / 2))
  const presentation = await transcoding.open('cut.wmv')
  const video = renditionOf(presentation, 'video')

  const counters = await countersOf(ffmpeg, await wholeFile(presentation, video))
  presentation.close()

  const whole = counters.filter((counter, at) => at > 3 && counter === (counters[at - 1] ?? 0) + 1).length
  assert.ok(whole > 0.35 * SECONDS * 25, `${whole} pictures in order`)
}

/** Every picture once, in order; the first may be drawn out to where the file's sound begins. */
function assertCounts(counters: readonly (number | undefined)[], expected: number): void {
  const start = counters.lastIndexOf(0)
  assert.ok(start >= 0 && start < 4, `begins with ${counters.slice(0, 5).join()}`)
  const broken = counters.flatMap((counter, at) => (at > start && counter !== at - start ? [`${at}: ${counter}`] : []))
  assert.ok(Math.abs(counters.length - expected) <= 4, `${counters.length} pictures, expected ${expected}`)
  // The last may be drawn out to the end of the sound.
  const early = broken.filter((place) => Number(place.split(':')[0]) < counters.length - 3)
  assert.deepEqual(early, [])
}

/** The tone never stops: encoders of sound that meet badly leave a hole or a click there. */
function assertTone(samples: Float32Array, seconds: number): void {
  const levels = toneLevels(samples, TONE).slice(LEAD * 100, (seconds - LEAD) * 100)
  const usual = levels.toSorted((left, right) => left - right)[Math.floor(levels.length / 2)] ?? 0
  assert.ok(usual > 0.05, `a tone of ${usual}`)
  // Times of a millisecond shift the wave a little where encoders meet, which dampens one hundredth of a second.
  const quiet = levels.flatMap((level, at) => (level < usual * 0.3 ? [(at / 100 + LEAD).toFixed(2)] : []))
  assert.deepEqual(quiet, [])
}

function sizeOf(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0)
}
