import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { librarySegments, openLibrary } from './library.ts'

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
    const file = await openLibrary(folder).open('vod/a.wmv')

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
      const file = await openLibrary(folder).open(path)
      assert.equal(file.size, size)
      await file.close()
    }
  })

  it('F-02: opens nothing outside, whatever links say, nothing hidden and no folder', async () => {
    for (const path of ['vod/link.wmv', 'vod/up/secret.wmv', 'vod/.hidden.wmv', 'vod/sub folder', 'vod/none.wmv']) {
      await assert.rejects(openLibrary(folder).open(path), { code: 'ERR_LIBRARY_NOT_FOUND' }, path)
    }
    await assert.rejects(openLibrary(join(parent, 'missing')).open('vod/a.wmv'), { code: 'ERR_LIBRARY_NOT_FOUND' })
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
})
