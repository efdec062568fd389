/** Subtitles as ffmpeg reads them from the WebVTT that is written. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { parseSubtitles } from '../../src/media/subtitles/parse.ts'
import { parseSrt } from '../../src/media/subtitles/srt.ts'
import { SRT, SRT_UNTIDY, VTT, VTT_UNTIDY } from '../../src/media/subtitles/vectors.ts'
import { writeWebVtt, writeWebVttSegment } from '../../src/media/subtitles/webvtt.ts'
import { runOrThrow } from '../support/process.ts'
import { requireTool } from '../support/tools.ts'

it('ffmpeg finds the same subtitles in WebVTT, whole and in segments', async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  if (ffmpeg === undefined) return
  const folder = mkdtempSync(join(tmpdir(), 'headend-subtitles-'))
  t.after(() => rmSync(folder, { recursive: true }))

  for (const [i, source] of [SRT, SRT_UNTIDY, VTT, VTT_UNTIDY].entries()) {
    const cues = parseSubtitles(new TextEncoder().encode(source))
    const spans = [0, 2_000_000, 3_602_000_000].map((start) => ({ start, duration: 2_000_000 }))
    const pieces = [
      { name: `whole-${i}`, bytes: writeWebVtt(cues), expected: cues },
      ...spans.map((span, n) => ({
        name: `segment-${i}-${n}`,
        bytes: writeWebVttSegment(cues, span),
        expected: cues.filter(({ start, end }) => start < span.start + span.duration && end > span.start),
      })),
    ]
    for (const { name, bytes, expected } of pieces) {
      const path = join(folder, `${name}.vtt`)
      writeFileSync(path, bytes)
      const args = ['-hide_banner', '-loglevel', 'error', '-xerror', '-i', path, '-f', 'srt', '-']

      const output = await runOrThrow(ffmpeg, args)

      const found = parseSrt(output.toString())
      const plain = (text: string) => text.replace(/<[^>]*>/g, '')
      assert.deepEqual(
        found.map(({ start, end, text }) => [start, end, plain(text)]),
        expected.map(({ start, end, text }) => [start, end, plain(text)]),
        name,
      )
    }
  }
})
