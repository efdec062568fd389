import assert from 'node:assert/strict'
import { it } from 'node:test'
import { conditionOf, rangeApplies } from './conditional.ts'

const modified = new Date('2024-05-06T07:08:09.500Z')
const what = { etag: '"abc"', modified }
const date = modified.toUTCString()
const later = new Date(modified.getTime() + 5000).toUTCString()
const earlier = new Date(modified.getTime() - 5000).toUTCString()

it('If-None-Match: by weak comparison, and before any date', () => {
  assert.equal(conditionOf({ 'if-none-match': '"x", W/"abc"' }, what), 304)
  assert.equal(conditionOf({ 'if-none-match': '*' }, what), 304)
  assert.equal(conditionOf({ 'if-none-match': '"x"', 'if-modified-since': later }, what), undefined)
})

it('If-Modified-Since and If-Unmodified-Since: in whole seconds; what is no date does not count', () => {
  assert.equal(conditionOf({ 'if-modified-since': date }, what), 304)
  assert.equal(conditionOf({ 'if-modified-since': earlier }, what), undefined)
  assert.equal(conditionOf({ 'if-modified-since': 'yesterday' }, what), undefined)
  assert.equal(conditionOf({ 'if-unmodified-since': date }, what), undefined)
  assert.equal(conditionOf({ 'if-unmodified-since': earlier }, what), 412)
})

it('If-Match: by strong comparison', () => {
  assert.equal(conditionOf({ 'if-match': '"abc"' }, what), undefined)
  assert.equal(conditionOf({ 'if-match': '*' }, what), undefined)
  assert.equal(conditionOf({ 'if-match': 'W/"abc", "x"' }, what), 412)
})

it('If-Range: a part of something else is not continued', () => {
  assert.ok(rangeApplies({}, what))
  assert.ok(rangeApplies({ 'if-range': '"abc"' }, what))
  assert.ok(!rangeApplies({ 'if-range': 'W/"abc"' }, what))
  assert.ok(!rangeApplies({ 'if-range': '"abd"' }, what))
  assert.ok(rangeApplies({ 'if-range': date }, what))
  assert.ok(!rangeApplies({ 'if-range': later }, what))
  assert.ok(!rangeApplies({ 'if-range': date }, what, modified.getTime() + 500))
})
