/** D-05 and L-04: content keys, the master key, secrets and passwords are nowhere but where somebody may have them. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import { createToken, hashPassword } from '../../src/index.ts'
import { formatUuid } from '../../src/media/protection/systems.ts'
import { movieFile } from '../../src/packaging/on-demand/vectors.ts'
import { issueToken, ownTokenKey } from '../../src/services/auth/tokens/own-tokens.ts'
import { type AttackedServer, eventually, startAttacked } from './attacked-server.ts'
import { publishLive } from './live-stream.ts'

const FILM_SECONDS = 10
const LIVE = 'live/studio'
/** The first, and the one that is made before it is needed. */
const LIVE_KEYS = 2
const IMPORTED = { id: randomBytes(16), key: randomBytes(16) }
const PASSWORD = `pAssWord${randomBytes(9).toString('hex')}`
const WEBHOOK = { secret: `sEcret${randomBytes(9).toString('hex')}`, query: `qUery${randomBytes(9).toString('hex')}` }

it('D-05 L-04: keys and secrets are in licences, key answers and exports, and nowhere else', async (t) => {
  const server = await startProtected(t)
  const admin = { authorization: `Bearer ${server.secrets.adminToken}` }
  const { masterKey } = JSON.parse(readFileSync(join(server.data, 'secrets.json'), 'utf8')) as { masterKey: string }
  const asker = new Asker(server)
  const api = (method: string, path: string, body?: unknown) =>
    asker.ask(method, `/api/v1${path}`, {
      headers: { ...admin, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })

  // An owner puts a key in, and gets those of the film out.
  const { token, id: tokenId } = await createToken({ data: server.data }, { path: 'vod/**', expiresSeconds: 600 })
  const imported = { id: IMPORTED.id.toString('hex'), key: IMPORTED.key.toString('hex'), path: 'vod/elsewhere.mp4' }
  assert.equal((await api('POST', '/keys', { keys: [imported] })).status, 204)
  await asker.play('vod/film.mp4', `?token=${token}`)
  const exported = await server.export('vod/film.mp4')
  assert.equal(exported.length, 1)
  // A live stream changes its key meanwhile.
  const live = await createToken({ data: server.data }, { path: LIVE, expiresSeconds: 600 })
  await publishLive(t, server, LIVE.replace('live/', ''))
  await asker.play(LIVE, `?token=${live.token}`)
  await eventually('its key has changed', async () => (await server.export(LIVE)).length > LIVE_KEYS)
  await asker.play(LIVE, `?token=${live.token}`)
  await asker.play(LIVE, `?token=${live.token}x`)
  assert.match(asker.answers.join('\n'), /^200 .*\/live\/studio\/video-1-.*\.m4s/m)
  const liveKeys = await server.export(LIVE)
  const content = [...[...exported, ...liveKeys].map(({ key }) => Buffer.from(key, 'hex')), IMPORTED.key]

  // Where they may be, they are.
  const [{ id: filmKey, key: filmSecretHex } = { id: '', key: '' }] = exported
  const filmSecret = Buffer.from(filmSecretHex, 'hex')
  const licence = await server.licence([Buffer.from(filmKey, 'hex'), IMPORTED.id], token)
  for (const key of [filmSecret, IMPORTED.key]) assert.ok(licence.includes(key.toString('base64url')))
  const liveLicence = await server.licence(
    liveKeys.map(({ id }) => Buffer.from(id, 'hex')),
    live.token,
  )
  for (const { key } of liveKeys) assert.ok(liveLicence.includes(Buffer.from(key, 'hex').toString('base64url')))
  const whole = await fetch(`${server.urls['http']}/key/aes128/${filmKey}?token=${token}`)
  assert.deepEqual(Buffer.from(await whole.arrayBuffer()), filmSecret)

  // People with passwords, and those who are refused in every way.
  const basic = (password: string) => `Basic ${Buffer.from(`alice:${password}`).toString('base64')}`
  await asker.play('vod/film.mp4', '', { authorization: basic(PASSWORD) })
  const issue = (secret: string, now?: number) =>
    issueToken(ownTokenKey(secret), { path: 'vod/**', expiresSeconds: 60 }, now)
  const refused = [await issue(masterKey, Date.now() - 3_600_000), await issue('of another server')]
  const bad = [...refused.map((one) => one.token), `${token}x`, `${token.slice(0, -40)}`]
  for (const wrong of bad) {
    await asker.ask('GET', '/vod/film.mp4/index.m3u8', { headers: { authorization: `Bearer ${wrong}` } })
    await asker.ask('GET', `/key/aes128/${filmKey}`, { headers: { authorization: `Bearer ${wrong}` } })
    await asker.licence([filmKey], { authorization: `Bearer ${wrong}` })
  }
  await asker.licence([filmKey], {})
  await asker.licence([filmKey], { authorization: basic(`${PASSWORD}x`) })
  await asker.ask('GET', '/vod/asked.mp4/index.m3u8', { headers: { authorization: `Bearer ${token}` } })
  // What is no request, with keys in it.
  const k = IMPORTED.key.toString('base64url')
  for (const body of [
    `{"keys":[{"kty":"oct","kid":"x","k":"${k}"}]`,
    JSON.stringify({ kids: 7, keys: [{ kty: 'oct', k }] }),
    `${k}${'\u0000'.repeat(20_000)}`,
  ]) {
    await asker.ask('POST', '/license/clearkey', { headers: { authorization: `Bearer ${token}` }, body })
  }
  // What is no import, and what contradicts the first.
  await api('POST', '/keys', { keys: [{ ...imported, id: 'x' }] })
  await api('POST', '/keys', { keys: [{ ...imported, key: `${imported.key}00` }] })
  await api('POST', '/keys', { keys: [{ ...imported, path: 'vod/other.mp4' }], more: imported.key })
  const other = randomBytes(16).toString('hex')
  assert.equal((await api('POST', '/keys', { keys: [{ ...imported, key: other }] })).status, 409)
  await api('POST', '/keys/export', { path: 'vod/film.mp4' })
  for (const text of [cpix('not a key'), cpix(IMPORTED.key.toString('base64'), '3.0'), '<CPIX']) {
    await asker.ask('POST', '/api/v1/keys/cpix?path=vod/film.mp4', {
      headers: { ...admin, 'content-type': 'application/xml' },
      body: text,
    })
  }
  // Packaging that fails halfway.
  const failures = asker.failures
  await asker.play('vod/broken.mp4', `?token=${token}`)
  assert.ok(asker.failures > failures, 'its pictures cannot be encrypted')

  // All that tells of the server.
  for (const path of [
    '/api/v1/server',
    '/api/v1/streams',
    '/api/v1/sessions',
    '/api/v1/keys',
    '/api/v1/tokens/revoked',
    '/api/openapi.json',
    '/metrics',
    '/live.json',
    '/library.json',
    '/license/status?path=vod/film.mp4',
    `/api/v1/streams/${LIVE}`,
    `/license/status?path=${LIVE}`,
    `/watch/${LIVE}`,
    '/watch/vod/film.mp4',
    '/health',
  ]) {
    await asker.ask('GET', path, { headers: admin })
  }
  const own = ['cmdline', 'environ'].map((name) => readFileSync(`/proc/${server.pid}/${name}`, 'latin1'))
  const kept = readdirSync(server.data, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.sqlite/.test(name))
    .map((name) => readFileSync(join(server.data, name), 'latin1'))
  assert.ok(kept.length > 0)

  const log = server.log()
  for (const key of [...content, Buffer.from(other, 'hex'), Buffer.from(masterKey, 'base64')]) {
    assertNowhere([...asker.answers, log, ...own, ...kept], formsOf(key))
  }
  for (const secret of [PASSWORD, WEBHOOK.secret, WEBHOOK.query, ...Object.values(server.secrets)]) {
    assertNowhere([...asker.answers, log, ...own, ...kept], [secret, ...formsOf(Buffer.from(secret))])
  }
  // Playlists carry the token that they were asked with; nothing else repeats one.
  for (const shown of [token, live.token, ...bad])
    assertNowhere([log, ...own, ...kept], [shown, shown.split('.').at(-1) ?? ''])
  // It was looked at: all of this has left its mark.
  for (const mark of [
    tokenId,
    '"audit":"licence"',
    '"audit":"keys"',
    'ERR_LICENSE_REFUSED',
    'ERR_LICENSE_REQUEST',
    'ERR_ACCESS_WEBHOOK',
  ]) {
    assert.ok(log.includes(mark), mark)
  }
  assert.ok(asker.failures >= 25, `${asker.failures} requests failed`)
})

/** Sends requests and keeps all that comes back: status, headers and bodies. */
class Asker {
  readonly answers: string[] = []
  failures = 0
  readonly #base: string

  constructor(server: AttackedServer) {
    this.#base = server.urls['http'] ?? ''
  }

  async ask(method: string, path: string, init: RequestInit = {}): Promise<{ status: number; text: string }> {
    const response = await fetch(`${this.#base}${path}`, { ...init, method })
    // A body that breaks off is what a packaging error looks like.
    const text = await response.arrayBuffer().then(
      (bytes) => Buffer.from(bytes).toString('latin1'),
      () => '',
    )
    if (!response.ok) this.failures++
    this.answers.push([`${response.status} ${response.url}`, JSON.stringify([...response.headers]), text].join('\n'))
    return { status: response.status, text }
  }

  async licence(ids: readonly string[], headers: Record<string, string>): Promise<void> {
    const kids = ids.map((id) => Buffer.from(id, 'hex').toString('base64url'))
    const { status } = await this.ask('POST', '/license/clearkey', { headers, body: JSON.stringify({ kids }) })
    assert.ok(status >= 400, `${status}`)
  }

  /** Manifests, init segments and segments of a film or a live stream. */
  async play(path: string, query: string, headers: Record<string, string> = {}): Promise<void> {
    const folder = `/${path}/`
    const get = (uri: string) =>
      this.ask('GET', new URL(uri, `${this.#base}${folder}`).href.slice(this.#base.length), { headers })
    await get(`manifest.mpd${query}`)
    const { text } = await get(`index.m3u8${query}`)
    const listed = (playlist: string) =>
      [...playlist.matchAll(/^[^#\s].*$|MAP:URI="([^"]+)"/gm)].map(([line, uri]) => uri ?? line)
    for (const uri of listed(text)) {
      for (const file of listed((await get(uri)).text)) await get(file)
    }
  }
}

async function startProtected(t: TestContext) {
  const media = mkdtempSync(join(tmpdir(), 'headend-keys-'))
  t.after(() => rmSync(media, { recursive: true, force: true }))
  const film = movieFile({ seconds: FILM_SECONDS, slices: true })
  for (const name of ['film.mp4', 'asked.mp4']) writeFileSync(join(media, name), film)
  // Pictures without slices.
  writeFileSync(join(media, 'broken.mp4'), movieFile({ seconds: FILM_SECONDS }))
  const users = { alice: { password: await hashPassword(PASSWORD) } }
  const server = await startAttacked(t, {
    settings: {
      log: { level: 'debug' },
      media,
      auth: { webhook: { url: `http://127.0.0.1:9/x?key=${WEBHOOK.query}`, secret: WEBHOOK.secret } },
      paths: {
        'vod/**': { play: 'token', protect: { scheme: 'cenc' }, users },
        'vod/asked.mp4': { play: 'webhook', protect: true },
        [LIVE]: { play: 'token', protect: { scheme: 'cbcs', rotateSeconds: 2 } },
      },
    },
  })
  const post = async (path: string, bearer: string, body: unknown) => {
    const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' }
    const response = await fetch(`${server.urls['http']}${path}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    })
    assert.equal(response.status, 200, path)
    return response.text()
  }
  return {
    ...server,
    async export(path: string): Promise<readonly { readonly id: string; readonly key: string }[]> {
      const text = await post('/api/v1/keys/export', server.secrets.adminToken, { path, includeKeys: true })
      return (JSON.parse(text) as { keys: { id: string; key: string }[] }).keys
    },
    licence: (ids: readonly Uint8Array[], token: string) =>
      post('/license/clearkey', token, { kids: ids.map((id) => Buffer.from(id).toString('base64url')) }),
  }
}

function cpix(value: string, version = '2.3'): string {
  const kid = formatUuid(IMPORTED.id)
  return `<?xml version="1.0"?><CPIX xmlns="urn:dashif:org:cpix" xmlns:pskc="urn:ietf:params:xml:ns:keyprov:pskc" version="${version}"><ContentKeyList><ContentKey kid="${kid}"><Data><pskc:Secret><pskc:PlainValue>${value}${IMPORTED.key.toString('base64')}</pskc:PlainValue></pskc:Secret></Data></ContentKey></ContentKeyList></CPIX>`
}

/** As somebody might write it, and as it is. */
function formsOf(bytes: Uint8Array): string[] {
  const buffer = Buffer.from(bytes)
  const hex = buffer.toString('hex')
  const base64 = buffer.toString('base64').replace(/=+$/, '')
  const uuid = bytes.byteLength === 16 ? [formatUuid(bytes), formatUuid(bytes).toUpperCase()] : []
  return [
    hex,
    hex.toUpperCase(),
    base64,
    buffer.toString('base64url'),
    encodeURIComponent(base64),
    buffer.toString('latin1'),
    ...uuid,
  ]
}

function assertNowhere(texts: readonly string[], forms: readonly string[]): void {
  for (const text of texts) {
    for (const form of forms) {
      const at = text.indexOf(form)
      assert.ok(at < 0, `${form} is in ${JSON.stringify(text.slice(Math.max(0, at - 300), at + form.length + 50))}`)
    }
  }
}
