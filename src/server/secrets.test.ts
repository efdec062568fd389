import assert from 'node:assert/strict'
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { loadSecrets } from './secrets.ts'

describe('A-01: secrets of the first start', () => {
  let folder = ''
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'headend-secrets-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  test('made at random, long, readable by their owner only, and kept', async () => {
    const data = path.join(folder, 'data')

    const first = await loadSecrets(data)
    const second = await loadSecrets(data)

    assert.equal(first.created, true)
    assert.equal(second.created, false)
    assert.deepEqual(second.secrets, first.secrets)
    assert.equal((await stat(first.file)).mode & 0o777, 0o600)
    assert.equal((await stat(data)).mode & 0o777, 0o700)
    for (const key of [first.secrets.publishKey, first.secrets.playKey, first.secrets.adminToken]) {
      assert.match(key, /^[0-9a-f]{32,}$/)
    }
    assert.equal(Buffer.from(first.secrets.masterKey, 'base64').byteLength, 32)
    assert.deepEqual(await readdir(data), ['secrets.json'])
  })

  test('two installations differ', async () => {
    const one = await loadSecrets(path.join(folder, 'one'))
    const two = await loadSecrets(path.join(folder, 'two'))

    for (const name of ['publishKey', 'playKey', 'adminToken', 'masterKey'] as const) {
      assert.notEqual(one.secrets[name], two.secrets[name])
    }
  })

  test('a file that others can read is closed to them', async () => {
    const { file } = await loadSecrets(folder)
    await chmod(file, 0o644)

    const loaded = await loadSecrets(folder)

    assert.equal(loaded.modeRepaired, true)
    assert.equal((await stat(file)).mode & 0o777, 0o600)
  })

  test('names that are missing are filled in, the others stay', async () => {
    const { file, secrets } = await loadSecrets(folder)
    await writeFile(file, JSON.stringify({ publishKey: secrets.publishKey }))

    const loaded = await loadSecrets(folder)

    assert.equal(loaded.secrets.publishKey, secrets.publishKey)
    assert.equal(
      (JSON.parse(await readFile(file, 'utf8')) as { adminToken: string }).adminToken,
      loaded.secrets.adminToken,
    )
  })

  for (const [name, text] of [
    ['no JSON', '{'],
    ['no object', '[]'],
    ['a sample', '{"publishKey": "changeme-changeme-changeme"}'],
    ['a short master key', '{"masterKey": "AAAA"}'],
    ['a number', '{"adminToken": 5}'],
    ['a huge file', `"${'x'.repeat(70_000)}"`],
  ] as const) {
    test(`refused: ${name}`, async () => {
      await writeFile(path.join(folder, 'secrets.json'), text)

      await assert.rejects(loadSecrets(folder), { name: 'ConfigError' })
    })
  }

  test('a folder that cannot be made is told', async () => {
    await writeFile(path.join(folder, 'file'), '')

    await assert.rejects(loadSecrets(path.join(folder, 'file', 'data')), { code: 'ERR_SECRETS_FILE' })
  })
})
