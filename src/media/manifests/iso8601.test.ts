import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FormatError } from '../../errors.ts'
import { formatDateTime, formatDuration, parseDateTime, parseDuration } from './iso8601.ts'

test('moments in all their spellings', () => {
  const expected = Date.UTC(2026, 0, 31, 12, 0, 0, 250)

  for (const text of [
    '2026-01-31T12:00:00.250Z',
    '2026-01-31T12:00:00.25',
    '2026-01-31T12:00:00.2509999Z',
    '2026-01-31T14:30:00.250+02:30',
    '2026-01-31T14:30:00.250+0230',
    '2026-01-31T10:00:00.250-02',
  ]) {
    assert.equal(parseDateTime(text), expected, text)
  }
  assert.equal(formatDateTime(expected), '2026-01-31T12:00:00.250Z')
})

test('durations', () => {
  assert.equal(parseDuration('PT1.5S'), 1.5)
  assert.equal(parseDuration('P1DT2H3M4.25S'), 93_784.25)
  assert.equal(parseDuration('P1Y'), 31_536_000)
  assert.equal(parseDuration('PT0S'), 0)
  assert.equal(formatDuration(1.000_000_4), 'PT1S')
  assert.equal(formatDuration(0.000_001), 'PT0.000001S')
})

test('what is neither is refused', () => {
  for (const text of [
    '',
    '2026',
    '2026-13-01T00:00:00Z',
    '2026-01-01T25:00:00Z',
    `2026-01-01T00:00:00.${'1'.repeat(100_000)}Z`,
  ]) {
    assert.throws(() => parseDateTime(text), FormatError, text)
  }
  for (const text of ['', 'P', 'PT', 'P1DT', '-PT1S', 'PTNaNS', 'PT1e308S', `PT${'9'.repeat(100_000)}S`]) {
    assert.throws(() => parseDuration(text), FormatError, text)
  }
})
