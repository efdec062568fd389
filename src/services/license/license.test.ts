/** The licence server through HTTP: a server with keys, tokens and paths, and nothing else. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { createLicenseServer } from '../../server/license-server.ts'
import { createToken, revokeToken } from '../../server/tokens.ts'
import { issueToken, ownTokenKey, type TokenRequest } from '../auth/tokens/own-tokens.ts'
import { KeyStore } from '../keys/key-store.ts'
import { KeyWrapping } from '../keys/key-wrapping.ts'

const PROBLEM = 'https://dashif.org/drm-problems/'
const PATHS = {
  'live/closed': { play: 'token' },
  'live/other': { play: 'token' },
  'live/keyed': { play: 'key', playKey: 'a key of this path' },
}

async function setUp(t: TestContext, settings: Record<string, unknown> = {}) {
  const data = mkdtempSync(join(tmpdir(), 'headend-license-'))
  const lines: string[] = []
  const server = await createLicenseServer(
    {
      data,
      host: '127.0.0.1',
      http: { port: 0, trustedProxies: ['127.0.0.1'] },
      paths: PATHS,
      log: { level: 'debug', format: 'json' },
      ...settings,
    },
    { writeLog: (line) => void lines.push(line) },
  )
  t.after(async () => {
    await server.close()
    rmSync(data, { recursive: true, force: true })
  })
  const store = new KeyStore(join(data, 'keys.sqlite'), new KeyWrapping(server.secrets.masterKey))
  t.after(() => store.close())
  const keyOf = (path: string, period = 0) => store.keyFor({ path, content: 'run', period })
  const base = server.urls['http'] ?? ''
  const ask = async (ids: readonly Uint8Array[], headers: Record<string, string> = {}, query = '') => {
    const body = JSON.stringify({ kids: ids.map((id) => Buffer.from(id).toString('base64url')), type: 'temporary' })
    // As shaka-player and hls.js do: without a content type of JSON.
    const response = await fetch(`${base}/license/clearkey${query}`, { method: 'POST', body, headers })
    const answer = (await response.json()) as { keys?: { kid: string; k: string }[]; code?: string; type?: string }
    return { status: response.status, headers: response.headers, ...answer }
  }
  const token = async (request: Partial<TokenRequest> = {}) =>
    createToken({ data }, { path: 'live/closed', expiresSeconds: 60, ...request })
  return { server, data, base, store, keyOf, ask, token, log: () => lines.join('') }
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

describe('licences', () => {
  it('D-01: give who may play a path its keys, and only those', async (t) => {
    const { keyOf, ask, token } = await setUp(t)
    const closed = keyOf('live/closed')
    const next = keyOf('live/closed', 1)
    const other = keyOf('live/other')
    const unknown = new Uint8Array(16).fill(7)
    const { token: shown } = await token()

    const { status, keys, headers } = await ask([unknown, other.id, closed.id, next.id], bearer(shown))

    assert.equal(status, 200)
    assert.deepEqual(
      keys?.map(({ kid, k }) => [kid, k]),
      [closed, next].map(({ id, key }) => [
        Buffer.from(id).toString('base64url'),
        Buffer.from(key).toString('base64url'),
      ]),
    )
    assert.equal(headers.get('cache-control'), 'no-store')
    assert.equal(headers.get('access-control-allow-origin'), '*')
    assert.equal((await ask([closed.id], {}, `?token=${shown}`)).status, 200)
  })

  it('of open paths are for everybody, of keyed ones for who has the key', async (t) => {
    const { keyOf, ask } = await setUp(t)
    const open = keyOf('vod/film.mp4')
    const keyed = keyOf('live/keyed')

    assert.equal((await ask([open.id])).status, 200)
    assert.equal((await ask([keyed.id])).status, 403)
    assert.equal((await ask([keyed.id], {}, '?key=a%20key%20of%20this%20path')).status, 200)
    assert.equal((await ask([open.id, keyed.id])).keys?.length, 1)
  })

  it('D-01: are refused in the terms of DASH-IF without a token, with an expired, foreign, revoked or other one', async (t) => {
    const { keyOf, ask, token, data, server } = await setUp(t)
    const { id } = keyOf('live/closed')
    const ownKey = ownTokenKey(server.secrets.masterKey)
    const expired = await issueToken(ownKey, { path: 'live/closed', expiresSeconds: 60 }, Date.now() - 3_600_000)
    const revoked = await token()
    assert.equal((await ask([id], bearer(revoked.token))).status, 200)
    await revokeToken({ data }, revoked.id)
    const foreign = await issueToken(ownTokenKey('of another server'), { path: 'live/closed', expiresSeconds: 60 })
    const cases: readonly [string, Record<string, string>, string, string][] = [
      ['nothing', {}, 'ERR_LICENSE_NEEDED', 'insufficient-proof-of-authorization'],
      ['expired', bearer(expired.token), 'ERR_LICENSE_EXPIRED', 'insufficient-proof-of-authorization'],
      ['revoked', bearer(revoked.token), 'ERR_LICENSE_REFUSED', 'not-authorized'],
      ['foreign', bearer(foreign.token), 'ERR_LICENSE_REFUSED', 'not-authorized'],
      ['other path', bearer((await token({ path: 'live/other' })).token), 'ERR_LICENSE_REFUSED', 'not-authorized'],
      ['publish', bearer((await token({ actions: ['publish'] })).token), 'ERR_LICENSE_REFUSED', 'not-authorized'],
      [
        'other keys',
        bearer((await token({ keyIds: ['00'.repeat(16)] })).token),
        'ERR_LICENSE_REFUSED',
        'not-authorized',
      ],
    ]

    for (const [name, headers, code, type] of cases) {
      const answer = await ask([id], headers)
      assert.deepEqual([answer.status, answer.code, answer.type], [403, code, `${PROBLEM}${type}`], name)
      assert.equal(answer.headers.get('content-type'), 'application/problem+json')
      assert.equal(answer.keys, undefined)
    }
  })

  it('a token for one key opens one', async (t) => {
    const { keyOf, ask, token } = await setUp(t)
    const [first, second] = [keyOf('live/closed', 0), keyOf('live/closed', 1)]
    const { token: shown } = await token({ keyIds: [Buffer.from(first.id).toString('hex')] })

    const { keys } = await ask([first.id, second.id], bearer(shown))

    assert.deepEqual(
      keys?.map(({ kid }) => kid),
      [Buffer.from(first.id).toString('base64url')],
    )
  })

  it('uses are counted by address, and asking again is a renewal', async (t) => {
    const { keyOf, ask, token } = await setUp(t)
    const { id } = keyOf('live/closed')
    const { token: shown } = await token({ uses: 1, renewSeconds: 60 })
    const from = (address: string) => ({ ...bearer(shown), 'x-forwarded-for': address, 'x-forwarded-proto': 'https' })

    const answers = [
      await ask([id], from('192.0.2.1')),
      await ask([id], from('192.0.2.1')),
      await ask([id], from('192.0.2.2')),
    ]

    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 403],
    )
  })

  it('D-02: too many requests of one address or token are answered with 429', async (t) => {
    const { keyOf, ask, token } = await setUp(t, { license: { perAddress: 30, perToken: 15 } })
    const { id } = keyOf('live/closed')
    const { token: shown } = await token()
    const from = (address: string) => ({ ...bearer(shown), 'x-forwarded-for': address, 'x-forwarded-proto': 'https' })

    const replayed = []
    for (let index = 0; index < 6; index++) replayed.push(await ask([id], from(`192.0.2.${index}`)))
    const without = []
    for (let index = 0; index < 11; index++) {
      without.push((await ask([id], { 'x-forwarded-for': '192.0.2.77', 'x-forwarded-proto': 'https' })).status)
    }

    assert.deepEqual(
      replayed.map(({ status }) => status),
      [200, 200, 200, 200, 200, 429],
    )
    const wait = Number(replayed.at(-1)?.headers.get('retry-after'))
    assert.ok(wait >= 1 && wait <= 4, `${wait}`)
    assert.deepEqual(without, [...Array.from({ length: 10 }, () => 403), 429])
  })

  it('D-03: go over TLS, or stay in private networks', async (t) => {
    const { keyOf, ask, token, server } = await setUp(t)
    const { id } = keyOf('live/closed')
    const { token: shown } = await token()
    const from = (address: string, more = {}) => ask([id], { ...bearer(shown), 'x-forwarded-for': address, ...more })

    const plain = await from('192.0.2.1')

    assert.deepEqual([plain.status, plain.code], [403, 'ERR_LICENSE_INSECURE'])
    assert.equal((await from('192.0.2.1', { 'x-forwarded-proto': 'http' })).status, 403)
    assert.equal((await from('2001:db8::1')).status, 403)
    assert.equal((await from('192.0.2.1', { 'x-forwarded-proto': 'https' })).status, 200)
    for (const address of ['127.0.0.1', '::1', '10.1.2.3', '172.31.0.1', '192.168.1.9', 'fd00::1']) {
      assert.equal((await from(address)).status, 200, address)
    }
    await server.reload({
      data: server.settings.server.data,
      host: '127.0.0.1',
      http: { port: 0, trustedProxies: ['127.0.0.1'] },
      paths: PATHS,
      license: { insecure: true },
    })
    assert.deepEqual(Object.keys(server.ports), ['http'])
    assert.equal((await from('192.0.2.1')).status, 200)
  })

  it('what is no request is refused before anybody is asked', async (t) => {
    const { base } = await setUp(t)
    const post = (body: string | Uint8Array<ArrayBuffer>) => fetch(`${base}/license/clearkey`, { method: 'POST', body })

    assert.equal((await post('')).status, 400)
    assert.equal((await post('{"kids":[]}')).status, 400)
    assert.equal((await post(new Uint8Array(100_000))).status, 413)
    assert.equal((await post(JSON.stringify({ kids: Array.from({ length: 65 }, () => 'x') }))).status, 400)
    assert.equal((await fetch(`${base}/license/clearkey`)).status, 405)
    assert.equal((await post('{"kids":["LwVHf8JLtPrv2GUXFW2v_A"],"type":"persistent-license"}')).status, 403)
    const preflight = await fetch(`${base}/license/clearkey`, {
      method: 'OPTIONS',
      headers: { origin: 'https://example.com', 'access-control-request-method': 'POST' },
    })
    assert.equal(preflight.status, 204)
    assert.match(preflight.headers.get('access-control-allow-methods') ?? '', /POST/)
    assert.match(preflight.headers.get('access-control-allow-headers') ?? '', /Authorization/)
  })

  it('AES-128 keys are 16 bytes under the same rules', async (t) => {
    const { base, keyOf, token } = await setUp(t)
    const { id, key } = keyOf('live/closed')
    const { token: shown } = await token()
    const address = `${base}/key/aes128/${Buffer.from(id).toString('hex')}`

    const given = await fetch(`${address}?token=${shown}`)

    assert.equal(given.headers.get('content-type'), 'application/octet-stream')
    assert.deepEqual(Buffer.from(await given.arrayBuffer()), Buffer.from(key))
    assert.equal((await fetch(address)).status, 403)
    assert.equal((await fetch(`${base}/key/aes128/${'0'.repeat(32)}?token=${shown}`)).status, 403)
    assert.equal((await fetch(`${base}/key/aes128/..%2f..%2fsecrets.json`)).status, 400)
    assert.equal((await fetch(`${base}/key/aes128/secrets.json`)).status, 404)
    assert.equal((await fetch(address, { method: 'DELETE' })).status, 405)
  })

  it('D-05: the audit log has key ids and reasons, and neither keys nor tokens', async (t) => {
    const { keyOf, ask, token, log, base, server } = await setUp(t)
    const { id, key } = keyOf('live/closed')
    const { token: shown, id: tokenId } = await token()
    await ask([id], bearer(shown))
    await ask([id], bearer(`${shown}x`))
    await ask([id], {}, `?token=${shown}`)

    const text = `${log()}${await (await fetch(`${base}/metrics`)).text()}`

    const hex = Buffer.from(id).toString('hex')
    const given = text.split('\n').filter((line) => line.includes('"audit":"licence"'))
    assert.ok(given.some((line) => line.includes(hex) && line.includes(tokenId) && line.includes('keys given')))
    assert.ok(given.some((line) => line.includes(hex) && line.includes('ERR_LICENSE_REFUSED')))
    assert.match(text, /headend_licenses_total\{outcome="granted"\} 2\n/)
    assert.match(text, /headend_licenses_total\{outcome="refused"\} 1\n/)
    for (const secret of [shown, server.secrets.masterKey, server.secrets.adminToken]) assert.ok(!text.includes(secret))
    for (const form of ['hex', 'base64', 'base64url'] as const) {
      assert.ok(!text.includes(Buffer.from(key).toString(form)), form)
    }
  })
})

describe('keys and tokens over the API', () => {
  it('are listed without secrets, come in and go out with the admin token only', async (t) => {
    const { base, keyOf, server, ask } = await setUp(t)
    const { id, key } = keyOf('vod/film.mp4')
    const own = Buffer.from(key).toString('hex')
    const json = async (method: string, path: string, body?: unknown, token = server.secrets.adminToken) => {
      const response = await fetch(`${base}/api/v1${path}`, {
        method,
        headers: { ...bearer(token), ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      return { status: response.status, text: await response.text() }
    }
    const imported = { id: 'ab'.repeat(16), key: 'cd'.repeat(16), path: 'live/imported' }

    assert.equal((await json('POST', '/keys', { keys: [imported] })).status, 204)
    const list = await json('GET', '/keys')
    const refused = await json('POST', '/keys/export', { path: 'vod/film.mp4' })
    const exported = await json('POST', '/keys/export', { path: 'vod/film.mp4', includeKeys: true })

    assert.ok(list.text.includes(Buffer.from(id).toString('hex')) && list.text.includes(imported.id))
    assert.ok(!list.text.includes(own) && !list.text.includes(imported.key))
    assert.equal(refused.status, 400)
    assert.ok(exported.text.includes(own))
    assert.equal(
      (await ask([Buffer.from(imported.id, 'hex')])).keys?.[0]?.k,
      Buffer.from(imported.key, 'hex').toString('base64url'),
    )
    assert.equal((await json('POST', '/keys', { keys: [{ ...imported, key: 'ee'.repeat(16) }] })).status, 409)
    assert.equal((await json('POST', '/keys', { keys: [{ ...imported, id: 'x' }] })).status, 400)
    for (const wrong of [server.secrets.publishKey, server.secrets.playKey]) {
      assert.equal((await json('GET', '/keys', undefined, wrong)).status, 401)
      assert.equal((await json('POST', '/keys/export', { path: 'vod/film.mp4', includeKeys: true }, wrong)).status, 401)
    }
  })

  it('tokens are made, revoked and listed', async (t) => {
    const { server, keyOf, ask, data } = await setUp(t)
    const place = { server: server.urls['http'] ?? '', token: server.secrets.adminToken }
    const { id } = keyOf('live/closed')

    const made = await createToken(place, { path: 'live/closed', expiresSeconds: 60 })
    const before = await ask([id], bearer(made.token))
    await revokeToken(place, made.id)
    const after = await ask([id], bearer(made.token))
    const revoked = await fetch(`${place.server}/api/v1/tokens/revoked`, { headers: bearer(place.token) })

    assert.equal(made.open, false)
    assert.equal((await createToken(place, { path: 'live/anything', expiresSeconds: 60 })).open, true)
    assert.deepEqual([before.status, after.status], [200, 403])
    assert.ok((await revoked.text()).includes(made.id))
    await assert.rejects(createToken({ ...place, token: 'wrong' }, { path: 'a', expiresSeconds: 60 }), {
      code: 'ERR_TOKEN_SERVER',
    })
    const empty = { data: join(data, 'nothing') }
    await assert.rejects(createToken(empty, { path: 'live/closed', expiresSeconds: 60 }), { code: 'ERR_USAGE' })
    await assert.rejects(revokeToken(empty, made.id), { code: 'ERR_USAGE' })
    await assert.rejects(createToken(place, { path: 'live/closed', expiresSeconds: 1e12 }), {
      code: 'ERR_TOKEN_SERVER',
    })
  })
})
