/** Keys as CPIX documents over the API: a server that gives them, another that takes them. */
import assert from 'node:assert/strict'
import { createPrivateKey } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { parseCpix } from '../../media/manifests/cpix/parse.ts'
import { CLEAR, ENCRYPTED } from '../../media/manifests/cpix/vectors.ts'
import { formatUuid } from '../../media/protection/systems.ts'
import { makeTestCertificate } from '../../net/testdata/certificate.ts'
import { createLicenseServer } from '../../server/license-server.ts'
import { openCpixKeys } from '../keys/cpix-secrets.ts'
import { KeyStore } from '../keys/key-store.ts'
import { KeyWrapping } from '../keys/key-wrapping.ts'

const PATH = 'vod/film.mp4'
const PURPOSES = [0, 1, 7].map((period) => ({ path: PATH, content: 'version 1', period }))

describe('CPIX over the API', () => {
  it('moves the keys of a path from one server to another, with all that they are for', async (t) => {
    const [one, other] = [await keyServer(t), await keyServer(t)]
    const keys = PURPOSES.map((purpose) => one.store.keyFor(purpose))
    one.store.keyFor({ path: 'vod/other.mp4', content: 'version 1', period: 0 })

    const exported = await one.post('/keys/cpix/export', { path: PATH, includeKeys: true })
    const imported = await other.post(`/keys/cpix?path=${encodeURIComponent(PATH)}`, exported.text)

    assert.deepEqual([exported.status, exported.type], [200, 'application/xml; charset=utf-8'])
    assert.equal(imported.status, 204, imported.text)
    assert.deepEqual(
      PURPOSES.map((purpose) => other.store.keyFor(purpose)),
      keys,
    )
    assert.equal(other.store.list().length, 3)
    assert.equal((await other.post(`/keys/cpix?path=${encodeURIComponent(PATH)}`, exported.text)).status, 204)
    assert.equal(other.store.list().length, 3)
  })

  it('has several contents of a path in one document, or one that is asked for', async (t) => {
    const [one, other] = [await keyServer(t), await keyServer(t)]
    const purposes = [...PURPOSES, { path: PATH, content: 'version 2', period: 0 }]
    const keys = purposes.map((purpose) => one.store.keyFor(purpose))

    const all = await one.post('/keys/cpix/export', { path: PATH, includeKeys: true })
    const second = await one.post('/keys/cpix/export', { path: PATH, content: 'version 2', includeKeys: true })

    assert.equal(parseCpix(all.text).version, '2.4')
    assert.equal(parseCpix(all.text).contentKeys.length, 4)
    assert.deepEqual(
      parseCpix(second.text).contentKeys.map(({ kid }) => kid),
      [formatUuid(keys[3]?.id ?? new Uint8Array(16))],
    )
    assert.equal((await other.post('/keys/cpix?path=vod/film.mp4', second.text)).status, 204)
    assert.deepEqual(other.store.keyFor(purposes[3] as (typeof purposes)[0]), keys[3])
  })

  it('is encrypted for the recipient that is named, and not read where it is encrypted', async (t) => {
    const { store, post } = await keyServer(t)
    const { certificate, key: pem } = makeTestCertificate('keys', 2048)
    const keys = PURPOSES.map((purpose) => store.keyFor(purpose))

    const { text } = await post('/keys/cpix/export', { path: PATH, certificate, includeKeys: true })
    const refused = await post('/keys/cpix?path=vod/other.mp4', text)

    for (const { key } of keys) assert.equal(text.includes(Buffer.from(key).toString('base64')), false)
    const opened = openCpixKeys(parseCpix(text), createPrivateKey(pem))
    assert.deepEqual(new Set([...opened.values()]), new Set(keys))
    assert.deepEqual([refused.status, refused.code], [400, 'ERR_CPIX_RECIPIENT'])
    for (const wrong of ['x', makeTestCertificate('keys').certificate]) {
      const answer = await post('/keys/cpix/export', { path: PATH, certificate: wrong, includeKeys: true })
      assert.equal(answer.status, 400)
    }
  })

  it('D-04: takes nothing of a document that is broken, signed, or means more than is in it', async (t) => {
    const { store, post } = await keyServer(t)
    const plain = `<CPIX xmlns="urn:dashif:org:cpix" xmlns:pskc="urn:ietf:params:xml:ns:keyprov:pskc" contentId="a" version="2.3"><ContentKeyList>
      <ContentKey kid="98ee5596-cd3e-a20d-163a-e382420c6eff"><Data><pskc:Secret><pskc:PlainValue>AAECAwQFBgcICQoLDA0ODw==</pskc:PlainValue></pskc:Secret></Data></ContentKey>
      </ContentKeyList></CPIX>`
    const cases: [text: string, code: string][] = [
      ['', 'ERR_XML_SYNTAX'],
      ['<a/>', 'ERR_CPIX_SYNTAX'],
      [plain.slice(0, -10), 'ERR_XML_SYNTAX'],
      [`<!DOCTYPE CPIX [<!ENTITY a SYSTEM "file:///etc/passwd">]>${plain}`, 'ERR_XML_SYNTAX'],
      [
        plain.replace('</CPIX>', '<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/></CPIX>'),
        'ERR_CPIX_SIGNED',
      ],
      [
        plain.replace('</ContentKeyList>', '<ContentKey kid="88ee5596-cd3e-a20d-163a-e382420c6eff"/></ContentKeyList>'),
        'ERR_CPIX_KEY_ID',
      ],
      [ENCRYPTED, 'ERR_CPIX_RECIPIENT'],
    ]
    for (const [text, code] of cases) {
      const answer = await post('/keys/cpix?path=vod/film.mp4', text)
      assert.deepEqual([answer.status, answer.code], [400, code], text.slice(0, 200))
    }
    assert.equal(store.list().length, 0)
    const json = await post('/keys/cpix?path=vod/film.mp4', { keys: [] })
    assert.equal(json.status, 400)
    const elsewhere = await post('/keys', plain)
    assert.equal(elsewhere.code, 'ERR_API_MEDIA_TYPE')
    assert.equal((await post('/keys/cpix/export', { path: PATH })).status, 400)
  })

  it('keeps keys of pictures and sounds apart, and is told of in the log by key ids alone', async (t) => {
    const { store, post, log } = await keyServer(t)

    const imported = await post('/keys/cpix?path=live/studio', CLEAR)
    const exported = await post('/keys/cpix/export', { path: 'live/studio', includeKeys: true })
    const asJson = await post('/keys/export', { path: 'live/studio', includeKeys: true })

    assert.deepEqual([imported.status, exported.status, asJson.status], [204, 200, 200], imported.text)
    const ids = store.list('live/studio').map(({ id }) => Buffer.from(id).toString('hex'))
    assert.equal(ids.length, parseCpix(CLEAR).contentKeys.length)
    const lines = log()
      .split('\n')
      .filter((line) => line.includes('"audit":"keys"'))
    assert.equal(lines.length, 3)
    for (const line of lines) assert.ok(ids.every((id) => line.includes(id)) && line.includes('127.0.0.1'), line)
    for (const id of ids) {
      const { key } = store.get(Buffer.from(id, 'hex'))
      for (const form of ['hex', 'base64', 'base64url'] as const) {
        assert.equal(log().includes(Buffer.from(key).toString(form)), false)
      }
    }
  })
})

async function keyServer(t: TestContext) {
  const data = mkdtempSync(join(tmpdir(), 'headend-cpix-'))
  const lines: string[] = []
  const server = await createLicenseServer(
    { data, host: '127.0.0.1', http: { port: 0 }, log: { level: 'debug', format: 'json' } },
    { writeLog: (line) => void lines.push(line) },
  )
  t.after(async () => {
    await server.close()
    rmSync(data, { recursive: true, force: true })
  })
  const store = new KeyStore(join(data, 'keys.sqlite'), new KeyWrapping(server.secrets.masterKey))
  t.after(() => store.close())
  /** Text is a document. */
  const post = async (path: string, body: unknown) => {
    const isDocument = typeof body === 'string'
    const response = await fetch(`${server.urls['http']}/api/v1${path}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${server.secrets.adminToken}`,
        'content-type': isDocument ? 'application/xml' : 'application/json',
      },
      body: isDocument ? body : JSON.stringify(body),
    })
    const text = await response.text()
    const code = response.ok ? undefined : (JSON.parse(text) as { code: string }).code
    return { status: response.status, type: response.headers.get('content-type'), text, code }
  }
  return { store, post, log: () => lines.join('\n') }
}
