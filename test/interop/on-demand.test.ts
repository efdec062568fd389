/** Files of the library as other programs see them: the pictures and sounds of the file, with its times, whatever its container. */
import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { parse as parseByHlsParser, types } from 'hls-parser'
import { ALL_FORMATS, BufferSource, Input } from 'mediabunny'
import * as mp4box from 'mp4box'
import { makeMedia, watchCounters } from '../support/media.ts'
import { run, runOrThrow } from '../support/process.ts'
import { startServer } from '../support/server.ts'
import { requireTool } from '../support/tools.ts'
import { vlcPlay } from './foreign-programs.ts'

const RATE = 25
const SECONDS = 14
const CUT = 3.28
/** Copies of the film in other containers, by ffmpeg's own arguments. */
const CONTAINERS: Readonly<Record<string, readonly string[]>> = {
  'fragmented.mp4': ['-movflags', 'frag_keyframe+empty_moov'],
  'film.ts': [],
  'film.flv': [],
  'film.mkv': [],
}
const TIMEOUT_MS = 120_000

test('what ffmpeg decodes from HLS and DASH is what it decodes from the file', { timeout: TIMEOUT_MS }, async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  if (ffmpeg === undefined) return
  const { folder, film } = await library(t, ffmpeg)
  const copy = (args: readonly string[], name: string) =>
    runOrThrow(ffmpeg, ['-v', 'error', ...args, join(folder, name)])
  for (const [name, args] of Object.entries(CONTAINERS)) await copy(['-i', film, '-c', 'copy', ...args], name)
  await copy(['-ss', String(CUT), '-i', film, '-c', 'copy'], 'cut.mp4')
  const server = await startServer({ args: ['--media', folder] })
  t.after(() => server.stop())

  for (const name of ['film.mp4', 'cut.mp4', ...Object.keys(CONTAINERS)]) {
    await t.test(name, async () => {
      const file = join(folder, name)
      const pictures = await frames(ffmpeg, file, ['-map', '0:v:0'])
      // A transport stream has headers before its packets of AAC.
      const plain = name === 'film.ts' ? ['-bsf:a', 'aac_adtstoasc'] : []
      const sounds = await frames(ffmpeg, file, ['-map', '0:a:0', '-c', 'copy', ...plain])
      for (const manifest of ['index.m3u8', 'manifest.mpd']) {
        const url = `${server.urls['http']}/vod/${name}/${manifest}`
        const shown = await frames(ffmpeg, url, ['-map', '0:v:0'])
        const heard = await frames(ffmpeg, url, ['-map', '0:a:0', '-c', 'copy'])

        // What an edit list cuts off is decoded and gone in the first milliseconds.
        const hidden = shown.length - pictures.length
        assert.equal(hidden, name === 'cut.mp4' ? Math.round(CUT * RATE) - 50 : 0, `${manifest}: pictures too many`)
        assertSame(shown.slice(hidden), pictures, `${manifest} video`)
        for (const { time } of shown.slice(0, hidden)) assert.ok(time < 0.01)
        // Sound before zero is left out.
        const first = sounds.findIndex(({ hash }) => hash === heard[0]?.hash)
        assert.ok(first >= 0 && sounds.slice(0, first).every(({ time }) => time < 0), `${manifest}: sound is missing`)
        assertSame(heard, sounds.slice(first), `${manifest} audio`)
        // In step: as far apart as in the file.
        const apart = (picture: Frame | undefined, sound: Frame | undefined) =>
          (picture?.time ?? 0) - (sound?.time ?? 0)
        const moved = apart(shown[hidden + 5], heard[5]) - apart(pictures[5], sounds[first + 5])
        assert.ok(Math.abs(moved) < 0.0015, `${manifest}: picture moved by ${moved} s against the sound`)
      }
    })
  }
})

test('VLC plays every picture of a film by HLS', { timeout: TIMEOUT_MS }, async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  const vlc = requireTool(t, 'vlc')
  if (ffmpeg === undefined || vlc === undefined) return
  const { folder } = await library(t, ffmpeg)
  const server = await startServer({ args: ['--media', folder] })
  t.after(() => server.stop())
  const output = join(folder, 'seen.ts')
  chmodSync(folder, 0o777)

  const [command, ...args] = vlcPlay(vlc, `${server.urls['http']}/vod/film.mp4/index.m3u8`, output)
  await run(command, args, { timeout: 60_000 })

  const counters = await watchCounters(ffmpeg, output)
  assert.deepEqual(
    counters,
    counters.map((_, frame) => frame),
  )
  // What it writes lacks the last half second.
  assert.ok(counters.length >= (SECONDS - 0.5) * RATE, `${counters.length} pictures`)
})

test('independent parsers accept manifests and segments', { timeout: TIMEOUT_MS }, async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  const xmllint = requireTool(t, 'xmllint')
  if (ffmpeg === undefined || xmllint === undefined) return
  const { folder } = await library(t, ffmpeg)
  writeFileSync(join(folder, 'film.en.srt'), '1\n00:00:01,000 --> 00:00:02,000\nwords\n')
  const server = await startServer({ args: ['--media', folder] })
  t.after(() => server.stop())
  const base = `${server.urls['http']}/vod/film.mp4/`
  const bytesOf = async (uri: string) => {
    const response = await fetch(new URL(uri, base))
    assert.equal(response.status, 200, uri)
    return Buffer.from(await response.arrayBuffer())
  }

  const index = (await bytesOf('index.m3u8')).toString()
  const variants = parseByHlsParser(index)
  assert.ok(variants instanceof types.MasterPlaylist)
  assert.deepEqual(
    variants.variants.map(({ isIFrameOnly, resolution }) => [isIFrameOnly, resolution?.width]),
    [
      [false, 320],
      [true, 320],
    ],
  )
  assert.equal(variants.variants[0]?.subtitles.length, 1)
  acceptedByM3u8Parser(index)
  const uris = [...index.matchAll(/^[^#\s].*$|URI="([^"]+)"/gm)].map(([line, uri]) => uri ?? line)
  assert.equal(uris.length, 4)
  for (const uri of uris) {
    const text = (await bytesOf(uri)).toString()
    acceptedByM3u8Parser(text)
    const playlist = parseByHlsParser(text)
    assert.ok(playlist instanceof types.MediaPlaylist && playlist.endlist && playlist.playlistType === 'VOD')
    if (uri.startsWith('text')) continue
    const names = [playlist.segments[0]?.map?.uri ?? '', ...playlist.segments.map((segment) => segment.uri)]
    const movie = Buffer.concat(await Promise.all(names.map(bytesOf)))
    await acceptedAsMovie(
      movie,
      playlist.segments.reduce((sum, { duration }) => sum + duration, 0),
    )
  }

  const mpd = (await bytesOf('manifest.mpd')).toString()
  await runOrThrow(xmllint, ['--noout', '-'], { input: Buffer.from(mpd) })
  const { playlists, mediaGroups } = mpdParser.parse(mpd, { manifestUri: `${base}manifest.mpd` })
  assert.ok(playlists.length >= 1)
  assert.equal(Object.keys(mediaGroups.AUDIO).length, 1)
  for (const { resolvedUri } of playlists[0]?.segments ?? []) await bytesOf(resolvedUri)
})

interface Frame {
  readonly hash: string
  /** Presentation, seconds. */
  readonly time: number
}

/** Decoded frames, or packets as they are, as ffmpeg's framehash lists them. */
async function frames(ffmpeg: string, source: string, args: readonly string[]): Promise<Frame[]> {
  const options = ['-v', 'error', '-nostdin', '-copyts', '-i', source, ...args, '-fps_mode', 'passthrough']
  const listing = (
    await runOrThrow(ffmpeg, [...options, '-enc_time_base', '1:90000', '-f', 'framemd5', 'pipe:1'])
  ).toString()
  const [, numerator = '1', denominator = '1'] = /^#tb 0: (\d+)\/(\d+)/m.exec(listing) ?? []
  return listing
    .split('\n')
    .filter((line) => /^\d/.test(line))
    .map((line) => line.split(',').map((part) => part.trim()))
    .map(([, , pts = '', , , hash = '']) => ({ hash, time: (Number(pts) * Number(numerator)) / Number(denominator) }))
}

/** The same frames, the same distance in time apart. */
function assertSame(found: readonly Frame[], expected: readonly Frame[], what: string): void {
  assert.deepEqual(
    found.map(({ hash }) => hash),
    expected.map(({ hash }) => hash),
    what,
  )
  const offset = (found[1]?.time ?? 0) - (expected[1]?.time ?? 0)
  for (const [index, { time }] of found.entries()) {
    // The picture that is seen first waits for those that are only decoded; FLV and Matroska count in milliseconds.
    const tolerance = index === 0 ? 0.01 : 0.0011
    assert.ok(
      Math.abs(time - (expected[index]?.time ?? 0) - offset) < tolerance,
      `${what}: frame ${index} at ${time} s`,
    )
  }
}

interface M3u8Parser {
  push(text: string): void
  end(): void
  on(event: 'warn', listener: (event: { readonly message: string }) => void): void
}
interface MpdParser {
  parse(
    text: string,
    options: { manifestUri: string },
  ): {
    readonly playlists: readonly { readonly segments: readonly { readonly resolvedUri: string }[] }[]
    readonly mediaGroups: { readonly AUDIO: Readonly<Record<string, unknown>> }
  }
}
const require = createRequire(import.meta.url)
const { Parser } = require('m3u8-parser') as { Parser: new () => M3u8Parser }
const mpdParser = require('mpd-parser') as MpdParser

function acceptedByM3u8Parser(text: string): void {
  const parser = new Parser()
  const warnings: string[] = []
  parser.on('warn', ({ message }) => warnings.push(message))
  parser.push(text)
  parser.end()
  assert.deepEqual(warnings, [])
}

async function acceptedAsMovie(bytes: Buffer, seconds: number): Promise<void> {
  const input = new Input({ source: new BufferSource(bytes), formats: ALL_FORMATS })
  const [track] = await input.getTracks()
  const { packetCount } = (await track?.computePacketStats()) ?? {}
  const file = mp4box.createFile()
  let samples = 0
  let ticks = 0
  let timescale = 1
  file.onReady = ({ tracks }) => {
    timescale = tracks[0]?.timescale ?? 1
    file.setExtractionOptions(tracks[0]?.id ?? 0, undefined, { nbSamples: 1 })
    file.start()
  }
  file.onSamples = (_id, _user, list) => {
    samples += list.length
    for (const { duration } of list) ticks += duration
  }
  file.appendBuffer(mp4box.MP4BoxBuffer.fromArrayBuffer(new Uint8Array(bytes).buffer, 0))
  file.flush()
  assert.equal(samples, packetCount)
  // Decode times have a gap before each key picture that waits to be shown.
  assert.ok(Math.abs(ticks / timescale - seconds) < 0.5, `${ticks / timescale} s of samples in ${seconds} s`)
}

/** A folder with a film whose pictures are decoded in another order. */
async function library(t: TestContext, ffmpeg: string): Promise<{ folder: string; film: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'headend-films-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const plain = await makeMedia(ffmpeg, { container: 'mp4', seconds: SECONDS, rate: RATE, gop: 2 * RATE, bFrames: 2 })
  const film = join(folder, 'film.mp4')
  await runOrThrow('cp', [plain, film])
  return { folder, film }
}
