import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { createLicenseServer } from '../../server/license-server.ts'
import { createToken, revokeToken } from '../../server/tokens.ts'
import { issueToken, ownTokenKey } from '../auth/tokens/own-tokens.ts'

const FILM = 'vod/films/a b.mp4'
const PATHS = {
  'vod/films/**': { play: 'token', protect: { scheme: 'cbcs' } },
  'live/open': { protect: true },
  'live/elsewhere': { play: 'token', protect: { licenseUrl: 'https://keys.example/license' } },
  'live/clear': { play: 'token' },
}

async function setUp(t: TestContext) {
  const data = mkdtempSync(join(tmpdir(), 'headend-status-'))
  const settings = { data, host: '127.0.0.1', http: { port: 0, trustedProxies: ['127.0.0.1'] }, paths: PATHS }
  const server = await createLicenseServer(settings, { writeLog: () => undefined })
  t.after(async () => {
    await server.close()
    rmSync(data, { recursive: true, force: true })
  })
  const ask = async (path: string, token?: string, headers: Record<string, string> = {}) => {
    const query = new URLSearchParams({ path, ...(token !== undefined && { token }) })
    const response = await fetch(`${server.urls['http']}/license/status?${query.toString()}`, { headers })
    return (await response.json()) as { protected?: boolean; code?: string; [name: string]: unknown }
  }
  return { server, data, ask }
}

describe('status of licences', () => {
  it('tells whether a path is protected, and how', async (t) => {
    const { ask } = await setUp(t)

    assert.deepEqual(await ask('live/clear'), { protected: false })
    assert.deepEqual(await ask('live/open'), { protected: true, scheme: 'cenc' })
    assert.deepEqual(await ask('live/elsewhere'), {
      protected: true,
      scheme: 'cenc',
      licenseUrl: 'https://keys.example/license',
    })
  })

  it('tells what the licence server would say to a token', async (t) => {
    const { server, data, ask } = await setUp(t)
    const request = { path: 'vod/films/**', expiresSeconds: 60 }
    const good = await createToken({ data }, request)
    const revoked = await createToken({ data }, request)
    await revokeToken({ data }, revoked.id)
    const expired = await issueToken(ownTokenKey(server.secrets.masterKey), request, Date.now() - 3_600_000)
    const other = await createToken({ data }, { ...request, path: 'live/clear' })

    assert.deepEqual(await ask(FILM, good.token), { protected: true, scheme: 'cbcs' })
    assert.equal((await ask(FILM)).code, 'ERR_LICENSE_NEEDED')
    assert.equal((await ask(FILM, expired.token)).code, 'ERR_LICENSE_EXPIRED')
    assert.equal((await ask(FILM, revoked.token)).code, 'ERR_LICENSE_REFUSED')
    assert.equal((await ask(FILM, other.token)).code, 'ERR_LICENSE_REFUSED')
  })

  it('tells that keys do not go over plain HTTP to everywhere', async (t) => {
    const { ask } = await setUp(t)
    const far = { 'x-forwarded-for': '203.0.113.9' }

    assert.equal((await ask('live/open', undefined, far)).code, 'ERR_LICENSE_INSECURE')
    assert.equal((await ask('live/open', undefined, { ...far, 'x-forwarded-proto': 'https' })).code, undefined)
    assert.deepEqual(await ask('live/clear', undefined, far), { protected: false })
  })

  it('is of paths only', async (t) => {
    const { ask } = await setUp(t)

    for (const path of ['', 'vod/../secrets.json', 'vod/', 'live/a b', '/live/open', `vod/${'x'.repeat(5000)}`]) {
      assert.equal((await ask(path)).code, 'ERR_PATH_INVALID', path.slice(0, 20))
    }
  })
})
