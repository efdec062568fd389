/** HLS playlists, MPDs and segments of a running server are accepted by parsers of other projects. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { parse as parseByHlsParser, types } from 'hls-parser'
import { ALL_FORMATS, BufferSource, Input } from 'mediabunny'
import * as mp4box from 'mp4box'
import { makeMedia } from '../support/media.ts'
import { run, runOrThrow } from '../support/process.ts'
import { startServer } from '../support/server.ts'
import { requireTool } from '../support/tools.ts'
import { playUrls, publishFile, publishUrl, waitOnAir } from './peers.ts'

interface M3u8Parser {
  push(text: string): void
  end(): void
  on(event: 'warn' | 'info', listener: (event: { readonly message: string }) => void): void
  readonly manifest: {
    readonly segments: readonly { readonly uri: string; readonly duration: number }[]
    readonly playlists?: readonly { readonly uri: string; readonly attributes: Readonly<Record<string, unknown>> }[]
    readonly mediaGroups: { readonly AUDIO: Readonly<Record<string, unknown>> }
  }
}
interface MpdParser {
  parse(
    text: string,
    options: { manifestUri: string },
  ): {
    readonly playlists: readonly {
      readonly attributes: Readonly<Record<string, unknown>>
      readonly segments: readonly { readonly resolvedUri: string; readonly map: { readonly resolvedUri: string } }[]
    }[]
    readonly mediaGroups: { readonly AUDIO: Readonly<Record<string, unknown>> }
  }
}
const require = createRequire(import.meta.url)
const { Parser: M3u8Parser } = require('m3u8-parser') as { Parser: new () => M3u8Parser }
const mpdParser = require('mpd-parser') as MpdParser

const SECONDS = 9

it('independent parsers accept what is served', async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  const ffprobe = requireTool(t, 'ffprobe')
  const xmllint = requireTool(t, 'xmllint')
  if (ffmpeg === undefined || ffprobe === undefined || xmllint === undefined) return
  const file = await makeMedia(ffmpeg, { container: 'flv', seconds: SECONDS, bFrames: 2 })
  const folder = mkdtempSync(join(tmpdir(), 'headend-manifests-'))
  const server = await startServer()
  t.after(async () => {
    rmSync(folder, { recursive: true, force: true })
    await server.stop()
  })
  const publishing = publishFile(ffmpeg, file, publishUrl(server, 'one'))
  await waitOnAir(server, 'one')
  const { hls, dash } = playUrls(server, 'one')
  const getBytes = async (url: string | URL) => {
    const response = await fetch(url)
    assert.equal(response.status, 200, String(url))
    return Buffer.from(await response.arrayBuffer())
  }
  const getText = async (url: string | URL) => (await getBytes(url)).toString()

  const index = await getText(hls)
  await delay(5000)
  const variants = parseByHlsParser(index)
  assert.ok(variants instanceof types.MasterPlaylist)
  const video = variants.variants[0]
  const audio = video?.audio[0]
  assert.ok(video !== undefined && audio?.uri !== undefined)
  const playlists = await Promise.all(
    [video.uri, audio.uri].map(async (uri) => ({ url: new URL(uri, hls), text: await getText(new URL(uri, hls)) })),
  )
  const mpd = await getText(dash)

  await t.test('hls-parser', () => {
    assert.match(video.codecs ?? '', /^avc1\.[0-9A-Fa-f]{6},mp4a\.40\.2$/)
    assert.deepEqual({ ...video.resolution }, { width: 320, height: 180 })
    for (const { text } of playlists) {
      const playlist = parseByHlsParser(text)
      assert.ok(playlist instanceof types.MediaPlaylist)
      assert.ok(playlist.segments.length >= 2)
      // It keeps the map with the segment that follows the tag.
      assert.ok(playlist.segments[0]?.map !== undefined)
    }
  })

  await t.test('m3u8-parser', () => {
    for (const text of [index, ...playlists.map(({ text }) => text)]) {
      const parser = new M3u8Parser()
      const warnings: string[] = []
      parser.on('warn', ({ message }) => warnings.push(message))
      parser.push(text)
      parser.end()
      assert.deepEqual(warnings, [])
      if (text === index) assert.equal(parser.manifest.playlists?.length, 1)
      else assert.ok(parser.manifest.segments.length >= 2)
    }
  })

  await t.test('mpd-parser and xmllint', async () => {
    const parsed = mpdParser.parse(mpd, { manifestUri: dash })
    const [playlist] = parsed.playlists
    assert.equal(parsed.playlists.length, 1)
    assert.match(String(playlist?.attributes['CODECS']), /^avc1\./)
    assert.ok((playlist?.segments.length ?? 0) >= 2)
    assert.equal(Object.keys(parsed.mediaGroups.AUDIO).length, 1)
    for (const segment of playlist?.segments.slice(0, 2) ?? []) {
      await Promise.all([getBytes(segment.map.resolvedUri), getBytes(segment.resolvedUri)])
    }
    await runOrThrow(xmllint, ['--noout', '-'], { input: Buffer.from(mpd) })
  })

  await t.test('mp4box, mediabunny and ffprobe read segments', async () => {
    for (const { url, text } of playlists) {
      const map = /#EXT-X-MAP:URI="([^"]+)"/.exec(text)?.[1] ?? ''
      const names = [map, ...[...text.matchAll(/^[^#\s].*$/gm)].slice(0, 2).map(([name]) => name)]
      const pieces = await Promise.all(names.map((name) => getBytes(new URL(name, url))))
      const bytes = Buffer.concat(pieces)
      const expected = [...text.matchAll(/^#EXTINF:([\d.]+)/gm)]
        .slice(0, 2)
        .reduce((sum, [, value]) => sum + Number(value), 0)
      const isVideo = url.pathname.includes('video')

      const { samples, seconds } = readByMp4box(bytes)
      assert.ok(Math.abs(seconds - expected) < 0.002, `mp4box counts ${seconds} s, the playlist ${expected} s`)
      if (isVideo) assert.equal(samples, Math.round(expected * 25))

      const input = new Input({ source: new BufferSource(bytes), formats: ALL_FORMATS })
      const [track] = await input.getTracks()
      const statistics = await track?.computePacketStats()
      assert.equal(track?.type, isVideo ? 'video' : 'audio')
      assert.equal(statistics?.packetCount, samples)

      const path = join(folder, `${isVideo ? 'video' : 'audio'}.mp4`)
      writeFileSync(path, bytes)
      const args = [
        '-v',
        'error',
        '-count_packets',
        '-show_entries',
        'stream=codec_name,nb_read_packets',
        '-of',
        'json',
      ]
      const { stdout, stderr } = await run(ffprobe, [...args, path])
      assert.equal(stderr, '')
      const [stream] = (JSON.parse(stdout.toString()) as { streams: { codec_name: string; nb_read_packets: string }[] })
        .streams
      assert.deepEqual(stream, { codec_name: isVideo ? 'h264' : 'aac', nb_read_packets: String(samples) })
    }
  })
  await publishing
})

/** Count and total duration of the samples in fragments. */
function readByMp4box(bytes: Buffer): { samples: number; seconds: number } {
  const file = mp4box.createFile()
  let timescale = 1
  let samples = 0
  let ticks = 0
  file.onReady = (info) => {
    for (const { id, timescale: scale } of info.tracks) {
      timescale = scale
      file.setExtractionOptions(id, undefined, { nbSamples: 1 })
    }
    file.start()
  }
  file.onSamples = (_id, _user, list) => {
    for (const { duration } of list) {
      samples++
      ticks += duration
    }
  }
  const copy = new Uint8Array(bytes).buffer
  file.appendBuffer(mp4box.MP4BoxBuffer.fromArrayBuffer(copy, 0))
  file.flush()
  return { samples, seconds: ticks / timescale }
}
