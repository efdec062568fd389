import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type LintRule, lintMediaPlaylist } from './lint.ts'
import type { MediaPlaylist, Part, Segment } from './model.ts'

test('a correct playlist and its next version have no violations', () => {
  assert.deepEqual(lintMediaPlaylist(live(10)), [])
  assert.deepEqual(lintMediaPlaylist(live(11), live(10)), [])
  assert.deepEqual(lintMediaPlaylist({ ...live(20), segments: [segment(20), ...live(21).segments.slice(0, 9)] }), [])
})

const broken: readonly [LintRule, 'error' | 'warning', MediaPlaylist, MediaPlaylist?][] = [
  ['segment-duration', 'error', { ...live(10), targetDuration: 1, serverControl: {}, partTarget: 1 / 3 }],
  ['part-duration', 'error', withPart({ duration: 0.6, uri: 'x' })],
  ['part-short', 'error', withPart({ duration: 0.3, uri: 'x' })],
  ['parts-sum', 'warning', withPart({ duration: 0.43, uri: 'x' }, 2.6)],
  ['part-hold-back', 'error', { ...live(10), serverControl: { partHoldBack: 0.9 } }],
  ['part-hold-back', 'error', { ...live(10), serverControl: {} }],
  ['part-hold-back', 'warning', { ...live(10), serverControl: { partHoldBack: 1.2 } }],
  ['hold-back', 'error', { ...live(10), serverControl: { partHoldBack: 1.5, holdBack: 5 } }],
  ['skip-until', 'error', { ...live(10), serverControl: { partHoldBack: 1.5, canSkipUntil: 11 } }],
  ['part-target-missing', 'error', without(live(10), 'partTarget')],
  ['version', 'error', { ...live(10), version: 5 }],
  ['version', 'error', { ...live(10), version: 8, skip: { skippedSegments: 1 } }],
  ['window-short', 'error', { ...live(10), segments: live(10).segments.slice(0, 2) }],
  ['preload-hint', 'error', { ...live(10), preloadHints: [{ type: 'PART', uri: '20.0' }] }],
  ['preload-hint', 'warning', { ...live(10), preloadHints: [] }],
  ['program-date-time', 'warning', withDates(10_000, 11_000)],
  [
    'target-duration-changed',
    'error',
    { ...live(10), targetDuration: 3, serverControl: { partHoldBack: 1.5 } },
    live(10),
  ],
  ['part-target-changed', 'error', { ...live(10), partTarget: 0.55 }, live(10)],
  ['media-sequence', 'error', live(9), live(10)],
  ['went-back', 'error', live(9), live(10)],
  ['went-back', 'error', without(live(10), 'openSegment'), live(10)],
  ['discontinuity-sequence', 'error', { ...live(11), discontinuitySequence: 5 }, live(10)],
  [
    'discontinuity-sequence',
    'error',
    live(11),
    { ...live(10), segments: [{ ...segment(10), discontinuity: true }, ...live(10).segments.slice(1)] },
  ],
  [
    'segment-changed',
    'error',
    live(11),
    { ...live(10), segments: live(10).segments.map((one) => ({ ...one, uri: `${one.uri}?2` })) },
  ],
  ['segment-removed', 'error', { ...live(11), playlistType: 'EVENT' }, live(10)],
  ['ended-changed', 'error', live(10), { ...live(10), ended: true }],
  [
    'parts-removed',
    'error',
    { ...live(11), segments: live(11).segments.map((one) => ({ ...one, parts: [] })) },
    live(10),
  ],
]

for (const [rule, severity, playlist, previous] of broken) {
  test(`${rule} (${severity}) is found`, () => {
    const found = lintMediaPlaylist(playlist, previous)

    assert.ok(
      found.some((violation) => violation.rule === rule && violation.severity === severity),
      JSON.stringify(found),
    )
  })
}

/** Ten segments of 2 s from `first`, parts of 0.5 s in all of them. */
function live(first: number): MediaPlaylist {
  return {
    type: 'media',
    version: 9,
    targetDuration: 2,
    serverControl: { canBlockReload: true, canSkipUntil: 12, partHoldBack: 1.5, holdBack: 6 },
    partTarget: 0.5,
    mediaSequence: first,
    discontinuitySequence: 0,
    dateRanges: [],
    segments: Array.from({ length: 10 }, (_, index) => segment(first + index)),
    openSegment: { map: { uri: 'init' }, parts: [{ duration: 0.5, uri: `${first + 10}.0` }] },
    preloadHints: [{ type: 'PART', uri: `${first + 10}.1` }],
    renditionReports: [],
    ended: false,
  }
}

function segment(number: number): Segment {
  const parts = [0, 1, 2, 3].map((index) => ({ duration: 0.5, uri: `${number}.${index}` }))
  return { duration: 2, uri: String(number), map: { uri: 'init' }, parts }
}

function withPart(part: Part, duration = 2): MediaPlaylist {
  const playlist = live(10)
  const parts = [part, ...segment(10).parts.slice(1)]
  return { ...playlist, segments: [{ ...segment(10), duration, parts }, ...playlist.segments.slice(1)] }
}

function withDates(first: number, second: number): MediaPlaylist {
  const [one, two, ...rest] = live(10).segments
  assert.ok(one && two)
  return { ...live(10), segments: [{ ...one, programDateTime: first }, { ...two, programDateTime: second }, ...rest] }
}

function without(playlist: MediaPlaylist, name: 'partTarget' | 'openSegment'): MediaPlaylist {
  const { [name]: _, ...rest } = playlist
  return rest
}
