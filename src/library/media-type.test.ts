import assert from 'node:assert/strict'
import { it } from 'node:test'
import { mediaTypeOf } from './media-type.ts'

const MP4 = Buffer.from('00000018667479706973', 'hex')
const EBML = (docType: string) =>
  Buffer.concat([Buffer.from('1a45dfa3934282', 'hex'), Buffer.from([0x80 | docType.length]), Buffer.from(docType)])
const NOTHING = new Uint8Array(0)

it('bytes tell the container, and the ending which of its names it is', () => {
  assert.equal(mediaTypeOf(MP4, 'vod/film.wmv'), 'video/mp4')
  assert.equal(mediaTypeOf(MP4, 'vod/song.M4A'), 'audio/mp4')
  assert.equal(mediaTypeOf(EBML('webm'), 'vod/film.mkv'), 'video/webm')
  assert.equal(mediaTypeOf(EBML('matroska'), 'vod/film.webm'), 'video/x-matroska')
  assert.equal(mediaTypeOf(Buffer.from('FLV\u0001'), 'vod/film'), 'video/x-flv')
})

it('what is no media has a type that runs nothing', () => {
  for (const name of [
    'page.html',
    'page.xhtml',
    'picture.svg',
    'program.js',
    'no-ending',
    '.hidden',
    'a.__proto__',
    'a.constructor',
  ]) {
    assert.equal(mediaTypeOf(NOTHING, `vod/${name}`), 'application/octet-stream', name)
  }
  assert.equal(mediaTypeOf(NOTHING, 'vod/film.de.vtt'), 'text/vtt; charset=utf-8')
})
