import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SessionDetail, SessionEvent } from './audience-api.ts'
import { extentOf, marksOf, stallsOf } from './session-story.ts'

const START = Date.UTC(2026, 10, 25, 20, 14)

const at = (seconds: number) => new Date(START + seconds * 1000).toISOString()

function told(seconds: number, more: Partial<SessionEvent> = {}): SessionEvent {
  const time = START + seconds * 1000
  return { kind: 'state', source: 'cmcd', time, receivedAt: time, ...more }
}

function sessionOf(events: readonly SessionEvent[], spans: SessionDetail['spans'] = []): SessionDetail {
  return {
    id: 's',
    path: 'live/one',
    protocol: 'hls',
    family: '',
    start: at(0),
    end: at(60),
    outcome: 'left',
    playedMs: 0,
    stalledMs: 0,
    stalls: 0,
    errors: 0,
    networkStalls: 0,
    pausedMs: 0,
    seekingMs: 0,
    bitrateUp: 0,
    bitrateDown: 0,
    spans,
    events,
    isCut: false,
  }
}

test('marks are other bit rates, errors, and what the server knows', () => {
  const marks = marksOf([
    told(0, { bitrate: 1000 }),
    told(1, { kind: 'open', source: 'server' }),
    told(2, { kind: 'request', bitrate: 1000 }),
    told(3, { kind: 'request', bitrate: 3000 }),
    told(4, { kind: 'interval', source: 'server' }),
    told(5, { kind: 'error', errors: ['404'], bitrate: 500 }),
    told(6, { state: 'failed' }),
    told(7, { kind: 'close', source: 'server', reason: 'ERR_SLOW' }),
  ])

  assert.deepEqual(
    marks.map(({ kind, time, isServer }) => [kind, (time - START) / 1000, isServer]),
    [
      ['open', 1, true],
      ['switch-up', 3, false],
      ['switch-down', 5, false],
      ['error', 5, false],
      ['error', 6, false],
      ['close', 7, true],
    ],
  )
  assert.match(marks.at(-1)?.text ?? '', /reason: ERR_SLOW/)
})

test('around a stall is what was told up to ten seconds from it', () => {
  const events = [9.9, 10, 25, 36, 36.1].map((seconds) => told(seconds, { kind: 'error', errors: [String(seconds)] }))
  const session = sessionOf(events, [
    { state: 'playing', start: at(0), end: at(20) },
    { state: 'rebuffering', start: at(20), end: at(26) },
    { state: 'playing', start: at(26), end: at(60) },
  ])

  const stalls = stallsOf(session, marksOf(events))

  assert.deepEqual(
    stalls.map(({ start, end, around }) => [start, end, around.map(({ time }) => (time - START) / 1000)]),
    [[at(20), at(26), [10, 25, 36]]],
  )
})

test('a stall has the longest silence that reaches into it', () => {
  const requests = [1, 2, 18, 21, 22, 40].map((seconds) => told(seconds, { kind: 'request' }))
  const spans = [{ state: 'rebuffering', start: at(20), end: at(23) }]
  const silence = (events: readonly SessionEvent[]) => stallsOf(sessionOf(events, spans), [])[0]?.silence

  assert.deepEqual(silence(requests), { from: START + 22_000, until: START + 40_000 })
  assert.deepEqual(silence(requests.slice(0, -1)), { from: START + 18_000, until: START + 21_000 })
  assert.equal(silence([]), undefined)
})

test('the timeline has all events on it, and some length', () => {
  assert.deepEqual(extentOf(sessionOf([told(-5), told(90)])), { from: START - 5000, until: START + 90_000 })
  assert.deepEqual(extentOf({ ...sessionOf([]), end: at(0) }), { from: START, until: START + 1000 })
})
