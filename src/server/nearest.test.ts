import assert from 'node:assert/strict'
import { test } from 'node:test'
import { editDistance, nearestName } from './nearest.ts'

test('distance counts insertions, deletions and replacements', () => {
  assert.equal(editDistance('port', 'port'), 0)
  assert.equal(editDistance('prot', 'port'), 2)
  assert.equal(editDistance('', 'abc'), 3)
  assert.equal(editDistance('kitten', 'sitting'), 3)
})

test('the nearest name, or none', () => {
  assert.equal(nearestName('windowms', ['graceMs', 'windowMs']), 'windowMs')
  assert.equal(nearestName('completely-else', ['port', 'host']), undefined)
  assert.equal(nearestName('x'.repeat(10_000), ['port']), undefined)
})
