import assert from 'node:assert/strict'
import { test } from 'node:test'
import { atLeast, parseProduct, parseServer } from './product.ts'

test('clients are known by token and version, whatever follows', () => {
  const cases = [
    ['NSPlayer/4.1.0.3856', 'NSPlayer', 4, 1, false],
    ['NSPlayer/7.10.0.3059', 'NSPlayer', 7, 10, false],
    ['NSPlayer/12.00.19041.0001 WMFSDK/12.00.19041.0001', 'NSPlayer', 12, 0, false],
    ['NSServer/9.6.7600.1; via WMCacheProxy', 'NSServer', 9, 6, true],
    ['WMCacheProxy/9.1.1.3814', 'WMCacheProxy', 9, 1, false],
    ['WMEncoder/12.0.0.7', 'WMEncoder', 12, 0, false],
    ['nsplayer/9', 'NSPlayer', 9, 0, false],
  ] as const
  for (const [text, token, major, minor, viaProxy] of cases) {
    assert.deepEqual(parseProduct(text), { token, major, minor, text, viaProxy })
  }
})

test('other agents are nobody', () => {
  for (const text of [
    undefined,
    '',
    'Lavf/59.27.100',
    'NSPlayerX/9.0',
    'Windows-Media-Player/12.0',
    'x NSPlayer/9.0',
  ]) {
    assert.equal(parseProduct(text), undefined)
  }
})

test('servers: Cougar and Rex, also with the space that VLC writes', () => {
  assert.deepEqual(parseServer('Cougar 4.1.0.3921'), { token: 'Cougar', major: 4, minor: 1, text: 'Cougar 4.1.0.3921' })
  assert.equal(parseServer('Rex/12.0.0.7')?.token, 'Rex')
  assert.equal(parseServer('Apache/2.4'), undefined)
})

test('versions compare as two integers', () => {
  const version = (major: number, minor: number) => ({ major, minor })
  assert.ok(atLeast(version(9, 10), 9, 6))
  assert.ok(atLeast(version(10, 0), 9, 6))
  assert.ok(!atLeast(version(7, 10), 9))
  assert.ok(atLeast(version(9, 0), 9))
})
