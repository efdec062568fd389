import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addressOf, type Question, queryOf, questionOf } from './question.ts'

const search = (question: Question) => new URL(addressOf(question), 'http://host').search

test('a question that stands in the address is the same when it is read again', () => {
  for (const question of [
    questionOf(''),
    { ...questionOf(''), range: '7d', path: 'live/ö&=<b>', protocol: '', family: 'Windows Media Player' },
    {
      ...questionOf(''),
      range: { from: 1_795_000_000_000, until: 1_795_000_600_000 },
      troubled: true,
      outcome: 'left',
    },
    { ...questionOf(''), session: '../a?b#c' },
  ] satisfies Question[]) {
    assert.deepEqual(questionOf(search(question)), question)
  }
})

test('what is not understood is left out', () => {
  for (const told of [
    '?range=constructor',
    '?from=now&until=later',
    '?from=2026-01-02T00:00Z&until=2026-01-01T00:00Z',
  ]) {
    assert.equal(questionOf(told).range, '1h', told)
  }
})

test('the API is asked for the range up to now, and for what none was told of', () => {
  const { from, until, path, protocol } = queryOf({ range: '15m', path: '' }, Date.UTC(2026, 10, 25, 20, 15))

  assert.deepEqual(
    [from, until, path, protocol],
    ['2026-11-25T20:00:00.000Z', '2026-11-25T20:15:00.000Z', '', undefined],
  )
})
