import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { openAudienceStore } from './open-store.ts'
import { openSpoolName, readKnownCommitted, writeKnownCommitted } from './spool-name.ts'
import { batchesOf, goldenEvents } from './vectors.ts'

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'audience-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return join(folder, 'audience')
}

describe('the store of the settings', () => {
  it('is SQLite where no database is named', async (t) => {
    const folder = folderFor(t)
    const store = openAudienceStore({ folder })
    t.after(() => store.close())

    assert.equal(await store.committed(), 0)
    assert.ok(statSync(join(folder, 'audience.sqlite')).isFile())
  })

  it('is asked and filled at once from the beginning', async (t) => {
    const events = goldenEvents()

    for (let round = 0; round < 5; round++) {
      const store = openAudienceStore({ folder: folderFor(t) })
      t.after(() => store.close())
      const range = { from: 0, until: Date.now(), now: Date.now() }

      const [committed] = await Promise.all([
        store.commit(batchesOf(events)),
        store.overview(range),
        store.shares(range, 'path'),
      ])

      assert.equal(committed.events, events.length)
    }
  })

  it('is no database with another address, which is not repeated', (t) => {
    for (const database of ['mysql://u:secret@h/d', 'secret', '', 'postgres//secret']) {
      assert.throws(
        () => openAudienceStore({ folder: folderFor(t), database }),
        (error: Error & { code?: string }) =>
          error.code === 'ERR_AUDIENCE_DATABASE' && error.name === 'ConfigError' && !error.message.includes('secret'),
      )
    }
  })

  it('takes batches while a PostgreSQL is away from the beginning', async (t) => {
    const folder = folderFor(t)
    const store = openAudienceStore({ folder, database: 'postgres://headend@127.0.0.1:1/audience' })
    t.after(() => store.close())

    assert.equal(await store.committed(), 0)
    writeKnownCommitted(folder, 41)
    assert.equal(await store.committed(), 41)
    await assert.rejects(store.commit(batchesOf(goldenEvents())), {
      name: 'UnavailableError',
      code: 'ERR_AUDIENCE_STORE',
    })
  })
})

describe('the name of a spool', () => {
  it('stays, for its owner only, with the number that was known last', (t) => {
    const folder = folderFor(t)

    const name = openSpoolName(folder)
    writeKnownCommitted(folder, 2 ** 40)

    assert.equal(openSpoolName(folder), name)
    assert.equal(readKnownCommitted(folder), 2 ** 40)
    assert.equal(statSync(join(folder, 'spool-name')).mode & 0o077, 0)
    assert.notEqual(openSpoolName(folderFor(t)), name)
  })

  it('is not made up where the file holds another thing', (t) => {
    const folder = folderFor(t)
    openSpoolName(folder)
    for (const text of ['', 'name', `${openSpoolName(folder)}x`]) {
      writeFileSync(join(folder, 'spool-name'), text)

      assert.throws(() => openSpoolName(folder), { name: 'ConfigError', code: 'ERR_AUDIENCE_STORE' })
    }
    for (const text of ['', '-1', '1e9', '9'.repeat(40)]) {
      writeFileSync(join(folder, 'committed'), text)

      assert.equal(readKnownCommitted(folder), undefined)
    }
  })
})
