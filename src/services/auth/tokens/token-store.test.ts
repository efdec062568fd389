import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { TokenClaims } from './claims.ts'
import { TokenStore } from './token-store.ts'

const START = 1_800_000_000_000

function claims(more: Partial<TokenClaims> = {}): TokenClaims {
  return {
    id: 'token',
    actions: new Set(['play']),
    opensPath: () => true,
    opensFor: () => true,
    keyIds: undefined,
    uses: 2,
    renew: undefined,
    session: undefined,
    expiresAt: START / 1000 + 1000,
    ...more,
  }
}

function setUp() {
  let now = START
  const store = new TokenStore(':memory:', () => now)
  return { store, pass: (seconds: number) => (now += seconds * 1000) }
}

describe('revoked tokens', () => {
  it('are seen at once by another process on the same file, and after a restart; only the owner reads the file', (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'headend-revoked-'))
    t.after(() => rmSync(folder, { recursive: true, force: true }))
    const file = join(folder, 'data', 'tokens.sqlite')
    const server = new TokenStore(file)
    assert.equal(server.isRevoked('a'), false)

    const command = new TokenStore(file)
    command.revoke('a')

    assert.equal(server.isRevoked('a'), true)
    assert.equal(server.isRevoked('b'), false)
    for (const name of readdirSync(join(folder, 'data')))
      assert.equal(statSync(join(folder, 'data', name)).mode & 0o077, 0, name)
    command.close()
    server.close()
    const next = new TokenStore(file)
    assert.deepEqual(
      next.revoked().map(({ id }) => id),
      ['a'],
    )
    next.close()
  })

  it('are forgotten when they have expired anyway', () => {
    const { store, pass } = setUp()
    store.revoke('short', START / 1000 + 10)
    store.revoke('long')

    pass(100)
    store.revoke('other')

    assert.deepEqual(
      ['short', 'long', 'other'].map((id) => store.isRevoked(id)),
      [false, true, true],
    )
  })

  it('need an id', () => {
    const { store } = setUp()

    for (const id of ['', 'x'.repeat(301)]) assert.throws(() => store.revoke(id), { code: 'ERR_TOKEN_INVALID' })
  })
})

describe('places of a token', () => {
  it('are taken once by each who uses it', () => {
    const { store } = setUp()

    for (let request = 0; request < 10; request++) store.use(claims(), 'one')
    store.use(claims(), 'two')

    assert.throws(() => store.use(claims(), 'three'), { code: 'ERR_TOKEN_USED' })
    store.use(claims({ id: 'other' }), 'three')
    store.use(claims(), 'two')
  })

  it('without a number are endless', () => {
    const { store } = setUp()

    for (let holder = 0; holder < 100; holder++) store.use(claims({ uses: undefined }), String(holder))
  })

  it('are not given back, unless the token is renewed', () => {
    const { store, pass } = setUp()
    store.use(claims({ uses: 1 }), 'one')

    pass(900)

    assert.throws(() => store.use(claims({ uses: 1 }), 'two'), { code: 'ERR_TOKEN_USED' })
  })

  it('are kept by renewal, and free when it fails for twice as long', () => {
    const { store, pass } = setUp()
    const renewed = claims({ uses: 1, renew: 30 })
    store.use(renewed, 'one')

    pass(50)
    store.use(renewed, 'one')
    pass(50)
    assert.throws(() => store.use(renewed, 'two'), { code: 'ERR_TOKEN_USED' })
    pass(11)

    store.use(renewed, 'two')
    assert.throws(() => store.use(renewed, 'one'), { code: 'ERR_TOKEN_USED' })
  })
})
