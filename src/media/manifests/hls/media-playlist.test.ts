import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { arbitraryMediaPlaylist } from './arbitrary.suite.ts'
import { applyDelta, formatMediaPlaylist, skipSegments } from './media-playlist.ts'
import type { MediaPlaylist, Segment } from './model.ts'
import { parsePlaylist } from './parse.ts'

test('reading what was written gives the same playlist', () => {
  fc.assert(
    fc.property(arbitraryMediaPlaylist, (playlist) => {
      assert.deepEqual(parsePlaylist(formatMediaPlaylist(playlist)), playlist)
    }),
  )
})

test('a delta update applied to an older playlist gives the full one', () => {
  const older = live(10)
  const newer = live(12)
  const text = formatMediaPlaylist(skipSegments(newer, 6))
  const delta = parsePlaylist(text)

  assert.ok(delta.type === 'media')
  assert.equal(delta.skip?.skippedSegments, 6)
  assert.equal(delta.segments.length, 4)
  assert.deepEqual(applyDelta(older, delta), newer)
})

test('a delta update without map tags takes the map of the segments before', () => {
  const text = formatMediaPlaylist(skipSegments(live(12), 6)).replace('#EXT-X-MAP:URI="init"\n', '')
  const delta = parsePlaylist(text)

  assert.ok(delta.type === 'media')
  assert.equal(delta.segments[0]?.map, undefined)
  assert.deepEqual(applyDelta(live(10), delta), live(12))
})

test('a delta update that does not reach back to the known playlist is not applied', () => {
  assert.equal(applyDelta(live(1), skipSegments(live(12), 6)), undefined)
  assert.equal(applyDelta(live(20), skipSegments(live(12), 6)), undefined)
})

test('skipping never takes the last segment, and none of a short playlist', () => {
  assert.equal(skipSegments(live(10), 100).segments.length, 1)
  assert.equal(skipSegments({ ...live(10), segments: [] }, 5).skip, undefined)
  assert.equal(skipSegments(live(10), 0).skip, undefined)
})

test('text from outside cannot leave its place', () => {
  const playlist = live(10)
  const hostile = '"\n#EXT-X-ENDLIST\n'
  const segment: Segment = { duration: 2, title: `a${hostile}b`, uri: `#x${hostile}`, map: { uri: hostile }, parts: [] }
  const text = formatMediaPlaylist({ ...playlist, segments: [segment], preloadHints: [{ type: 'PART', uri: hostile }] })

  const parsed = parsePlaylist(text)
  assert.ok(parsed.type === 'media')
  assert.equal(parsed.ended, false)
  assert.equal(parsed.segments.length, 1)
})

function live(first: number): MediaPlaylist {
  return {
    type: 'media',
    version: 9,
    targetDuration: 2,
    serverControl: { canSkipUntil: 12, canSkipDateRanges: true },
    mediaSequence: first,
    discontinuitySequence: 0,
    dateRanges: [{ id: 'one', startDate: 0 }],
    segments: Array.from({ length: 10 }, (_, index) => ({
      duration: 2,
      uri: String(first + index),
      map: { uri: 'init' },
      parts: [],
    })),
    openSegment: { map: { uri: 'init' }, parts: [{ duration: 0.5, uri: `${first + 10}.0` }] },
    preloadHints: [],
    renditionReports: [],
    ended: false,
  }
}
