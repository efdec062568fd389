/** Tokens, people, addresses and the webhook behind the one question. */
import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import type { AccessAction, Credentials } from '../../live/access.ts'
import { Sessions } from '../../live/sessions.ts'
import { createAuthorize } from './authorize.ts'
import { checkAddressRules, opensToAll, type PathAccess } from './path-access.ts'
import { TokenAccess } from './tokens/access.ts'
import { LEEWAY_SECONDS } from './tokens/claims.ts'
import { endOverdueSessions } from './tokens/ended-grants.ts'
import { ownTokenKey, type TokenRequest } from './tokens/own-tokens.ts'
import { hashPassword, isPasswordHash } from './users.ts'
import { signWebhook, Webhook, type WebhookSettings } from './webhook.ts'

const KEYS = { publishKey: 'publish-key', playKey: 'play-key', adminToken: 'admin-token' }
const DENIED = { name: 'PeerError', code: 'ERR_ACCESS_DENIED' }

function setUp(access: PathAccess, webhook?: WebhookSettings) {
  let now = Date.now()
  const delays: number[] = []
  const tokens = new TokenAccess(':memory:', { ownKey: ownTokenKey('master'), now: () => now })
  const authorize = createAuthorize({
    keys: () => KEYS,
    pathAccess: () => access,
    tokens: () => Promise.resolve(tokens),
    ...(webhook === undefined ? {} : { webhook: () => webhook }),
    limiter: {
      sleep: (ms) => {
        delays.push(ms)
        return Promise.resolve()
      },
    },
  })
  return {
    tokens,
    delays,
    ask: (action: AccessAction, credentials: Credentials, path = 'live/a', remoteAddress = '192.0.2.1') =>
      authorize({ action, path, protocol: 'test', remoteAddress, credentials }),
    issue: (request: Partial<TokenRequest> = {}) => tokens.issue({ path: 'live/a', expiresSeconds: 60, ...request }),
    pass: (seconds: number) => (now += seconds * 1000),
  }
}

describe('tokens as access', () => {
  it('play and give licences, shown as key, bearer or password', async () => {
    const { ask, issue } = setUp({ play: 'token' })
    const { token, id } = await issue()

    const grant = await ask('play', { key: token })

    assert.equal(grant?.tokenId, id)
    await ask('play', { bearer: token })
    await ask('play', { basic: { user: 'anybody', password: token } })
    await ask('license', { bearer: token })
    await ask('play', { bearer: 'admin-token' })
    for (const wrong of [{}, { key: 'play-key' }, { key: 'publish-key' }])
      await assert.rejects(ask('play', wrong), DENIED)
  })

  it('open what keys open too', async () => {
    const { ask, issue } = setUp({ play: 'key' })
    const play = await issue()
    const publish = await issue({ actions: ['publish'] })

    await ask('play', { key: play.token })
    await ask('publish', { key: publish.token })
  })

  it('A-06: are for their path and action, and for no API', async () => {
    const { ask, issue, delays } = setUp({ play: 'token', publish: 'token' })
    const { token } = await issue()
    const publish = await issue({ actions: ['publish'] })

    await assert.rejects(ask('play', { key: token }, 'live/b'), /another path/)
    await assert.rejects(ask('publish', { key: token }), /not for publishing/)
    await assert.rejects(ask('play', { key: publish.token }), /not for playing/)
    // Nobody guesses who shows what was given to them.
    assert.deepEqual(delays, [])
    await assert.rejects(ask('api', { bearer: token }), DENIED)
    await assert.rejects(ask('publish', { key: 'publish-key' }), DENIED)
    await ask('publish', { key: publish.token })
  })

  it('are for their address', async () => {
    const { ask, issue } = setUp({ play: 'token' })
    const { token } = await issue({ ip: '192.0.2.0/28' })

    await ask('play', { key: token }, 'live/a', '::ffff:192.0.2.1')
    await assert.rejects(ask('play', { key: token }, 'live/a', '192.0.2.99'), /another address/)
  })

  it('are refused from the request on that follows their revocation', async () => {
    const { ask, issue, tokens } = setUp({ play: 'token' })
    const { token, id } = await issue()
    await ask('play', { key: token })

    tokens.store.revoke(id)

    await assert.rejects(ask('play', { key: token }), /revoked/)
    await assert.rejects(ask('license', { key: token }), /revoked/)
  })

  it('are for so many addresses', async () => {
    const { ask, issue } = setUp({ play: 'token' })
    const { token } = await issue({ uses: 1 })
    await ask('play', { key: token })
    await ask('license', { key: token })

    await assert.rejects(ask('play', { key: token }, 'live/a', '192.0.2.2'), /used by as many/)
    await ask('play', { key: token })
  })

  it('A-03: forged ones are guesses', async () => {
    const { ask, issue, delays } = setUp({ play: 'token' })
    const { token } = await issue()
    const forged = (index: number) => `${token.slice(0, -4)}${String(index).padStart(4, 'A')}`

    for (let index = 0; index < 10; index++) await assert.rejects(ask('play', { key: forged(index) }), DENIED)

    assert.equal(delays.length, 10)
    await assert.rejects(ask('play', { key: token }), /too many wrong keys/)
    await ask('play', { key: token }, 'live/a', '192.0.2.2')
  })

  it('the message of a refusal holds nothing of what was shown', async () => {
    const { ask, issue } = setUp({ play: 'token' })
    const { token } = await issue()
    const canary = `${token}cAnArY`

    await assert.rejects(ask('play', { key: canary }), (error: Error) => !error.message.includes('cAnArY'))
  })
})

describe('A-07: sessions of tokens that end', () => {
  it('end with them: a minute after they expire, or when they are revoked', async () => {
    const { ask, issue, tokens } = setUp({ play: 'token' })
    const sessions = new Sessions()
    const ended: string[] = []
    const open = async (name: string, expiresSeconds: number) => {
      const { token, id } = await issue({ expiresSeconds })
      const grant = (await ask('play', { key: token })) ?? undefined
      const session = sessions.open({
        protocol: 'test',
        role: 'play',
        path: 'live/a',
        remoteAddress: '192.0.2.1',
        grant,
        close: (reason) => {
          ended.push(`${name} ${reason.code}`)
          sessions.close(session, reason)
        },
      })
      return id
    }
    await open('short', 60)
    await open('long', 600)
    const third = await open('third', 600)
    sessions.open({
      protocol: 'test',
      role: 'play',
      path: 'live/a',
      remoteAddress: '192.0.2.1',
      close: () => ended.push('open'),
    })
    const now = Date.now() / 1000

    endOverdueSessions(sessions.list(), tokens.store, now + 60)
    assert.deepEqual(ended, [])
    endOverdueSessions(sessions.list(), tokens.store, now + 61 + LEEWAY_SECONDS)
    tokens.store.revoke(third)
    endOverdueSessions(sessions.list(), tokens.store, now + 61 + LEEWAY_SECONDS)

    assert.deepEqual(ended, ['short ERR_TOKEN_EXPIRED', 'third ERR_TOKEN_REVOKED'])
  })

  it('are not renewed by an expired token', async () => {
    const { ask, issue, pass } = setUp({ play: 'token' })
    const { token } = await issue({ expiresSeconds: 60 })
    await ask('play', { key: token })

    pass(60 + LEEWAY_SECONDS + 1)

    await assert.rejects(ask('play', { key: token }), /expired/)
  })
})

describe('people with passwords', () => {
  it('play; those who may, publish', async () => {
    const alice = { password: await hashPassword('correct horse'), publish: true }
    const bob = { password: await hashPassword('battery staple') }
    const { ask } = setUp({ play: 'token', publish: 'token', users: { alice, bob } })
    const basic = (user: string, password: string): Credentials => ({ basic: { user, password } })

    await ask('play', basic('alice', 'correct horse'))
    await ask('publish', basic('alice', 'correct horse'))
    await ask('play', basic('bob', 'battery staple'))
    for (const wrong of [basic('bob', 'correct horse'), basic('carol', 'correct horse'), basic('toString', 'x')]) {
      await assert.rejects(ask('play', wrong), DENIED)
    }
    await assert.rejects(ask('publish', basic('bob', 'battery staple')), DENIED)
    assert.ok(isPasswordHash(alice.password) && !isPasswordHash('correct horse'))
    await assert.rejects(hashPassword('short'), { code: 'ERR_TOKEN_PASSWORD' })
  })

  it('A-03: wrong passwords are guesses, for names that are not known too', async () => {
    const { ask, delays } = setUp({
      play: 'token',
      users: { alice: { password: await hashPassword('correct horse') } },
    })

    await assert.rejects(ask('play', { basic: { user: 'alice', password: 'wrong horse' } }), DENIED)
    await assert.rejects(ask('play', { basic: { user: 'nobody', password: 'other horse' } }), DENIED)

    assert.equal(delays.length, 2)
  })
})

describe('rules by address', () => {
  it('come before what is shown', async () => {
    const { ask } = setUp({ play: 'open', allow: ['192.0.2.0/24', '2001:db8::/32'], deny: ['192.0.2.66'] })

    await ask('play', {}, 'live/a', '192.0.2.1')
    await ask('play', {}, 'live/a', '::ffff:192.0.2.1')
    await ask('play', {}, 'live/a', '2001:db8::1')
    for (const address of ['192.0.2.66', '198.51.100.1', '2001:db9::1', 'unknown', '0.0.0.0']) {
      await assert.rejects(ask('play', {}, 'live/a', address), DENIED)
      await assert.rejects(ask('publish', { key: 'publish-key' }, 'live/a', address), DENIED)
    }
    await ask('api', { bearer: 'admin-token' }, '/api', '198.51.100.1')
  })

  it('are checked when they are read', () => {
    for (const rule of ['here', '10.0.0.0/33', '10.0.0.0/x', '::/129', '10.0.0']) {
      assert.throws(() => checkAddressRules([rule], 'paths.x.allow'), { code: 'ERR_CONFIG_INVALID' })
    }
    assert.equal(opensToAll({ play: 'open', deny: ['10.0.0.0/8'] }), false)
  })
})

describe('the webhook', () => {
  const SECRET = 'a secret of the webhook'

  async function serve(t: TestContext, answer: (body: string, response: ServerResponse) => void) {
    const asked: { body: string; headers: IncomingMessage['headers'] }[] = []
    const server = createServer((request, response) => {
      let body = ''
      request.on('data', (piece: Buffer) => (body += piece.toString()))
      request.on('end', () => {
        asked.push({ body, headers: request.headers })
        answer(body, response)
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => {
      server.closeAllConnections()
      server.close()
    })
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    return { asked, settings: { url, secret: SECRET, playWithoutAnswer: false, cacheSeconds: 60 } }
  }

  it('says who may, and is asked once for the same', async (t) => {
    const { asked, settings } = await serve(t, (body, response) => {
      response.writeHead(body.includes('"key":"good"') ? 204 : 403).end()
    })
    const { ask, delays } = setUp({ play: 'webhook', publish: 'webhook' }, settings)

    await Promise.all(Array.from({ length: 10 }, () => ask('play', { key: 'good' })))
    await assert.rejects(ask('play', { key: 'bad' }), /says no/)
    await ask('publish', { key: 'good' })
    await assert.rejects(ask('publish', { key: 'publish-key' }), DENIED)
    await ask('publish', { key: 'admin-token' })

    assert.equal(asked.length, 4)
    // The wrong ones.
    assert.equal(delays.length, 2)
    const { body = '', headers = {} } = asked[0] ?? {}
    const { id, ...question } = JSON.parse(body) as { id: string }
    assert.match(id, /^[\da-f-]{36}$/)
    assert.deepEqual(question, { action: 'play', path: 'live/a', protocol: 'test', address: '192.0.2.1', key: 'good' })
    const timestamp = String(headers['headend-timestamp'])
    assert.equal(headers['headend-signature'], `v1=${signWebhook(SECRET, timestamp, body)}`)
    assert.ok(Math.abs(Number(timestamp) - Date.now() / 1000) < 60)
  })

  it('P-08: redirects, other statuses, long answers and silence are no answer: publishing is refused, playing as the settings say', async (t) => {
    const answers: readonly ((response: ServerResponse) => unknown)[] = [
      (response) => response.writeHead(302, { location: '/' }).end(),
      (response) => response.writeHead(500).end(),
      (response) => response.end('x'.repeat(10 * 1024 * 1024)),
      (response) => response.destroy(),
      (response) => response.write(' '),
    ]
    await Promise.all(
      answers.map(async (answer) => {
        const { settings } = await serve(t, (_body, response) => void answer(response))
        const strict = setUp({ play: 'webhook', publish: 'webhook' }, settings)
        const lenient = setUp({ play: 'webhook', publish: 'webhook' }, { ...settings, playWithoutAnswer: true })

        await Promise.all([
          assert.rejects(strict.ask('publish', { key: 'a' }), /did not answer/),
          assert.rejects(strict.ask('play', { key: 'a' }), /did not answer/),
          assert.rejects(lenient.ask('publish', { key: 'a' }), /did not answer/),
          lenient.ask('play', { key: 'a' }),
        ])
        // Nobody guessed.
        assert.deepEqual(strict.delays, [])
      }),
    )
  })

  it('is not asked by who only wants to know whether a path is open', async (t) => {
    const { asked, settings } = await serve(t, (_body, response) => response.end())
    const { ask } = setUp({ play: 'webhook' }, settings)

    await assert.rejects(ask('play', {}, 'live/a', '0.0.0.0'), DENIED)

    assert.equal(asked.length, 0)
  })

  it('is asked by a limited number at a time', async (t) => {
    const { asked, settings } = await serve(t, (_body, response) => response.destroy())
    const webhook = new Webhook()
    const request = { action: 'play', path: 'live/a', protocol: 'test', remoteAddress: '192.0.2.1' } as const

    const answers = Array.from({ length: 1000 }, (_, index) =>
      webhook.ask(settings, { ...request, credentials: { key: String(index) } }),
    )

    assert.deepEqual(new Set(await Promise.all(answers)), new Set(['none']))
    assert.ok(asked.length <= 200, `${asked.length}`)
  })
})
