import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ClientAuthorization, userPasswordOf } from './client-authorization.ts'
import { ClientCookies, MAX_COOKIES } from './wmsp/client/cookies.ts'

const MUFASA = { user: 'Mufasa', password: 'Circle of Life' }
/** Of RFC 7616 section 3.9.1. */
const CNONCE = 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ'
const challenge = (algorithm: string) =>
  `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=${algorithm}, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`

function responseOf(values: readonly string[], who = MUFASA, cnonce = CNONCE): string | undefined {
  const header = ClientAuthorization.answering(values, who, cnonce)?.header('GET', '/dir/index.html')
  return /response="([0-9a-f]+)"/.exec(header ?? '')?.[1]
}

describe("a client's answer to a challenge", () => {
  test('is that of RFC 7616 for MD5 and SHA-256', () => {
    assert.equal(responseOf([challenge('MD5')]), '8ca523f5e9506fed4657c9700eebdbec')
    assert.equal(responseOf([challenge('SHA-256')]), '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1')
  })

  test('is that of RFC 2069 where the server knows no quality of protection', () => {
    const values = ['Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"']
    const who = { user: 'Mufasa', password: 'CircleOfLife' }
    assert.equal(responseOf(values, who), '1949323746fe6a43ef61f9606e7febea')
  })

  test('counts the requests of a nonce', () => {
    const authorization = ClientAuthorization.answering([challenge('MD5')], MUFASA, CNONCE)
    assert.match(authorization?.header('GET', '/') ?? '', /nc=00000001/)
    assert.match(authorization?.header('GET', '/') ?? '', /nc=00000002/)
  })

  test('chooses Digest before Basic, wherever they stand, and neither NTLM nor Negotiate', () => {
    const scheme = (...values: string[]) =>
      ClientAuthorization.answering(values, MUFASA, CNONCE)?.header('GET', '/').split(' ')[0]
    assert.equal(scheme('Basic realm="x"', challenge('MD5')), 'Digest')
    assert.equal(scheme(`Negotiate, NTLM, Basic realm="a, b=c", ${challenge('MD5')}`), 'Digest')
    assert.equal(scheme('NTLM TlRMTVNTUAAC==, Basic realm=x'), 'Basic')
    assert.equal(scheme('Digest realm="x", nonce="1", algorithm=SHA-512-256', 'Basic realm="x"'), 'Basic')
    assert.equal(scheme('Digest realm="x", nonce="1", qop="auth-int"'), undefined)
    assert.equal(scheme('Negotiate', 'NTLM'), undefined)
    assert.equal(scheme(''), undefined)
  })

  test('reads quotes and says them again', () => {
    const header = ClientAuthorization.answering(['Digest realm="a \\"b\\"", nonce="\\\\"'], MUFASA, CNONCE)?.header(
      'GET',
      '/',
    )
    assert.match(header ?? '', /realm="a \\"b\\"", nonce="\\\\"/)
  })

  test('knows a stale nonce', () => {
    assert.equal(ClientAuthorization.isStale([`${challenge('MD5')}, stale=TRUE`]), true)
    assert.equal(ClientAuthorization.isStale([challenge('MD5'), 'Digest stale=false']), false)
  })

  test('takes user and password from the address', () => {
    assert.deepEqual(userPasswordOf(new URL('mms://a%40b:c%3Ad@host/')), { user: 'a@b', password: 'c:d' })
    assert.deepEqual(userPasswordOf(new URL('mms://a@host/')), { user: 'a', password: '' })
    assert.equal(userPasswordOf(new URL('mms://host/')), undefined)
    assert.deepEqual(userPasswordOf(new URL('mms://%ff:b@host/')), { user: '%ff', password: 'b' })
  })
})

describe("a client's cookies", () => {
  const url = new URL('http://a.media.test/live/x')

  test('go back to who set them', () => {
    const cookies = new ClientCookies()
    cookies.store(url, ['a=1', 'b="2"; path=/live', 'c=3; Domain=.media.test', 'd=4; path=/live/x/y'])
    assert.equal(cookies.header(url), 'a=1; b="2"; c=3')
    assert.equal(cookies.header(new URL('http://b.media.test/')), 'c=3')
    assert.equal(cookies.header(new URL('http://a.media.test/livery')), 'a=1; c=3')
    assert.equal(cookies.header(new URL('http://other.test/')), undefined)
  })

  test('are replaced, and removed at once', () => {
    const cookies = new ClientCookies()
    cookies.store(url, ['a=1', 'b=1'])
    cookies.store(url, ['a=2', 'b=; max-age=0'])
    assert.equal(cookies.header(url), 'a=2')
  })

  test('of others, without a name, or too large are not kept', () => {
    const cookies = new ClientCookies()
    cookies.store(url, [
      '=1',
      'novalue',
      'a=1; domain=test',
      'a=1; domain=evil.test',
      `a=${'x'.repeat(5000)}`,
      'a=\u00e9',
    ])
    assert.equal(cookies.header(url), undefined)
  })

  test('are few', () => {
    const cookies = new ClientCookies()
    cookies.store(
      url,
      Array.from({ length: 1000 }, (_, number) => `c${number}=1`),
    )
    const names = cookies.header(url)?.split('; ') ?? []
    assert.equal(names.length, MAX_COOKIES)
    assert.equal(names.at(-1), 'c999=1')
  })
})
