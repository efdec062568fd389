import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { type DigestAlgorithm, DigestServer, MAX_COUNTED_NONCES, NONCE_LIFE_MS } from './digest.ts'

const HASH = { 'SHA-256': 'sha256', MD5: 'md5' } as const

function setUp(key?: Uint8Array) {
  const clock = { now: 1000 }
  const server = new DigestServer({ realm: 'headend', now: () => clock.now, ...(key && { key }) })
  return { server, clock }
}

interface Answering {
  readonly password: string
  readonly user?: string
  readonly algorithm?: DigestAlgorithm
  readonly count?: number
  readonly method?: string
  readonly uri?: string
  readonly change?: (header: string) => string
}

/** A client of its own: the formula of RFC 7616 section 3.4.1, written anew. */
function answer(challenge: string, options: Answering): string {
  const { password, user = 'Mufasa', algorithm = 'MD5', count = 1, method = 'POST', uri = '/live/a' } = options
  const nonce = /nonce="([^"]+)"/.exec(challenge)?.[1]
  const h = (text: string) => createHash(HASH[algorithm]).update(text).digest('hex')
  const nc = count.toString(16).padStart(8, '0')
  const response = h(`${h(`${user}:headend:${password}`)}:${nonce}:${nc}:c1:auth:${h(`${method}:${uri}`)}`)
  const header =
    `Digest username="${user}", realm="headend", nonce="${nonce}", uri="${uri}", algorithm=${algorithm}, ` +
    `response="${response}", qop=auth, nc=${nc}, cnonce="c1"`
  return options.change?.(header) ?? header
}

function proves(server: DigestServer, header: string, secret = 'secret', method = 'POST', target = '/live/a') {
  const judged = server.judge(header, method, target)
  return judged?.type === 'claim' ? judged.proves(secret) : judged?.type
}

test('a challenge says realm, qop, algorithm and a nonce; stale only when asked', () => {
  const { server } = setUp()
  assert.match(
    server.challenge('SHA-256'),
    /^Digest realm="headend", qop="auth", algorithm=SHA-256, nonce="[\w-]{43}"$/,
  )
  assert.match(server.challenge('MD5', true), /algorithm=MD5, nonce="[\w-]+", stale=true$/)
  assert.notEqual(server.challenge('MD5'), server.challenge('MD5'))
})

test('who knows the password proves it with either algorithm, who does not, does not', () => {
  for (const algorithm of ['MD5', 'SHA-256'] as const) {
    const { server } = setUp()
    const challenge = server.challenge(algorithm)
    assert.equal(proves(server, answer(challenge, { password: 'wrong', algorithm })), false)
    assert.equal(proves(server, answer(challenge, { password: 'secret', algorithm })), true)
  }
})

test('the example of RFC 7616 section 3.9.1: the formula gives its digests', () => {
  // The nonce of the example is not ours, so the formula of this test file is what is checked: it judges the server in all others.
  const h = (text: string, algorithm: string) => createHash(algorithm).update(text).digest('hex')
  const nonce = '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v'
  const cnonce = 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ'
  const response = (algorithm: string) =>
    h(
      `${h('Mufasa:http-auth@example.org:Circle of Life', algorithm)}:${nonce}:00000001:${cnonce}:auth:${h('GET:/dir/index.html', algorithm)}`,
      algorithm,
    )
  assert.equal(response('md5'), '8ca523f5e9506fed4657c9700eebdbec')
  assert.equal(response('sha256'), '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1')
})

test('a nonce lives for 60 s, then the answer is stale and not wrong', () => {
  const { server, clock } = setUp()
  const challenge = server.challenge('MD5')
  clock.now += NONCE_LIFE_MS
  assert.equal(proves(server, answer(challenge, { password: 'secret' })), true)
  clock.now += 1
  assert.equal(proves(server, answer(challenge, { password: 'secret', count: 2 })), 'stale')
})

test('a count is good once, also for two requests at the same time', () => {
  const { server } = setUp()
  const challenge = server.challenge('MD5')
  const header = answer(challenge, { password: 'secret', count: 2 })
  const [first, second] = [server.judge(header, 'POST', '/live/a'), server.judge(header, 'POST', '/live/a')]
  assert.ok(first?.type === 'claim' && second?.type === 'claim')
  assert.equal(first.proves('secret'), true)
  assert.equal(first.proves('secret'), true)
  assert.equal(second.proves('secret'), false)
  assert.equal(proves(server, header), 'stale')
  assert.equal(proves(server, answer(challenge, { password: 'secret', count: 1 })), 'stale')
  assert.equal(proves(server, answer(challenge, { password: 'secret', count: 3 })), true)
})

test('a wrong password uses no count up', () => {
  const { server } = setUp()
  const challenge = server.challenge('MD5')
  assert.equal(proves(server, answer(challenge, { password: 'wrong' })), false)
  assert.equal(server.counted, 0)
  assert.equal(proves(server, answer(challenge, { password: 'secret' })), true)
})

test('counts are bounded, and what was forgotten cannot be used again', () => {
  const { server, clock } = setUp()
  const first = answer(server.challenge('MD5'), { password: 'secret' })
  assert.equal(proves(server, first), true)
  for (let i = 0; i < MAX_COUNTED_NONCES + 5; i++) {
    clock.now += 0.001
    assert.equal(proves(server, answer(server.challenge('MD5'), { password: 'secret' })), true)
  }
  assert.equal(server.counted, MAX_COUNTED_NONCES)
  assert.equal(proves(server, first), 'stale')
  clock.now += NONCE_LIFE_MS + 1
  assert.equal(proves(server, answer(server.challenge('MD5'), { password: 'secret' })), true)
  assert.equal(server.counted, 1)
})

test('answers to no challenge of this server, for other targets, or with broken fields are invalid', () => {
  const { server } = setUp()
  const challenge = server.challenge('MD5')
  const good = answer(challenge, { password: 'secret' })
  const foreign = setUp(Buffer.from('another key')).server.challenge('MD5')
  const changes: readonly [string, string][] = [
    ['qop=auth', 'qop=auth-int'],
    ['qop=auth, ', ''],
    ['nc=00000001', 'nc=1'],
    ['cnonce="c1"', 'cnonce=""'],
    ['realm="headend"', 'realm="other"'],
    ['algorithm=MD5', 'algorithm=MD5-sess'],
    ['uri="/live/a"', 'uri="/live/b"'],
    ['nonce="', 'nonce="A'],
    ['username="Mufasa"', 'userhash=true, username="Mufasa"'],
    ['username="Mufasa"', 'username="Mufasa", username="x"'],
    ['cnonce="c1"', 'cnonce="c1'],
    ['Digest username', 'Digest {}username'],
  ]
  for (const [from, to] of changes) assert.equal(proves(server, good.replace(from, to)), 'invalid', to)
  assert.equal(proves(server, answer(foreign, { password: 'secret' })), 'invalid')
  assert.equal(proves(server, `${good}, x="${'y'.repeat(5000)}"`), 'invalid')
  assert.equal(proves(server, 'Digest'), 'invalid')
  assert.equal(proves(server, 'Basic YTpi'), undefined)
  assert.equal(proves(server, good), true)
})

test('method, target in absolute form, and names that are not ASCII', () => {
  const { server } = setUp()
  const challenge = server.challenge('MD5')
  assert.equal(proves(server, answer(challenge, { password: 'secret' }), 'secret', 'GET'), false)
  assert.equal(
    proves(server, answer(challenge, { password: 'secret' }), 'secret', 'POST', 'http://media.test:80/live/a'),
    true,
  )
  // A header value arrives one byte a character.
  const wire = Buffer.from(answer(challenge, { password: 'secret', user: 'Jäsøn', count: 2 }), 'utf8').toString(
    'latin1',
  )
  assert.equal(proves(server, wire), true)
  const extended = answer(challenge, {
    password: 'secret',
    user: 'Jäsøn',
    count: 3,
    change: (header) => header.replace('username="Jäsøn"', "username*=UTF-8''J%C3%A4s%C3%B8n"),
  })
  assert.equal(proves(server, extended), true)
})
