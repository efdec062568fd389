import assert from 'node:assert/strict'
import { it } from 'node:test'
import { formatContentRange, parseRange } from './range.ts'

it('reads one range', () => {
  assert.deepEqual(parseRange('bytes=0-0', 10), { start: 0, end: 1 })
  assert.deepEqual(parseRange('bytes=2-', 10), { start: 2, end: 10 })
  assert.deepEqual(parseRange('bytes=2-99', 10), { start: 2, end: 10 })
  assert.deepEqual(parseRange('bytes=-3', 10), { start: 7, end: 10 })
  assert.equal(formatContentRange({ start: 7, end: 10 }, 10), 'bytes 7-9/10')
})

it('H-02: hostile ranges end in the whole body or in 416', () => {
  assert.equal(parseRange(undefined, 10), undefined)
  assert.equal(parseRange('bytes=0-1,2-3', 10), undefined)
  assert.equal(parseRange(`bytes=${'0-1,'.repeat(10_000)}0-1`, 10), undefined)
  assert.equal(parseRange('bytes=5-4', 10), undefined)
  assert.equal(parseRange('bytes=-', 10), undefined)
  assert.equal(parseRange('bytes=a-b', 10), undefined)
  assert.equal(parseRange('lines=0-1', 10), undefined)
  assert.equal(parseRange('bytes=10-', 10), 'unsatisfiable')
  assert.equal(parseRange('bytes=99999999999999999999-', 10), 'unsatisfiable')
  assert.equal(parseRange('bytes=-0', 10), 'unsatisfiable')
  assert.equal(parseRange('bytes=0-', 0), 'unsatisfiable')
  assert.deepEqual(parseRange('bytes=-9223372036854775808', 10), { start: 0, end: 10 })
  assert.deepEqual(parseRange('bytes=0-9223372036854775807', 10), { start: 0, end: 10 })
  assert.equal(formatContentRange('unsatisfiable', 10), 'bytes */10')
})
