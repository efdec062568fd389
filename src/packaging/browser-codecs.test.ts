import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Codec, Track, TrackKind } from '../media/track.ts'
import { isBrowserCodec, isBrowserMedia } from './browser-codecs.ts'

function track(kind: TrackKind, codec: Codec): Pick<Track, 'kind' | 'codec'> {
  return { kind, codec }
}

test('browsers know the codecs of today and none of Windows Media', () => {
  const known: readonly Codec[] = ['h264', 'h265', 'av1', 'vp9', 'aac', 'mp3', 'opus', 'flac']
  const unknown: readonly Codec[] = ['wmv1', 'wmv2', 'wmv3', 'vc1', 'msmpeg4v3', 'wma2', 'vp8', 'ac3', 'eac3']

  assert.deepEqual(known.filter(isBrowserCodec), known)
  assert.deepEqual(unknown.filter(isBrowserCodec), [])
})

test('picture and sound are played as they are only where both can be', () => {
  const h264 = track('video', 'h264')
  const aac = track('audio', 'aac')
  const wma = track('audio', 'wma2')

  assert.ok(isBrowserMedia({ tracks: [h264, aac] }))
  assert.ok(isBrowserMedia({ tracks: [h264] }))
  assert.ok(isBrowserMedia({ tracks: [aac] }))
  assert.ok(isBrowserMedia({ tracks: [h264, aac, wma] }))
  assert.ok(!isBrowserMedia({ tracks: [h264, wma] }))
  assert.ok(!isBrowserMedia({ tracks: [aac], foreign: [{ kind: 'video' }] }))
  assert.ok(isBrowserMedia({ tracks: [h264, aac], foreign: [{ kind: 'audio' }] }))
  assert.ok(!isBrowserMedia({ tracks: [], foreign: [{ kind: 'video' }] }))
  assert.ok(!isBrowserMedia({ tracks: [track('text', 'webvtt')] }))
})
