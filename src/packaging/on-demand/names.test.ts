import assert from 'node:assert/strict'
import { it } from 'node:test'
import { cuesName, initName, keyPictureName, parseOnDemandName, parsePlaylistName, segmentName } from './names.ts'

const TOKEN = '0123456789ab'

it('reads the names that it writes', () => {
  const rendition = 'video-1'
  assert.deepEqual(parseOnDemandName(initName(rendition, TOKEN)), { rendition, token: TOKEN, part: 'init', number: 0 })
  assert.deepEqual(parseOnDemandName(segmentName(rendition, TOKEN, 7)), {
    rendition,
    token: TOKEN,
    part: 'segment',
    number: 7,
  })
  assert.deepEqual(parseOnDemandName(keyPictureName(rendition, TOKEN, 8)), {
    rendition,
    token: TOKEN,
    part: 'key-picture',
    number: 8,
  })
  assert.deepEqual(parseOnDemandName(cuesName('text-301', TOKEN, 9)), {
    rendition: 'text-301',
    token: TOKEN,
    part: 'cues',
    number: 9,
  })
  assert.deepEqual(parsePlaylistName('audio-101.m3u8'), { rendition: 'audio-101', keyPictures: false })
  assert.deepEqual(parsePlaylistName('video-1-key-pictures.m3u8'), { rendition, keyPictures: true })
})

it('knows no others', () => {
  for (const name of [
    '',
    'film.mp4',
    'video-1-init.mp4',
    `video-1-${TOKEN}-1.mp4`,
    `video-1-${TOKEN}-x.m4s`,
    `data-1-${TOKEN}-1.m4s`,
    `video-1-${TOKEN}-123456789.m4s`,
  ]) {
    assert.equal(parseOnDemandName(name), undefined, name)
    assert.equal(parsePlaylistName(name), undefined, name)
  }
})
