import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { AudienceIntake } from '../services/audience/audience-intake.ts'
import { GOLDEN_SESSIONS, GOLDEN_START, goldenEvents } from '../services/audience/store/vectors.ts'
import { exportAudience } from './export-audience.ts'

const RANGE = { from: GOLDEN_START, until: GOLDEN_START + 180_000 }

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'headend-export-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}

describe('the audience of a data folder', () => {
  it('is written into files while its server runs', async (t) => {
    const data = folderFor(t)
    writeFileSync(join(data, 'secrets.json'), '{}')
    const intake = await AudienceIntake.open({ folder: join(data, 'audience') })
    t.after(() => intake.close())
    await intake.append(goldenEvents())
    await intake.drain()
    const folder = join(data, 'exports')

    const paths = await exportAudience({ data, what: 'events', format: 'jsonl', ...RANGE, path: 'live/one', folder })
    const plain = await exportAudience({ data, what: 'sessions', format: 'csv', ...RANGE, folder, compress: false })

    assert.deepEqual(readdirSync(folder).toSorted(), [
      'audience-events-2026-11-25T20-00Z_0001.jsonl.gz',
      'audience-sessions-2026-11-25T20-00Z_0001.csv',
    ])
    const events = gunzipSync(readFileSync(paths[0] ?? ''))
      .toString()
      .trimEnd()
      .split('\n')
    assert.deepEqual(events.map((line): unknown => JSON.parse(line)).slice(-5), GOLDEN_SESSIONS['a'])
    assert.equal(readFileSync(plain[0] ?? '', 'utf8').split('\r\n').length, 1 + 8 + 1)
    await assert.rejects(exportAudience({ data, what: 'sessions', format: 'wms', ...RANGE, folder }), {
      code: 'ERR_USAGE',
    })
    await assert.rejects(exportAudience({ data, what: 'sessions', format: 'csv', ...RANGE, folder, compress: false }), {
      code: 'ERR_AUDIENCE_EXPORT',
    })
  })

  it('is not there in a folder that is no server’s, nor where none was kept', async (t) => {
    const data = folderFor(t)
    const ask = () => exportAudience({ data, what: 'sessions', format: 'csv', ...RANGE, folder: data })

    await assert.rejects(ask, { code: 'ERR_USAGE' })
    writeFileSync(join(data, 'secrets.json'), '{}')
    await assert.rejects(ask, { code: 'ERR_AUDIENCE_STORE' })

    assert.deepEqual(readdirSync(data), ['secrets.json'])
  })
})
