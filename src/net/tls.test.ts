import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { ConfigError } from '../errors.ts'
import { makeTestCertificate } from './testdata/certificate.ts'
import { loadTls, type TlsMaterial, watchTls } from './tls.ts'

it('loads a pair, refuses a wrong one, and takes a renewed one', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'tls-'))
  t.after(() => rm(folder, { recursive: true }))
  const files = { certificateFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') }
  const write = async ({ certificate, key }: TlsMaterial) => {
    await writeFile(files.keyFile, key)
    await writeFile(files.certificateFile, certificate)
  }
  const first = makeTestCertificate()
  const second = makeTestCertificate('renewed')

  await assert.rejects(loadTls(files), (error) => error instanceof ConfigError && error.code === 'ERR_TLS_FILE')
  await write({ certificate: first.certificate, key: second.key })
  await assert.rejects(loadTls(files), (error) => error instanceof ConfigError && error.code === 'ERR_TLS_MATERIAL')
  await write(first)
  assert.deepEqual(await loadTls(files), first)

  await write(second)
  const changed = await new Promise<TlsMaterial>((resolve, reject) => {
    const stop = watchTls(files, first, {
      checkMs: 5,
      onChange: (material) => {
        stop()
        resolve(material)
      },
      onError: reject,
    })
    // The watcher does not keep a process alive by itself.
    const alive = setTimeout(() => reject(new Error('no change seen')), 4_000)
    t.after(() => clearTimeout(alive))
  })
  assert.deepEqual(changed, second)
})
