import assert from 'node:assert/strict'
import { test } from 'node:test'
import { challengesFor, shownBy } from './authorization.ts'
import { ClientAuthorization } from './client-authorization.ts'
import type { HeaderLine } from './message-head.ts'
import { WmRequest } from './request-reader.ts'

function request(headers: readonly HeaderLine[], target = '/live/a', method = 'POST'): WmRequest {
  return new WmRequest(`${method} ${target} HTTP/1.1`, headers)
}

const schemes = (headers: readonly HeaderLine[]) =>
  challengesFor(request(headers)).map(([, value]) => value.split(' ')[0])

test('keys, Basic and Bearer', () => {
  const shown = (value: string, target?: string) => shownBy(request([['Authorization', value]], target)).credentials
  assert.deepEqual(shownBy(request([], '/live/a?key=k')).credentials, { key: 'k' })
  assert.deepEqual(shown('Basic dTpwOnE=', '/live/a?key=k'), { key: 'k', basic: { user: 'u', password: 'p:q' } })
  assert.deepEqual(shown('bearer abc'), { bearer: 'abc' })
  for (const value of ['Basic', 'Basic bm9jb2xvbg==', 'NTLM TlRMTVNTUAAB', `Bearer ${'x'.repeat(5000)}`, '']) {
    assert.deepEqual(shown(value), {})
  }
})

test('PSH-20: the challenges stand in the order the client accepts', () => {
  assert.deepEqual(schemes([]), ['Digest', 'Digest', 'Basic'])
  assert.deepEqual(schemes([['X-Accept-Authentication', 'Negotiate, NTLM, Digest, Basic']]), [
    'Digest',
    'Digest',
    'Basic',
  ])
  assert.deepEqual(schemes([['x-accept-authentication', 'Basic, digest']]), ['Basic', 'Digest', 'Digest'])
  assert.deepEqual(schemes([['X-Accept-Authentication', 'Basic']]), ['Basic'])
  assert.deepEqual(schemes([['X-Accept-Authentication', 'NTLM']]), ['Digest', 'Digest', 'Basic'])
  assert.ok(challengesFor(request([])).every(([name]) => name === 'WWW-Authenticate'))
})

test('a client answers the challenge and proves what it knows, for method and target only', () => {
  const challenges = challengesFor(request([])).map(([, value]) => value)
  const client = ClientAuthorization.answering(challenges, { user: 'u', password: 'secret' }, 'cnonce')
  assert.ok(client !== undefined)
  const answer = (target: string) => shownBy(request([['Authorization', client.header('POST', '/live/a')]], target))
  assert.equal(answer('/live/a').credentials.proves?.('wrong'), false)
  assert.equal(answer('/live/a').credentials.proves?.('secret'), true)
  assert.equal(answer('/live/b').credentials.proves, undefined)

  const verb = client.header('DESCRIBE', '/live/a')
  const through = request([
    ['Authorization', verb],
    ['X-Proxy-Client-Verb', 'DESCRIBE'],
  ])
  assert.equal(shownBy(through).credentials.proves?.('secret'), true)
  // Its count was used up.
  assert.deepEqual(shownBy(through), { credentials: {}, stale: true })
})
