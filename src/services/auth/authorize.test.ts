import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AccessAction, Credentials } from '../../live/access.ts'
import { type AuthOptions, createAuthorize } from './authorize.ts'
import { oneOfSecrets, sameSecret } from './constant-time.ts'
import { GuessLimiter, LOCK_MS, MAX_GUESSES } from './guess-limiter.ts'

const KEYS = { publishKey: 'publish-key', playKey: 'play-key', adminToken: 'admin-token' }
const DENIED = { name: 'PeerError', code: 'ERR_ACCESS_DENIED' }

function setUp(options: Partial<AuthOptions> = {}) {
  let now = 0
  const delays: number[] = []
  const authorize = createAuthorize({
    keys: () => KEYS,
    pathAccess: (path) =>
      path === 'live/own'
        ? { play: 'key', publishKey: 'own-publish', playKey: 'own-play' }
        : { play: path === 'live/closed' ? 'key' : 'open' },
    limiter: {
      now: () => now,
      random: () => 1,
      sleep: (ms) => {
        delays.push(ms)
        return Promise.resolve()
      },
    },
    ...options,
  })
  const ask = (action: AccessAction, credentials: Credentials, path = 'live/a', remoteAddress = '192.0.2.1') =>
    authorize({ action, path, protocol: 'test', remoteAddress, credentials })
  return { ask, delays, pass: (ms: number) => (now += ms) }
}

describe('who may what', () => {
  test('publishing needs the publish key, as key, bearer or password', async () => {
    const { ask } = setUp()

    await ask('publish', { key: 'publish-key' })
    await ask('publish', { bearer: 'publish-key' })
    await ask('publish', { basic: { user: 'anybody', password: 'publish-key' } })
    await assert.rejects(ask('publish', {}), DENIED)
    await assert.rejects(ask('publish', { key: '' }), DENIED)
    await assert.rejects(ask('publish', { key: 'play-key' }), DENIED)
  })

  test('playing is open, unless the path asks for a key', async () => {
    const { ask } = setUp()

    await ask('play', {})
    await assert.rejects(ask('play', {}, 'live/closed'), DENIED)
    await ask('play', { key: 'play-key' }, 'live/closed')
    await ask('play', { key: 'publish-key' }, 'live/closed')
  })

  test('A-06: a key of one path does not open another', async () => {
    const { ask } = setUp()

    await ask('publish', { key: 'own-publish' }, 'live/own')
    await ask('play', { key: 'own-play' }, 'live/own')
    await assert.rejects(ask('publish', { key: 'own-publish' }), DENIED)
    await assert.rejects(ask('publish', { key: 'publish-key' }, 'live/own'), DENIED)
    await assert.rejects(ask('publish', { key: 'own-play' }, 'live/own'), DENIED)
    await assert.rejects(ask('play', { key: 'play-key' }, 'live/own'), DENIED)
  })

  test('a proof of a secret opens what the secret opens', async () => {
    const { ask, delays } = setUp()
    const knows = (known: string): Credentials => ({ proves: (secret) => secret === known })

    await ask('publish', knows('publish-key'))
    await ask('publish', knows('own-publish'), 'live/own')
    await ask('play', knows('play-key'), 'live/closed')
    assert.equal(delays.length, 0)
    await assert.rejects(ask('publish', knows('play-key')), DENIED)
    await assert.rejects(ask('publish', knows('publish-key'), 'live/own'), DENIED)
    assert.equal(delays.length, 2)
  })

  test('nobody proves a key that is not set', async () => {
    const { ask } = setUp({ keys: () => ({ ...KEYS, publishKey: '' }) })

    await assert.rejects(ask('publish', { proves: (secret) => secret === '' }), DENIED)
  })

  test('the API needs the admin token', async () => {
    const { ask } = setUp()

    await ask('api', { bearer: 'admin-token' })
    await assert.rejects(ask('api', { bearer: 'publish-key' }), DENIED)
    await assert.rejects(ask('api', {}), DENIED)
  })

  test('what the peer is told does not hold the key', async () => {
    const { ask } = setUp()

    await assert.rejects(ask('publish', { key: 'canary' }), (error: Error) => !error.message.includes('canary'))
  })
})

describe('A-03: guessing', () => {
  test('ten different wrong keys lock the address for five minutes, also for the right key', async () => {
    const { ask, pass } = setUp()

    for (let guess = 0; guess < MAX_GUESSES; guess++)
      await assert.rejects(ask('publish', { key: `guess-${guess}` }), DENIED)

    await assert.rejects(ask('publish', { key: 'publish-key' }), /too many wrong keys.*300 s/)
    await ask('publish', { key: 'publish-key' }, 'live/a', '192.0.2.2')
    pass(LOCK_MS)
    await ask('publish', { key: 'publish-key' })
  })

  test('each wrong key is answered later than the one before, with a limit', async () => {
    const { ask, delays } = setUp()

    for (let guess = 0; guess < 8; guess++) await assert.rejects(ask('publish', { key: `guess-${guess}` }), DENIED)

    assert.deepEqual(delays, [100, 200, 400, 800, 1600, 2000, 2000, 2000])
  })

  test('an encoder with an old key that tries for hours locks nobody out', async () => {
    const { ask } = setUp()

    for (let attempt = 0; attempt < 1000; attempt++) await assert.rejects(ask('publish', { key: 'old-key' }), DENIED)

    await ask('publish', { key: 'publish-key' })
  })

  test('each wrong proof is one guess; ten lock the address', async () => {
    const { ask, delays } = setUp()
    const wrong: Credentials = { proves: () => false }

    for (let guess = 1; guess <= MAX_GUESSES; guess++) {
      await assert.rejects(ask('publish', wrong), DENIED)
      assert.equal(delays.length, guess)
    }

    await assert.rejects(ask('publish', { key: 'publish-key' }), /too many wrong keys/)
  })

  test('asking without any key is no guess', async () => {
    const { ask, delays } = setUp()

    for (let attempt = 0; attempt < 100; attempt++) await assert.rejects(ask('api', {}), DENIED)

    assert.equal(delays.length, 0)
    await ask('api', { bearer: 'admin-token' })
  })

  test('a whole IPv6 network counts as one address', async () => {
    const { ask } = setUp()

    for (let guess = 0; guess < MAX_GUESSES; guess++) {
      await assert.rejects(ask('publish', { key: `guess-${guess}` }, 'live/a', `2001:db8::${guess + 1}`), DENIED)
    }

    await assert.rejects(ask('publish', { key: 'publish-key' }, 'live/a', '2001:db8::ffff'), DENIED)
    await ask('publish', { key: 'publish-key' }, 'live/a', '2001:db8:0:1::1')
  })

  test('a million addresses do not grow memory', async () => {
    const limiter = new GuessLimiter({ now: () => 0, sleep: () => Promise.resolve() })

    for (let index = 0; index < 20_000; index++) await limiter.wrong(`10.0.${index >> 8}.${index & 255}`, 'x')

    assert.equal(limiter.size, 10_000)
  })
})

describe('A-09: comparison', () => {
  test('says what === would say', () => {
    assert.equal(sameSecret('abc', 'abc'), true)
    for (const [one, other] of [
      ['abc', 'abd'],
      ['abc', 'ab'],
      ['', 'a'],
      ['é', 'e'],
    ] as const) {
      assert.equal(sameSecret(one, other), false)
    }
    assert.equal(oneOfSecrets('b', ['a', 'b', 'c']), true)
    assert.equal(oneOfSecrets('d', ['a', 'b', 'c']), false)
    assert.equal(oneOfSecrets('d', []), false)
  })
})
