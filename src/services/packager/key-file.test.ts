import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { keysOfFile, readKeyFile } from './key-file.ts'
import { PLAN } from './vectors.ts'

const ID = '00112233445566778899aabbccddeeff'
const OTHER_ID = '10112233445566778899aabbccddeeff'
const KEY = 'ca11ab1eca11ab1eca11ab1eca11ab1e'
const SIGNAL = new AbortController().signal

describe('key file', () => {
  it('is made with a key for each label and period, readable by its owner only, and gives the same keys again', async (t) => {
    const path = join(await folderOf(t), 'keys')
    let made = 0
    const source = keysOfFile(path, { scope: 'kind', onMade: (count) => (made += count) })

    const first = await source({ ...PLAN, periods: 2 }, SIGNAL)
    const second = await source({ ...PLAN, periods: 2 }, SIGNAL)

    assert.equal(made, 4)
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    assert.deepEqual(await purposesIn(path), ['video', 'audio', 'video 1', 'audio 1'])
    for (const rendition of PLAN.tracks.keys()) {
      for (const period of [0, 1]) assert.deepEqual(second.keyOf(rendition, period), first.keyOf(rendition, period))
    }
    assert.equal(first.keyOf('video-1', 0), first.keyOf('video-2', 0))
    assert.notDeepEqual(first.keyOf('video-1', 0), first.keyOf('audio-101', 0))
    assert.notDeepEqual(first.keyOf('video-1', 0), first.keyOf('video-1', 1))
  })

  it('gets what it does not have behind what it has, and keeps that to the letter', async (t) => {
    const path = join(await folderOf(t), 'keys')
    const text = `# of the studio\n\n${ID}:${KEY}`
    await writeFile(path, text)

    const keys = await keysOfFile(path)({ ...PLAN, periods: 2 }, SIGNAL)
    const tracks = await keysOfFile(path, { scope: 'track' })(PLAN, SIGNAL)

    assert.equal(Buffer.from(keys.keyOf('video-2', 0)?.key ?? []).toString('hex'), KEY)
    assert.ok((await readFile(path, 'utf8')).startsWith(`${text}\n`))
    assert.deepEqual(await purposesIn(path), ['', '1', 'video-1', 'video-2', 'audio-101'])
    assert.equal(new Set([...PLAN.tracks.keys()].map((name) => tracks.keyOf(name, 0))).size, 3)
    assert.equal((await readKeyFile(path))?.length, 5)
  })

  it('is not there: undefined', async (t) => {
    assert.equal(await readKeyFile(join(await folderOf(t), 'keys')), undefined)
  })

  it('is an error that names the line and not what is in it', async (t) => {
    const path = join(await folderOf(t), 'keys')
    for (const line of [
      KEY,
      `${ID}:${KEY.slice(1)}`,
      `${ID}:${KEY}00`,
      `${ID}:${KEY} video-1 2 3`,
      `${ID}:${KEY} ${KEY}`,
      `${ID}:${KEY} -1`,
      `${ID}:${KEY} 1 video`,
    ]) {
      await writeFile(path, `# keys\n${line}\n`)
      await assert.rejects(readKeyFile(path), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'ERR_PACKAGE_KEY')
        assert.match(error.message, /keys, line 2/)
        assert.equal(String(error.stack).toLowerCase().includes(KEY.slice(1)), false)
        return true
      })
    }
    await writeFile(path, `${ID}:${KEY}\n${ID}:${KEY.replaceAll('c', 'd')} video\n`)
    await assert.rejects(readKeyFile(path), /one key for 00112233-4455-6677-8899-aabbccddeeff/)
    await writeFile(path, `${ID}:${KEY}\n${OTHER_ID}:${KEY}\n`)
    assert.equal((await readKeyFile(path))?.length, 2)
  })

  it('is written by one at a time, and an error leaves nothing behind', async (t) => {
    const folder = await folderOf(t)
    const path = join(folder, 'keys')
    await writeFile(`${path}.part`, '')
    await assert.rejects(keysOfFile(path)(PLAN, SIGNAL), /being written by somebody else/)
    await rm(`${path}.part`)

    await assert.rejects(keysOfFile(join(path, 'missing', 'keys'))(PLAN, SIGNAL), { code: 'ERR_PACKAGE_KEY' })

    assert.deepEqual(await readdir(folder), [])
  })
})

async function purposesIn(path: string): Promise<string[]> {
  const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return lines.map((line) => line.split(' ').slice(1).join(' '))
}

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'headend-keys-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}
