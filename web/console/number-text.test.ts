import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bitrateText, bytesText, countOf, percentText, spanText } from './number-text.ts'

test('spans are told in the two largest units that say something', () => {
  const texts = [0, 999, 1000, 1940, 59_940, 60_000, 245_000, 3_599_400, 3_599_600, 12_000_000].map(spanText)

  assert.deepEqual(texts, [
    '0 ms',
    '999 ms',
    '1 s',
    '1.9 s',
    '59.9 s',
    '1 min',
    '4 min 5 s',
    '59 min 59 s',
    '1 h',
    '3 h 20 min',
  ])
})

test('what is not known is no zero', () => {
  assert.deepEqual(
    [spanText, percentText, bitrateText, bytesText].map((text) => text(undefined)),
    ['–', '–', '–', '–'],
  )
  assert.deepEqual(
    [percentText(0), percentText(0.0047), percentText(0.073), bitrateText(0)],
    ['0 %', '0.47 %', '7.3 %', '0 kb/s'],
  )
  assert.deepEqual([bytesText(0), bytesText(999), bytesText(5e6), bytesText(2 ** 53)], ['0 B', '999 B', '5 MB', '9 PB'])
  assert.deepEqual(
    [countOf(1, 'stall'), countOf(0, 'stall'), countOf(1204, 'stall')],
    ['1 stall', '0 stalls', '1,204 stalls'],
  )
})
