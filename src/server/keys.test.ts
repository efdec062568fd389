import assert from 'node:assert/strict'
import { createPrivateKey } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { parseCpix } from '../media/manifests/cpix/parse.ts'
import { makeTestCertificate } from '../net/testdata/certificate.ts'
import { KeyStore } from '../services/keys/key-store.ts'
import { KeyWrapping } from '../services/keys/key-wrapping.ts'
import { exportKeys, importKeys } from './keys.ts'
import { createLicenseServer } from './license-server.ts'

const PATH = 'live/studio'
const PERIODS = 101

describe('keys of a server', () => {
  it('go out of a data folder, encrypted for a recipient, and come in over the API of another server, or into its folder', async (t) => {
    const [one, other, third] = [await keyServer(t), await keyServer(t), await keyServer(t)]
    const { certificate, key } = makeTestCertificate('keys', 2048)
    const privateKey = createPrivateKey(key)
    const purposes = Array.from({ length: PERIODS }, (_, period) => ({ path: PATH, content: 'run 1', period }))
    const keys = purposes.map((purpose) => one.store.keyFor(purpose))

    const document = await exportKeys({ data: one.data }, { path: PATH, certificate })
    const counts = [
      await importKeys(other.place, { path: PATH, document, privateKey }),
      await importKeys({ data: third.data }, { path: PATH, document, privateKey }),
    ]

    assert.deepEqual(counts, [PERIODS, PERIODS])
    for (const { store } of [other, third]) {
      assert.deepEqual(
        purposes.map((purpose) => store.keyFor(purpose)),
        keys,
      )
    }
    assert.equal(document.includes(Buffer.from(keys[0]?.key ?? []).toString('base64')), false)
    await assert.rejects(importKeys(other.place, { path: PATH, document }), { code: 'ERR_CPIX_RECIPIENT' })
    const again = await exportKeys(other.place, { path: PATH, content: 'run 1' })
    assert.equal(parseCpix(again).contentKeys.length, PERIODS)
  })

  it('are not there, or in no folder of a server: said in words', async (t) => {
    const { data, place } = await keyServer(t)

    await assert.rejects(exportKeys({ data }, { path: PATH }), { code: 'ERR_KEYS_UNKNOWN' })
    await assert.rejects(exportKeys(place, { path: PATH }), {
      code: 'ERR_KEYS_SERVER',
      message: 'the server answered 404: there is no content key of live/studio',
    })
    await assert.rejects(exportKeys({ ...place, token: 'wrong' }, { path: PATH }), /the server answered 401/)
    await assert.rejects(exportKeys({ data: join(data, 'no') }, { path: PATH }), { code: 'ERR_USAGE' })
  })
})

async function keyServer(t: TestContext) {
  const data = await mkdtemp(join(tmpdir(), 'headend-keys-'))
  const server = await createLicenseServer(
    { data, host: '127.0.0.1', http: { port: 0 }, log: { level: 'error' } },
    { writeLog: () => undefined },
  )
  t.after(async () => {
    await server.close()
    await rm(data, { recursive: true, force: true })
  })
  const store = new KeyStore(join(data, 'keys.sqlite'), new KeyWrapping(server.secrets.masterKey))
  t.after(() => store.close())
  return { data, store, place: { server: server.urls['http'] ?? '', token: server.secrets.adminToken } }
}
