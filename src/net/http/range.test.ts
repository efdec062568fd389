import assert from 'node:assert/strict'
import { it } from 'node:test'
import { formatContentRange, parseRange, parseRanges } from './range.ts'

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

it('reads several ranges, in the order asked for', () => {
  assert.deepEqual(parseRanges('bytes=5-6, 0-1 ,-1', 10), [
    { start: 5, end: 7 },
    { start: 0, end: 2 },
    { start: 9, end: 10 },
  ])
  // What is not in the body is left out of what is.
  assert.deepEqual(parseRanges('bytes=10-,2-3', 10), [{ start: 2, end: 4 }])
})

it('H-02: overlapping ranges send no byte twice; more than eight, or a broken one, are none', () => {
  assert.deepEqual(parseRanges('bytes=0-9,0-9,0-9,5-,-3', 10), [{ start: 0, end: 10 }])
  assert.deepEqual(parseRanges('bytes=6-7,0-2,2-4', 10), [
    { start: 0, end: 5 },
    { start: 6, end: 8 },
  ])
  assert.equal(parseRanges(`bytes=${Array(9).fill('0-0').join()}`, 10), undefined)
  assert.equal(parseRanges('bytes=0-1,5-4', 10), undefined)
  assert.equal(parseRanges('bytes=0-1,', 10), undefined)
  assert.equal(parseRanges('bytes=', 10), undefined)
  assert.equal(parseRanges('bytes=10-,99-', 10), 'unsatisfiable')
  assert.equal(parseRanges(`bytes=${'9'.repeat(500)}-`, 10), 'unsatisfiable')
})
