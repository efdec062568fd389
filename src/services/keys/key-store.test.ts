import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { KeyStore } from './key-store.ts'
import { KeyWrapping } from './key-wrapping.ts'

const FILM = { path: 'vod/film.mp4', content: 'a1b2', period: 0 }

describe('key store', () => {
  let folder = ''
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'headend-keys-'))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  it('gives a purpose one key, across restarts, and others another', () => {
    const file = join(folder, 'kept', 'keys.sqlite')
    const first = new KeyStore(file, new KeyWrapping('master'))
    const key = first.keyFor(FILM)
    const others = [
      { ...FILM, period: 1 },
      { ...FILM, content: 'c3d4' },
      { ...FILM, path: 'vod/other.mp4' },
    ].map((purpose) => first.keyFor(purpose))
    first.close()

    const second = new KeyStore(file, new KeyWrapping('master'))

    assert.deepEqual(second.keyFor(FILM), key)
    assert.deepEqual(second.get(key.id), key)
    assert.deepEqual(second.purposeOf(key.id), FILM)
    assert.equal(new Set([key, ...others].map(({ id }) => Buffer.from(id).toString('hex'))).size, 4)
    assert.equal(second.list('vod/film.mp4').length, 3)
    assert.deepEqual(Object.keys(second.list()[0] ?? {}).toSorted(), ['content', 'createdAt', 'id', 'path', 'period'])
    second.close()
  })

  it('gives two processes that write at the same time one key', () => {
    const file = join(folder, 'shared', 'keys.sqlite')
    const [one, two] = [new KeyStore(file, new KeyWrapping('master')), new KeyStore(file, new KeyWrapping('master'))]

    const keys = Array.from({ length: 20 }, (_, period) => [
      (period % 2 === 0 ? one : two).keyFor({ ...FILM, period }),
      (period % 2 === 0 ? two : one).keyFor({ ...FILM, period }),
    ])

    for (const [first, second] of keys) assert.deepEqual(first, second)
    one.close()
    two.close()
  })

  it('D-06: has no key in its files, which only the owner reads', () => {
    const file = join(folder, 'rest', 'keys.sqlite')
    const store = new KeyStore(file, new KeyWrapping('master'))
    const { key } = store.keyFor(FILM)

    const names = readdirSync(join(folder, 'rest'))

    assert.ok(names.length > 0)
    for (const name of names) {
      const path = join(folder, 'rest', name)
      const bytes = readFileSync(path)
      for (const form of [
        Buffer.from(key),
        Buffer.from(Buffer.from(key).toString('hex')),
        Buffer.from(Buffer.from(key).toString('base64')),
      ]) {
        assert.equal(bytes.includes(form), false, name)
      }
      assert.equal(statSync(path).mode & 0o077, 0, name)
    }
    store.close()
  })

  it('does not open keys under another master key', () => {
    const file = join(folder, 'other', 'keys.sqlite')
    const store = new KeyStore(file, new KeyWrapping('master'))
    store.keyFor(FILM)
    store.close()

    const other = new KeyStore(file, new KeyWrapping('another'))

    assert.throws(() => other.keyFor(FILM), { code: 'ERR_KEYS_MASTER' })
    other.close()
  })

  it('takes keys from elsewhere, once', () => {
    const store = new KeyStore(':memory:', new KeyWrapping('master'))
    const key = { id: new Uint8Array(16).fill(1), key: new Uint8Array(16).fill(2) }

    store.add(key, FILM)
    store.add(key, FILM)

    assert.deepEqual(Buffer.from(store.get(key.id).key), Buffer.from(key.key))
    assert.throws(() => store.add({ ...key, key: new Uint8Array(16).fill(3) }, FILM), { code: 'ERR_KEYS_CONFLICT' })
    assert.throws(() => store.add({ ...key, id: new Uint8Array(16).fill(9) }, FILM), { code: 'ERR_KEYS_CONFLICT' })
    assert.throws(() => store.get(new Uint8Array(16)), { code: 'ERR_KEYS_UNKNOWN' })
    assert.throws(
      () => store.add({ id: new Uint8Array(16).fill(7), key: key.key }, { ...FILM, path: 'v'.repeat(2000) }),
      {
        code: 'ERR_KEYS_NAME',
      },
    )
    store.close()
  })

  it('a wrapped key belongs to its id', () => {
    const wrapping = new KeyWrapping('master')
    const id = new Uint8Array(16).fill(1)
    const wrapped = wrapping.wrap(id, new Uint8Array(16).fill(5))

    assert.deepEqual(Buffer.from(wrapping.unwrap(id, wrapped)), Buffer.alloc(16, 5))
    assert.notDeepEqual(wrapping.wrap(id, new Uint8Array(16).fill(5)), wrapped)
    assert.throws(() => wrapping.unwrap(new Uint8Array(16).fill(2), wrapped), { code: 'ERR_KEYS_MASTER' })
    for (const length of [0, 5, 27])
      assert.throws(() => wrapping.unwrap(id, wrapped.subarray(0, length)), { code: 'ERR_KEYS_MASTER' })
  })
})
