import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { librarySegments, openLibrary } from './library.ts'

function library(root: string, mounts: Record<string, string> = {}) {
  return openLibrary(() => ({ root, mounts }))
}

describe('library', () => {
  let parent = ''
  let folder = ''
  before(() => {
    parent = mkdtempSync(join(tmpdir(), 'headend-library-'))
    folder = join(parent, 'media')
    mkdirSync(join(folder, 'sub folder'), { recursive: true })
    writeFileSync(join(parent, 'secret.wmv'), 'outside')
    writeFileSync(join(folder, 'a.wmv'), '0123456789')
    writeFileSync(join(folder, '.hidden.wmv'), 'hidden')
    writeFileSync(join(folder, 'sub folder', 'Konzert – Ω 1.wma'), 'inside')
    symlinkSync(join(parent, 'secret.wmv'), join(folder, 'link.wmv'))
    symlinkSync(parent, join(folder, 'up'))
    symlinkSync(join(folder, 'a.wmv'), join(folder, 'b.wmv'))
  })
  after(() => rmSync(parent, { recursive: true, force: true }))

  it('reads a file by its path', async () => {
    const file = await library(folder).open('vod/a.wmv')

    assert.equal(file.size, 10)
    assert.equal(Buffer.from(await file.read(3, 4)).toString(), '3456')
    assert.equal(Buffer.from(await file.read(8, 100)).toString(), '89')
    assert.equal((await file.read(20, 4)).byteLength, 0)
    await file.close()
  })

  it('opens names in any script, folders, and links that stay inside', async () => {
    for (const [path, size] of [
      ['vod/sub folder/Konzert – Ω 1.wma', 6],
      ['vod/b.wmv', 10],
    ] as const) {
      const file = await library(folder).open(path)
      assert.equal(file.size, size)
      await file.close()
    }
  })

  it('F-02: opens nothing outside, whatever links say, nothing hidden and no folder', async () => {
    for (const path of ['vod/link.wmv', 'vod/up/secret.wmv', 'vod/.hidden.wmv', 'vod/sub folder', 'vod/none.wmv']) {
      await assert.rejects(library(folder).open(path), { code: 'ERR_LIBRARY_NOT_FOUND' }, path)
    }
    await assert.rejects(library(join(parent, 'missing')).open('vod/a.wmv'), { code: 'ERR_LIBRARY_NOT_FOUND' })
  })

  it('finds nothing below a file, however often it is asked for, and the file itself still', async () => {
    const one = library(folder)

    for (let time = 0; time < 3; time++) {
      await assert.rejects(one.open('vod/b.wmv/segment.m4s'), { code: 'ERR_LIBRARY_NOT_FOUND' })
      await assert.rejects(one.open('vod/b.wmv/..'), { code: 'ERR_PATH_INVALID' })
      const file = await one.open('vod/b.wmv')
      assert.equal(file.size, 10)
      await file.close()
    }
  })

  it('F-01: refuses paths that leave the folder or mean two things', () => {
    const refused = [
      'vod',
      'vod/',
      'live/a',
      'vod/../secret.wmv',
      'vod/a/./b',
      'vod//a',
      'vod/a\\..\\b',
      'vod/a\0b',
      'vod/\ud800',
    ]
    for (const path of [...refused, `vod/${'x'.repeat(1100)}`, `vod/${'a/'.repeat(40)}b`]) {
      assert.throws(() => librarySegments(path), { code: 'ERR_PATH_INVALID' }, JSON.stringify(path))
    }
    assert.deepEqual(librarySegments('vod/a..b/..c'), ['a..b', '..c'])
  })

  it('lists what may be opened, by name, with mounted folders in their place', async () => {
    const mounted = join(parent, 'recordings')
    mkdirSync(mounted, { recursive: true })
    writeFileSync(join(mounted, 'yesterday.mp4'), 'recorded')
    mkdirSync(join(folder, 'tapes'), { recursive: true })
    writeFileSync(join(folder, 'tapes', 'shadowed.mp4'), 'not seen')
    const both = library(folder, { tapes: mounted, later: join(parent, 'not there yet') })

    const names = async (path: string) => (await both.list(path)).map((entry) => `${entry.kind} ${entry.path}`)

    assert.deepEqual(await names('vod'), [
      'file vod/a.wmv',
      'file vod/b.wmv',
      'folder vod/sub folder',
      'folder vod/tapes',
    ])
    assert.deepEqual(await names('vod/tapes'), ['file vod/tapes/yesterday.mp4'])
    assert.equal((await both.open('vod/tapes/yesterday.mp4')).size, 8)
    await assert.rejects(both.open('vod/tapes/shadowed.mp4'), { code: 'ERR_LIBRARY_NOT_FOUND' })
    await assert.rejects(both.open('vod/tapes'), { code: 'ERR_LIBRARY_NOT_FOUND' })
    await assert.rejects(both.list('vod/none'), { code: 'ERR_LIBRARY_NOT_FOUND' })
    assert.deepEqual(await library(join(parent, 'missing')).list('vod'), [])
  })
})
