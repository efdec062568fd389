import assert from 'node:assert/strict'
import { it } from 'node:test'
import { mediaPathOf } from './media-path.ts'

it('finds the stream or file of an address', () => {
  for (const [target, path, protocol] of [
    ['/live/studio/index.m3u8', 'live/studio', 'hls'],
    ['/live/studio/manifest.mpd?CMCD=sid%3D%22a%22', 'live/studio', 'dash'],
    ['/live/a/b/video-1-0123456789ab-7.2.m4s', 'live/a/b', undefined],
    ['/live/studio/video-1-0123456789ab-init-0.mp4', 'live/studio', undefined],
    ['/live/studio.flv?wait=3', 'live/studio', 'http-flv'],
    ['/channel/news.asx', 'channel/news', undefined],
    ['/vod/films/harbour%20night.mp4', 'vod/films/harbour night.mp4', undefined],
    ['/vod/films/harbour.mp4/audio-101.m3u8', 'vod/films/harbour.mp4', 'hls'],
    ['/vod/harbour.mkv.flv', 'vod/harbour.mkv', 'http-flv'],
    ['/vod/harbour.flv', 'vod/harbour.flv', 'http-flv'],
    ['https://elsewhere.test:8443/live/studio/video-1.m3u8?t=1#x', 'live/studio', 'hls'],
    ['mms://media.test/live/studio', 'live/studio', undefined],
    ['rtmp://media.test/live/studio', 'live/studio', undefined],
  ] as const) {
    assert.deepEqual(mediaPathOf(target), { path, protocol }, target)
  }
})

it('finds none in others', () => {
  for (const target of [
    '',
    '/',
    '/live',
    '/live/',
    '/live/.flv',
    '/live//index.m3u8',
    '/live/a//index.m3u8',
    '/api/v1/live/a',
    '/live/%ff',
    'javascript:alert(1)',
    'live/studio',
  ]) {
    assert.equal(mediaPathOf(target), undefined, target)
  }
})
