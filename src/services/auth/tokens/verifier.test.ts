import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it, type TestContext } from 'node:test'
import { LEEWAY_SECONDS, MAX_LIFE_SECONDS } from './claims.ts'
import { RETRY_MS, STALE_MS } from './key-set.ts'
import { issueToken, ownTokenKey } from './own-tokens.ts'
import { TokenVerifier, type TokenVerifierOptions } from './verifier.ts'

const NOW = Date.parse('2026-11-25T12:00:00Z')
const SECONDS = NOW / 1000
const ISSUER = 'https://login.example.com'
const INVALID = { name: 'PeerError', code: 'ERR_TOKEN_INVALID' }
const EXPIRED = { name: 'PeerError', code: 'ERR_TOKEN_EXPIRED' }

const ownKey = ownTokenKey('master')
const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const other = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const publicJwk = pair.publicKey.export({ format: 'jwk' })
const jwks = JSON.stringify({ keys: [{ ...publicJwk, kid: 'one', alg: 'ES256', use: 'sig' }] })

const part = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** Made without the library that reads it. */
function hmacToken(header: unknown, payload: unknown, key: string | Uint8Array): string {
  const signed = `${part(header)}.${part(payload)}`
  return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`
}

function ecToken(header: unknown, payload: unknown, key = pair.privateKey): string {
  const signed = `${part(header)}.${part(payload)}`
  return `${signed}.${sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

const HS = { alg: 'HS256' }
const ES = { alg: 'ES256', kid: 'one' }
const own = { iss: 'headend', path: 'live/a', exp: SECONDS + 60 }
const foreign = { iss: ISSUER, path: 'live/a', exp: SECONDS + 60 }

describe('own tokens', () => {
  const verifier = new TokenVerifier({ ownKey, now: () => NOW })

  it('say what they were made for', async () => {
    const issued = await issueToken(
      ownKey,
      { path: 'live/*', actions: ['publish'], expiresSeconds: 60, uses: 3, renewSeconds: 30, ip: '192.0.2.0/24' },
      NOW,
    )

    const claims = await verifier.verify(issued.token)

    assert.equal(claims.id, issued.id)
    assert.deepEqual([...claims.actions], ['publish'])
    assert.deepEqual([claims.uses, claims.renew, claims.expiresAt], [3, 30, SECONDS + 60])
    assert.deepEqual(
      ['live/a', 'live/a/b', 'vod/a', 'live'].map((path) => claims.opensPath(path)),
      [true, false, false, false],
    )
    assert.deepEqual(
      ['192.0.2.9', '192.0.3.9', '::1', 'unknown'].map((address) => claims.opensFor(address)),
      [true, false, false, false],
    )
  })

  it('are refused by another server', async () => {
    const { token } = await issueToken(ownTokenKey('another'), { path: 'live/a', expiresSeconds: 60 }, NOW)

    await assert.rejects(verifier.verify(token), INVALID)
  })

  it('end, and begin, with a minute for clocks that differ', async () => {
    const { token } = await issueToken(ownKey, { path: 'live/a', expiresSeconds: 60 }, NOW)
    const at = (seconds: number) => new TokenVerifier({ ownKey, now: () => NOW + seconds * 1000 }).verify(token)

    await at(60 + LEEWAY_SECONDS - 1)
    await assert.rejects(at(60 + LEEWAY_SECONDS), EXPIRED)
    await verifier.verify(hmacToken(HS, { ...own, nbf: SECONDS + LEEWAY_SECONDS }, ownKey))
    await assert.rejects(verifier.verify(hmacToken(HS, { ...own, nbf: SECONDS + LEEWAY_SECONDS + 1 }, ownKey)), EXPIRED)
  })

  it('end although they are remembered', async () => {
    let now = NOW
    const moving = new TokenVerifier({ ownKey, now: () => now })
    const { token } = await issueToken(ownKey, { path: 'live/a', expiresSeconds: 60 }, NOW)
    await moving.verify(token)

    now += 121_000

    await assert.rejects(moving.verify(token), EXPIRED)
  })

  it('A-04: nothing strange is believed', async () => {
    const right = hmacToken(HS, own, ownKey)
    const [head = '', body = '', signature = ''] = right.split('.')
    await verifier.verify(right)
    const strange: Readonly<Record<string, string>> = {
      'no algorithm': `${part({ alg: 'none' })}.${body}.${signature}`,
      'no algorithm and no signature': `${part({ alg: 'none' })}.${body}.`,
      'an empty signature': `${head}.${body}.`,
      'another algorithm': hmacToken({ alg: 'HS512' }, own, ownKey),
      'a signature cut short': right.slice(0, -1),
      'a changed claim': `${head}.${part({ ...own, path: '**' })}.${signature}`,
      'a kid that is a path': hmacToken({ ...HS, kid: '../../../etc/passwd' }, own, ownKey),
      'a kid that is SQL': hmacToken({ ...HS, kid: "' OR 1=1 --" }, own, ownKey),
      'a kid that is no text': hmacToken({ ...HS, kid: { a: 1 } }, own, ownKey),
      jku: hmacToken({ ...HS, jku: 'http://127.0.0.1:1/keys' }, own, ownKey),
      x5u: hmacToken({ ...HS, x5u: 'http://127.0.0.1:1/cert' }, own, ownKey),
      jwk: hmacToken({ ...HS, jwk: { kty: 'oct', k: part('key') } }, own, ownKey),
      crit: hmacToken({ ...HS, crit: ['exp'] }, own, ownKey),
      'exp as text': hmacToken(HS, { ...own, exp: String(SECONDS + 60) }, ownKey),
      'no exp': hmacToken(HS, { iss: 'headend', path: 'live/a' }, ownKey),
      'nbf as text': hmacToken(HS, { ...own, nbf: 'now' }, ownKey),
      'a claim twice': hmacToken(HS, `{"iss":"headend","path":"live/a","path":"**","exp":${SECONDS + 60}}`, ownKey),
      'a claim twice, once escaped': hmacToken(
        HS,
        `{"iss":"headend","path":"live/a","p\\u0061th":"**","exp":${SECONDS + 60}}`,
        ownKey,
      ),
      'a header twice': hmacToken('{"alg":"HS256","alg":"none"}', own, ownKey),
      'no issuer': hmacToken(HS, { path: 'live/a', exp: SECONDS + 60 }, ownKey),
      'an unknown issuer': hmacToken(HS, { ...own, iss: ISSUER }, ownKey),
      'no path': hmacToken(HS, { iss: 'headend', exp: SECONDS + 60 }, ownKey),
      'a path with too many stars': hmacToken(HS, { ...own, path: 'a*'.repeat(20) }, ownKey),
      'an unknown action': hmacToken(HS, { ...own, act: 'admin' }, ownKey),
      'uses below 1': hmacToken(HS, { ...own, uses: 0 }, ownKey),
      'uses that are no whole number': hmacToken(HS, { ...own, uses: 1.5 }, ownKey),
      'an address that is none': hmacToken(HS, { ...own, ip: '192.0.2' }, ownKey),
      'kids that are none': hmacToken(HS, { ...own, kids: ['x'] }, ownKey),
      'a life without end': hmacToken(HS, { ...own, exp: SECONDS + MAX_LIFE_SECONDS + 120 }, ownKey),
      'no JSON': `${part('{')}.${body}.${signature}`,
      'no object': `${head}.${part('[]')}.${signature}`,
      'too long': hmacToken(HS, { ...own, sid: 'x'.repeat(6000) }, ownKey),
      'dots only': '..',
    }

    for (const [name, token] of Object.entries(strange)) await assert.rejects(verifier.verify(token), INVALID, name)
  })

  it('what is asked for wrongly is not made', async () => {
    const wrong = [
      { path: '', expiresSeconds: 60 },
      { path: 'live/a', expiresSeconds: 0 },
      { path: 'live/a', expiresSeconds: MAX_LIFE_SECONDS + 1 },
      { path: 'live/a', expiresSeconds: 60, uses: 0 },
      { path: 'live/a', expiresSeconds: 60, ip: 'here' },
    ]

    for (const request of wrong) await assert.rejects(issueToken(ownKey, request, NOW), INVALID)
  })
})

describe('tokens of others', () => {
  let folder = ''
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'headend-tokens-'))
    writeFileSync(join(folder, 'jwks.json'), jwks)
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  const trusting = (more: Partial<TokenVerifierOptions> = {}, audience?: string) =>
    new TokenVerifier({
      ownKey,
      now: () => NOW,
      issuers: { [ISSUER]: { jwks: join(folder, 'jwks.json'), algorithm: 'ES256', audience } },
      ...more,
    })

  it('are believed when their issuer is', async () => {
    const claims = await trusting().verify(
      ecToken(ES, { ...foreign, jti: 'j1', kids: ['00112233-4455-6677-8899-aabbccddeeff'] }),
    )

    assert.equal(claims.id, `${ISSUER}:j1`)
    assert.deepEqual([...(claims.keyIds ?? [])], ['00112233445566778899aabbccddeeff'])
    assert.ok(claims.opensPath('live/a'))
  })

  it('without an id have one of their own', async () => {
    const { id } = await trusting().verify(ecToken(ES, foreign))
    // Another signature of the same.
    const again = await trusting().verify(ecToken(ES, foreign))

    assert.equal(again.id, id)
    assert.match(id, /^https:\/\/login\.example\.com:sha256-[\w-]{43}$/)
  })

  it('A-04: a public key is no secret, and each issuer has one algorithm', async () => {
    const verifier = trusting()
    const pem = pair.publicKey.export({ format: 'pem', type: 'spki' })
    const secrets = [pem, jwks, JSON.stringify(publicJwk), Buffer.from(String(publicJwk.x), 'base64url')]

    for (const secret of secrets) {
      await assert.rejects(verifier.verify(hmacToken({ alg: 'HS256', kid: 'one' }, foreign, secret)), INVALID)
    }
    await assert.rejects(verifier.verify(ecToken(ES, foreign, other.privateKey)), INVALID)
    await assert.rejects(verifier.verify(ecToken({ ...ES, kid: 'two' }, foreign)), INVALID)
    await assert.rejects(verifier.verify(ecToken({ alg: 'ES384', kid: 'one' }, foreign)), INVALID)
    await assert.rejects(verifier.verify(hmacToken(HS, foreign, ownKey)), INVALID)
    await assert.rejects(verifier.verify(ecToken(ES, { ...foreign, iss: 'headend' })), INVALID)
  })

  it('are for the audience that is asked for', async () => {
    const verifier = trusting({}, 'video')

    await verifier.verify(ecToken(ES, { ...foreign, aud: ['video', 'mail'] }))
    await assert.rejects(verifier.verify(ecToken(ES, { ...foreign, aud: 'mail' })), INVALID)
    await assert.rejects(verifier.verify(ecToken(ES, foreign)), INVALID)
  })
})

describe('A-05: the keys of an issuer', () => {
  async function serve(t: TestContext, answer: (request: IncomingMessage, response: ServerResponse) => void) {
    let asked = 0
    const server = createServer((request, response) => {
      asked++
      answer(request, response)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => {
      server.closeAllConnections()
      server.close()
    })
    let clock = 0
    const failures: string[] = []
    const verifier = new TokenVerifier({
      ownKey,
      now: () => NOW,
      issuers: {
        [ISSUER]: { jwks: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, algorithm: 'ES256' },
      },
      onFailure: (issuer) => failures.push(issuer),
      keySet: { now: () => clock },
    })
    let number = 0
    return {
      verify: (header: unknown = ES) => verifier.verify(ecToken(header, { ...foreign, jti: `j${number++}` })),
      failures,
      asked: () => asked,
      pass: (ms: number) => (clock += ms),
    }
  }

  it('are asked for once by all who wait', async (t) => {
    const { verify, asked } = await serve(t, (_request, response) => response.end(jwks))

    await Promise.all(Array.from({ length: 20 }, () => verify()))

    assert.equal(asked(), 1)
  })

  it('are believed for 24 hours while they cannot be had, and no longer', async (t) => {
    let down = false
    const { verify, failures, pass } = await serve(t, (_request, response) => {
      if (down) response.writeHead(503).end()
      else response.end(jwks)
    })
    await verify()
    down = true

    pass(STALE_MS - 1)
    await verify()
    pass(RETRY_MS + 2)

    await assert.rejects(verify(), { code: 'ERR_TOKEN_KEYS' })
    assert.deepEqual(new Set(failures), new Set([ISSUER]))
  })

  it('that are known are not waited for when the issuer is slow', async (t) => {
    let slow = false
    const { verify, pass, asked } = await serve(t, (_request, response) => {
      if (!slow) response.end(jwks)
    })
    await verify()
    slow = true
    pass(STALE_MS / 2)

    await verify()

    assert.ok(asked() <= 2)
  })

  it('come anew for an id that is not known, but not for each', async (t) => {
    const { verify, asked, pass } = await serve(t, (_request, response) => response.end(jwks))
    await verify()

    pass(RETRY_MS)
    for (let guess = 0; guess < 20; guess++) await assert.rejects(verify({ ...ES, kid: `k${guess}` }), INVALID)

    assert.equal(asked(), 2)
  })

  it('are not read when they are too large, no keys, or elsewhere', async (t) => {
    const answers: readonly ((response: ServerResponse) => unknown)[] = [
      (response) => response.end(' '.repeat(10 * 1024 * 1024)),
      (response) => response.end('{"keys":[]}'),
      (response) => response.end('{"keys":{}}'),
      (response) => response.end('<html>'),
      (response) => response.end(JSON.stringify({ keys: [{ kty: 'oct', k: part('secret') }] })),
      (response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
    ]
    for (const answer of answers) {
      const { verify, failures } = await serve(t, (_request, response) => void answer(response))

      await assert.rejects(verify(), { code: 'ERR_TOKEN_KEYS' })
      assert.equal(failures.length, 1)
    }
  })
})
