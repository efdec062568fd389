import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as mp4box from 'mp4box'
import type { Cue } from '../../subtitles/cue.ts'
import type { Track } from '../../track.ts'
import { childBoxes, readFullBoxHeader, topLevelBoxes } from './box.ts'
import { SAMPLE_SIZE } from './fragment-flags.ts'
import { writeTextInitSegment } from './init-segment.ts'
import { writeTextSegment } from './text-segment.ts'

const TRACK: Track = { id: 301, kind: 'text', codec: 'webvtt', timescale: 1000, language: 'en', name: 'English' }
const CUES: readonly Cue[] = [
  { start: 1_000_000, end: 3_000_000, text: 'one' },
  { start: 2_000_000, end: 6_000_000, text: '<i>two</i> ö', settings: 'line:0' },
  // Less than a tick of 90 kHz behind the one before.
  { start: 2_000_003, end: 2_500_000, text: 'three' },
]

describe('writeTextInitSegment and writeTextSegment', () => {
  it('are read by mp4box: what is shown, and when, without gaps', () => {
    const { tracks, samples } = readByMp4box([
      writeTextInitSegment(TRACK),
      writeTextSegment(TRACK, CUES, { start: 0, duration: 4_000_000 }, { sequence: 1 }),
      writeTextSegment(TRACK, CUES, { start: 4_000_000, duration: 4_000_000 }, { sequence: 2 }),
    ])

    assert.deepEqual(
      tracks.map(({ id, codec, language, timescale, type }) => [
        id,
        codec,
        language.replace('\0', ''),
        timescale,
        type,
      ]),
      [[301, 'wvtt', 'en', 90_000, 'metadata']],
    )
    assert.deepEqual(
      samples.map(({ dts, duration, text }) => [dts / 90_000, (dts + duration) / 90_000, text]),
      [
        [0, 1, []],
        [1, 2, ['one']],
        [2, 2.5, ['one', '<i>two</i> ö', 'three']],
        [2.5, 3, ['one', '<i>two</i> ö']],
        [3, 4, ['<i>two</i> ö']],
        [4, 6, ['<i>two</i> ö']],
        [6, 8, []],
      ],
    )
    const [one = 0, two = 0] = samples[2]?.sourceIds ?? []
    assert.deepEqual(
      samples.map(({ sourceIds }) => sourceIds),
      [[], [one], [one, two], [one, two], [two], [two], []],
    )
  })

  it('follow the times of sound and picture, and touch where ticks are rounded', () => {
    const third = 1_001_000 / 3
    const { samples } = readByMp4box([
      writeTextInitSegment(TRACK),
      ...[0, 1, 2, 3].map((n) =>
        writeTextSegment(
          TRACK,
          CUES,
          { start: Math.round(n * third), duration: Math.round((n + 1) * third) - Math.round(n * third) },
          { sequence: n + 1, mediaStart: 80_000 },
        ),
      ),
    ])

    assert.equal(samples[0]?.dts, 7200)
    samples.slice(1).forEach(({ dts }, i) => {
      const before = samples[i]
      assert.equal(dts, (before?.dts ?? 0) + (before?.duration ?? 0))
    })
  })
})

it('each sample of text tells its own size, which shaka needs to find more than one cue in it', () => {
  const cues = ['one', 'two'].map((text): Cue => ({ start: 0, end: 9e6, text }))
  const segment = writeTextSegment(TRACK, cues, { start: 0, duration: 4_000_000 }, { sequence: 1 })

  const flags = [...topLevelBoxes(segment)]
    .flatMap((box) => (box.type === 'moof' ? [...childBoxes(box)] : []))
    .flatMap((box) => (box.type === 'traf' ? [...childBoxes(box)] : []))
    .flatMap((box) => (box.type === 'trun' ? [readFullBoxHeader(box.body).flags] : []))

  assert.deepEqual(
    flags.map((value) => value & SAMPLE_SIZE),
    [SAMPLE_SIZE],
  )
})

interface TextSample {
  readonly dts: number
  readonly duration: number
  readonly text: readonly string[]
  readonly sourceIds: readonly number[]
}

function readByMp4box(pieces: readonly Uint8Array[]): {
  tracks: readonly mp4box.Track[]
  samples: readonly TextSample[]
} {
  const file = mp4box.createFile(true)
  const samples: TextSample[] = []
  let tracks: readonly mp4box.Track[] = []
  file.onReady = (info) => {
    tracks = info.tracks
    file.setExtractionOptions(TRACK.id, undefined, { nbSamples: 1000 })
    file.start()
  }
  file.onSamples = (_id, _user, found) => {
    for (const { dts, duration, data } of found) samples.push({ dts, duration, ...cuesOf(data ?? new Uint8Array(0)) })
  }
  const whole = Buffer.concat(pieces)
  file.appendBuffer(mp4box.MP4BoxBuffer.fromArrayBuffer(new Uint8Array(whole).buffer, 0))
  file.flush()
  return { tracks, samples }
}

function cuesOf(data: Uint8Array): Pick<TextSample, 'text' | 'sourceIds'> {
  const text: string[] = []
  for (const cue of new mp4box.VTTin4Parser().parseSample(new Uint8Array(data))) {
    for (const box of cue.boxes ?? []) {
      // It takes each byte for a character.
      if (box.type === 'payl') text.push(Buffer.from((box as mp4box.Box & { text: string }).text, 'latin1').toString())
    }
  }
  // A box that mp4box does not know.
  const boxes = [...topLevelBoxes(data)].flatMap((cue) => [...childBoxes(cue)])
  const sourceIds = boxes.filter(({ type }) => type === 'vsid').map(({ body }) => body.u32())
  return { text, sourceIds }
}
