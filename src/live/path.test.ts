import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkPath, MAX_PATH_LENGTH } from './path.ts'

describe('checkPath', () => {
  it('accepts names of the one rule', () => {
    for (const path of ['live/a', 'channel/News-24', 'live/studio_1.main', 'live/a/b/c', `live/${'x'.repeat(195)}`]) {
      assert.equal(checkPath(path), path)
    }
  })

  it('refuses everything else with its code', () => {
    const bad = [
      '',
      'live',
      'live/',
      '/live/a',
      'live//a',
      'live/a/',
      'live/..',
      'live/.',
      'live/.../a',
      'live/a/../b',
      'vod/a',
      'other/a',
    ]
    const hostile = [
      'live/a b',
      'live/a%2fb',
      'live/\0',
      'live/a\n',
      'live/ä',
      'live/a\\b',
      'live/a?b',
      'LIVE/a',
      '__proto__/a',
      `live/${'x'.repeat(196)}`,
      `live${'/a'.repeat(8)}`,
    ]
    for (const path of [...bad, ...hostile]) assert.throws(() => checkPath(path), { code: 'ERR_PATH_INVALID' }, path)
  })

  it('quotes what was found shortened and escaped', () => {
    assert.throws(
      () => checkPath(`live/\u001b[31m${'x'.repeat(MAX_PATH_LENGTH)}`),
      (error: Error) => error.message.length < 300,
    )
    assert.throws(
      () => checkPath('live/\u001b[31m\r\n'),
      (error: Error) => !/[\u001b\r\n]/.test(error.message),
    )
  })
})
