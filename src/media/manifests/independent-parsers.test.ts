/** Parsers of other projects must accept what we write and find in it what we meant. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { parse as parseByHlsParser, types } from 'hls-parser'
import type { MediaPlaylist, MultivariantPlaylist } from './hls/model.ts'

// These two carry no types; only what is looked at is declared.
interface M3u8Parser {
  push(text: string): void
  end(): void
  readonly manifest: {
    readonly targetDuration: number
    readonly partTargetDuration: number
    readonly mediaSequence: number
    readonly segments: readonly {
      readonly uri: string
      readonly duration: number
      readonly map?: { readonly uri: string }
    }[]
    readonly preloadSegment?: {
      readonly parts: readonly unknown[]
      readonly preloadHints: readonly { readonly uri: string }[]
    }
    readonly serverControl: Record<string, unknown>
    readonly playlists: readonly { readonly uri: string; readonly attributes: Record<string, unknown> }[]
    readonly mediaGroups: {
      readonly AUDIO: Record<string, Record<string, { readonly uri: string; readonly language: string }>>
    }
  }
  on(event: 'warn', listener: (warning: { readonly message: string }) => void): void
}
interface MpdParser {
  parse(
    text: string,
    options: { manifestUri: string; eventHandler?: (event: { message: string }) => void },
  ): {
    readonly minimumUpdatePeriod: number
    readonly suggestedPresentationDelay: number
    readonly playlists: readonly {
      readonly attributes: Record<string, unknown>
      readonly segments: readonly {
        readonly uri: string
        readonly duration: number
        readonly map: { readonly uri: string }
      }[]
      readonly contentProtection?: Record<string, unknown>
    }[]
  }
  parseUTCTiming(text: string): { readonly method: string; readonly value: string }
}
const require = createRequire(import.meta.url)
const { Parser: M3u8Parser } = require('m3u8-parser') as { Parser: new () => M3u8Parser }
const mpdParser = require('mpd-parser') as MpdParser

for (const file of ['low-latency-media', 'delta-update', 'protected-with-discontinuity']) {
  test(`hls-parser agrees on ${file}`, () => {
    const { model, text } = golden(`hls/testdata/${file}.txt`) as Golden<MediaPlaylist>
    const parsed = parseByHlsParser(text)

    assert.ok(parsed instanceof types.MediaPlaylist)
    assert.equal(parsed.targetDuration, model.targetDuration)
    assert.equal(parsed.partTargetDuration, model.partTarget)
    assert.equal(parsed.mediaSequenceBase, model.mediaSequence)
    assert.equal(parsed.endlist, model.ended)
    assert.equal(parsed.skip, model.skip?.skippedSegments ?? 0)
    const complete = parsed.segments.filter((segment) => segment.uri !== '')
    assert.deepEqual(
      complete.map((segment) => segment.uri),
      model.segments.map((segment) => segment.uri),
    )
    assert.deepEqual(
      complete.map((segment) => segment.duration),
      model.segments.map((segment) => segment.duration),
    )
    assert.deepEqual(
      complete.map((segment) => segment.parts.map((part) => [part.uri, part.duration, part.independent ?? false])),
      model.segments.map((segment) =>
        segment.parts.map((part) => [part.uri, part.duration, part.independent ?? false]),
      ),
    )
    assert.deepEqual(
      complete.map((segment) => segment.discontinuity ?? false),
      model.segments.map((segment) => segment.discontinuity ?? false),
    )
    assert.deepEqual(
      parsed.renditionReports.map((report) => [report.uri, report.lastMSN, report.lastPart]),
      model.renditionReports.map((report) => [report.uri, report.lastMsn, report.lastPart]),
    )
  })

  test(`m3u8-parser agrees on ${file}`, () => {
    const { model, text } = golden(`hls/testdata/${file}.txt`) as Golden<MediaPlaylist>
    const warnings: string[] = []
    const parser = new M3u8Parser()
    parser.on('warn', (warning) => warnings.push(warning.message))
    parser.push(text)
    parser.end()

    const { manifest } = parser
    assert.deepEqual(warnings, [])
    assert.equal(manifest.targetDuration, model.targetDuration)
    assert.equal(manifest.partTargetDuration, model.partTarget)
    assert.equal(manifest.mediaSequence, model.mediaSequence)
    assert.deepEqual(
      manifest.segments.map((segment) => [segment.uri, segment.duration, segment.map?.uri]),
      model.segments.map((segment) => [segment.uri, segment.duration, segment.map?.uri]),
    )
    assert.deepEqual(
      manifest.preloadSegment?.preloadHints.map((hint) => hint.uri) ?? [],
      model.preloadHints.map((hint) => hint.uri),
    )
  })
}

test('hls-parser and m3u8-parser agree on the multivariant playlist', () => {
  const { model, text } = golden('hls/testdata/multivariant.txt') as Golden<MultivariantPlaylist>
  const parsed = parseByHlsParser(text)
  const parser = new M3u8Parser()
  parser.push(text)
  parser.end()

  assert.ok(parsed instanceof types.MasterPlaylist)
  const [variant] = parsed.variants
  assert.equal(variant?.bandwidth, 1_500_000)
  assert.equal(variant?.codecs, 'avc1.64001f,mp4a.40.2')
  assert.deepEqual({ ...variant?.resolution }, model.variants[0]?.resolution)
  assert.equal(variant?.audio[0]?.name, 'Commentary ”A”')
  assert.equal(variant?.subtitles[0]?.name, 'Español')
  assert.equal(parsed.sessionKeyList[0]?.uri, 'skd://asset-1')
  assert.equal(parser.manifest.playlists[0]?.uri, 'v1/index.m3u8')
  assert.equal(parser.manifest.playlists[0]?.attributes['FRAME-RATE'], 29.97)
  assert.equal(parser.manifest.mediaGroups.AUDIO.audio?.['Commentary ”A”']?.uri, 'a101/index.m3u8')
})

test('mpd-parser agrees on the live description', () => {
  const { text } = golden('dash/testdata/low-latency-live.txt')
  const parsed = mpdParser.parse(text, { manifestUri: 'https://example/live/x/manifest.mpd' })
  const [video] = parsed.playlists

  assert.equal(parsed.minimumUpdatePeriod, 1_000)
  assert.equal(parsed.suggestedPresentationDelay, 2)
  assert.equal(video?.attributes.CODECS, 'avc1.64001f')
  assert.equal(video?.segments.length, 30)
  assert.equal(video?.segments[0]?.uri, 'v/8550000.m4s')
  assert.equal(video?.segments[29]?.uri, `v/${8_550_000 + 29 * 90_000}.m4s`)
  assert.equal(video?.segments[29]?.duration, 1.001)
  assert.equal(video?.segments[0]?.map.uri, 'v/init-1.mp4')
  assert.deepEqual(mpdParser.parseUTCTiming(text).value, '/time?ms')
})

test('mpd-parser agrees on the protected description', () => {
  const { text } = golden('dash/testdata/protected-on-demand.txt')
  const parsed = mpdParser.parse(text, { manifestUri: 'https://example/film.mpd' })
  const [video] = parsed.playlists

  assert.equal(video?.segments.length, 932)
  assert.equal(video?.segments[0]?.uri, '1080p/5000000/1.mp4')
  assert.ok(video?.contentProtection !== undefined && 'mp4protection' in video.contentProtection)
})

interface Golden<Model> {
  readonly model: Model
  readonly text: string
}

function golden(path: string): Golden<unknown> {
  const [json = '', text = ''] = readFileSync(new URL(path, import.meta.url), 'utf8').split('\n---\n')
  return { model: JSON.parse(json), text }
}
