import assert from 'node:assert/strict'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { quietLogger } from '../../net/testdata/raw-client.ts'
import { SegmentCache } from './segment-cache.ts'

const TOKEN = '0123456789ab'
const OTHER = 'ba9876543210'

describe('segment cache', () => {
  let folder = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'headend-cache-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  function open(maxBytes = 1_000_000, log = quietLogger()): SegmentCache {
    return new SegmentCache({ folder, maxBytes: () => maxBytes, log })
  }

  it('gives back what was written, at once and after a restart', async () => {
    const cache = open()
    const bytes = Buffer.from('segment')

    const written = cache.write(TOKEN, 'video-1-0', bytes)

    assert.ok(cache.hasNow(TOKEN, 'video-1-0'))
    assert.deepEqual(await cache.read(TOKEN, 'video-1-0'), bytes)
    await written
    assert.deepEqual(await cache.read(TOKEN, 'video-1-0'), bytes)
    assert.deepEqual(await open().read(TOKEN, 'video-1-0'), bytes)
    assert.equal(await cache.read(TOKEN, 'video-1-1'), undefined)
    assert.equal(await cache.read(OTHER, 'video-1-0'), undefined)
  })

  it('keeps its quota by what was unused for longest, over restarts', async () => {
    const first = open(1000)
    for (const name of ['a', 'b', 'c']) await first.write(TOKEN, name, new Uint8Array(260))
    for (const [name, used] of [
      ['a', 3000],
      ['b', 1000],
      ['c', 2000],
    ] as const) {
      utimesSync(join(folder, TOKEN, `${name}.bin`), used, used)
    }

    const second = open(1000)
    await second.write(OTHER, 'd', new Uint8Array(260))

    assert.equal(await second.has(TOKEN, 'b'), false)
    assert.equal(await second.has(TOKEN, 'a'), true)
    assert.equal(second.bytes, 900)
    assert.deepEqual(readdirSync(join(folder, TOKEN)).toSorted(), ['a.bin', 'c.bin'])
    await second.write(OTHER, 'e', new Uint8Array(260))
    await second.write(OTHER, 'f', new Uint8Array(260))
    assert.ok(!existsSync(join(folder, TOKEN)), 'a folder that is empty goes too')
  })

  it('reading counts as use', async () => {
    const cache = open(1000)
    for (const name of ['a', 'b', 'c']) await cache.write(TOKEN, name, new Uint8Array(260))

    await cache.read(TOKEN, 'a')
    await cache.write(TOKEN, 'd', new Uint8Array(260))

    assert.equal(await cache.has(TOKEN, 'a'), true)
    assert.equal(await cache.has(TOKEN, 'b'), false)
  })

  it('does not believe damaged, cut and foreign files', async () => {
    const cache = open()
    for (const name of ['flipped', 'cut', 'empty']) await cache.write(TOKEN, name, Buffer.from('0123456789'))
    const path = (name: string) => join(folder, TOKEN, `${name}.bin`)
    const flipped = readFileSync(path('flipped'))
    flipped[45] = 0
    writeFileSync(path('flipped'), flipped)
    writeFileSync(path('cut'), readFileSync(path('cut')).subarray(0, 44))
    writeFileSync(path('empty'), '')
    mkdirSync(join(folder, 'not ours'))
    writeFileSync(join(folder, TOKEN, '.draft-0'), 'left by a crash')

    const again = open()
    for (const name of ['flipped', 'cut', 'empty']) {
      assert.equal(await again.read(TOKEN, name), undefined)
      assert.equal(await again.has(TOKEN, name), false)
    }
    assert.ok(!existsSync(join(folder, TOKEN, '.draft-0')))
    assert.ok(existsSync(join(folder, 'not ours')))
  })

  it('serves from memory what the disk does not take, and says so', async () => {
    const said: string[] = []
    const log = { ...quietLogger(), counted: (code: string) => void said.push(code) }
    writeFileSync(join(folder, TOKEN), 'a file where a folder has to be')
    const cache = open(1_000_000, log)

    await cache.write(TOKEN, 'video-1-0', Buffer.from('segment'))

    assert.deepEqual(await cache.read(TOKEN, 'video-1-0'), Buffer.from('segment'))
    assert.deepEqual(said, ['ERR_TRANSCODE_CACHE'])
  })

  it('names nothing outside', () => {
    for (const [token, name] of [
      ['..', 'a'],
      [TOKEN, '../a'],
      [TOKEN, 'a/b'],
      ['', 'a'],
    ] as const) {
      assert.throws(() => open().hasNow(token, name))
    }
  })
})
