import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import { openLibrary } from '../../library/library.ts'
import { findMediaSet } from './media-set.ts'

function library(t: TestContext, names: readonly string[]) {
  const root = mkdtempSync(join(tmpdir(), 'headend-set-'))
  t.after(() => rmSync(root, { recursive: true }))
  mkdirSync(join(root, 'folder'))
  for (const name of names) writeFileSync(join(root, name), 'x')
  return openLibrary(() => ({ root, mounts: {} }))
}

it('finds a file and its subtitles', async (t) => {
  const files = library(t, [
    'film.mp4',
    'film.srt',
    'film.en.srt',
    'film.de.forced.vtt',
    'film.pt-BR.sdh.vtt',
    'film.cc.vtt',
    'film.txt',
    'film2.en.srt',
    'folder/film.en.srt',
  ])

  const set = await findMediaSet(files, 'vod/film.mp4')

  assert.deepEqual(
    set.files.map(({ path }) => path),
    ['vod/film.mp4'],
  )
  assert.deepEqual(
    set.sidecars.map(({ file, language, forced, forDeaf }) => [file.path.slice(4), language, forced, forDeaf]),
    [
      ['film.cc.vtt', undefined, false, true],
      ['film.de.forced.vtt', 'de', true, false],
      ['film.en.srt', 'en', false, false],
      ['film.pt-BR.sdh.vtt', 'pt-BR', false, true],
      ['film.srt', undefined, false, false],
    ],
  )
})

it('finds qualities where there is no file of the name', async (t) => {
  const files = library(t, [
    'a.720p.mp4',
    'a.1080p50.mkv',
    'a.800k.mp4',
    'a.en.srt',
    'a.part.mp4',
    'folder/b.360p.mp4',
    'folder/b.720p.mp4',
  ])

  const names = async (path: string) => (await findMediaSet(files, path)).files.map((file) => file.path.slice(4)).sort()
  assert.deepEqual(await names('vod/a'), ['a.1080p50.mkv', 'a.720p.mp4', 'a.800k.mp4'])
  assert.deepEqual(await names('vod/a.720p.mp4'), ['a.720p.mp4'])
  assert.deepEqual(await names('vod/folder/b'), ['folder/b.360p.mp4', 'folder/b.720p.mp4'])
  assert.equal((await findMediaSet(files, 'vod/a')).sidecars.length, 1)
})

it('is another version when a file or a subtitle changes', async (t) => {
  const files = library(t, ['film.mp4'])
  const before = (await findMediaSet(files, 'vod/film.mp4')).version

  assert.equal((await findMediaSet(files, 'vod/film.mp4')).version, before)
  await assert.rejects(findMediaSet(files, 'vod/folder'), { code: 'ERR_LIBRARY_NOT_FOUND' })
  await assert.rejects(findMediaSet(files, 'vod/none.mp4'), { code: 'ERR_LIBRARY_NOT_FOUND' })
  for (const path of ['vod/../film.mp4', 'vod/./film.mp4', 'vod/a\u0000b', 'live/film.mp4', 'vod/']) {
    await assert.rejects(findMediaSet(files, path), { code: 'ERR_PATH_INVALID' })
  }
})
