import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PeerError } from '../../errors.ts'
import { parseTarget } from './request-target.ts'

describe('parseTarget', () => {
  it('decodes once', () => {
    assert.equal(parseTarget('/').path, '/')
    assert.equal(parseTarget('/console/').path, '/console/')
    assert.equal(parseTarget('/vod/%C3%A9t%C3%A9%20100%25.mp4').path, '/vod/été 100%.mp4')
    const { path, query } = parseTarget('/live/a.flv?key=a%2Fb&wait=3&x')
    assert.equal(path, '/live/a.flv')
    assert.deepEqual(
      [...query],
      [
        ['key', 'a/b'],
        ['wait', '3'],
        ['x', ''],
      ],
    )
  })

  it('H-01: refuses what could mean two things', () => {
    for (const target of [
      '',
      'a',
      '*',
      'http://a/b',
      '//a',
      '/a//b',
      '/.',
      '/..',
      '/a/../b',
      '/...',
      '/%2e%2e/a',
      '/%2E/a',
      '/.%2e/a',
      '/%252e%252e/a',
      '/%25252e',
      '/a%2fb',
      '/a%5cb',
      '/a\\b',
      '/a%00',
      '/a%0d%0aX:b',
      '/a%7f',
      '/%c0%ae%c0%ae/',
      '/%c0%af',
      '/%e0%80%af',
      '/%ff',
      '/%ed%a0%80',
      '/%',
      '/%4',
      '/%zz',
      '/a b',
      '/a\tb',
      '/é',
      '/a#b',
      `/${'a'.repeat(8_192)}`,
      `/?${'a&'.repeat(64)}`,
    ]) {
      assert.throws(
        () => parseTarget(target),
        (error) => error instanceof PeerError && error.code === 'ERR_HTTP_TARGET_INVALID',
        JSON.stringify(target.slice(0, 40)),
      )
    }
  })
})
