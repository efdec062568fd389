import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mayReport } from './consent.ts'

test('nothing may be told when the browser says so in any of its ways', () => {
  assert.equal(mayReport({}), true)
  assert.equal(mayReport({ doNotTrack: null, globalPrivacyControl: false }), true)
  assert.equal(mayReport({ doNotTrack: '0' }), true)
  assert.equal(mayReport({ doNotTrack: 'unspecified' }), true)
  assert.equal(mayReport({ doNotTrack: '1' }), false)
  assert.equal(mayReport({ doNotTrack: 'yes' }), false)
  assert.equal(mayReport({ doNotTrack: '0', globalPrivacyControl: true }), false)
})
