import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { PLAY_EVENT_KINDS, PLAYER_STATES, type PlayEvent } from '../play-event.ts'
import {
  eachMinute,
  MAX_MINUTES_AT_ONCE,
  MINUTE_SHARE_FIELDS,
  type MinuteShare,
  MinuteShares,
} from './minute-shares.ts'
import { measureSession } from './session-measures.ts'
import { MAX_ERROR_CODES, SessionTracker } from './session-tracker.ts'
import { inOrder } from './state-spans.ts'

const START = Date.UTC(2026, 10, 25, 20, 14)

function event(seconds: number, more: Partial<PlayEvent> = {}): PlayEvent {
  const time = START + seconds * 1000
  return { sessionId: 'a', kind: 'interval', source: 'cmcd', time, receivedAt: time, ...more }
}

const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 3 })

const sessions = fc
  .array(
    fc.record(
      {
        seconds: fc.nat(400),
        sequence: fc.nat(9),
        kind: fc.constantFrom(...PLAY_EVENT_KINDS),
        source: fc.constantFrom('cmcd' as const, 'cmcd' as const, 'server' as const),
        state: maybe(fc.constantFrom(...PLAYER_STATES)),
        bitrate: maybe(fc.constantFrom(300, 900, 3000)),
        buffer: maybe(fc.nat(2)),
        rate: maybe(fc.constantFrom(0, 1)),
        starved: fc.boolean(),
        stalls: maybe(fc.nat(3)),
        stalled: maybe(fc.nat(4000)),
        startup: maybe(fc.nat(3000)),
        droppedFrames: maybe(fc.nat(9)),
        bytes: maybe(fc.nat(900)),
        played: maybe(fc.nat(90_000)),
        errors: maybe(fc.array(fc.constantFrom('404', 'decode'), { maxLength: 2 })),
      },
      { requiredKeys: ['seconds', 'sequence', 'kind', 'source'] },
    ),
    { minLength: 1, maxLength: 25 },
  )
  .chain((all) => {
    // Half of the players tell nothing of states.
    const silent = all.map((one) => ({ ...one, state: undefined }))
    return fc.constantFrom(all, silent)
  })
  .map((all) =>
    all.map(({ seconds, ...more }) => {
      const known = Object.fromEntries(Object.entries(more).filter(([, value]) => value !== undefined))
      return event(seconds, known)
    }),
  )

/** As whoever keeps a tracker does it, with the tracker in storage between any two events. */
function follow(events: readonly PlayEvent[], check: (tracker: SessionTracker, soFar: readonly PlayEvent[]) => void) {
  let shares = new MinuteShares()
  let kept = SessionTracker.create().snapshot()
  for (const [index, next] of events.entries()) {
    const soFar = events.slice(0, index + 1)
    let tracker = SessionTracker.restore(kept)
    if (tracker.add(next, shares) !== 'folded') {
      shares = new MinuteShares()
      tracker = SessionTracker.of(soFar, shares)
    }
    check(tracker, soFar)
    kept = tracker.snapshot()
  }
  return shares
}

function measured(events: readonly PlayEvent[], over: boolean) {
  const { spans: _, ...rest } = measureSession(events, { over })
  return rest
}

function sum(shares: MinuteShares): MinuteShare {
  const all = new MinuteShares().at(0)
  for (const share of shares.minutes.values()) for (const field of MINUTE_SHARE_FIELDS) all[field] += share[field]
  return all
}

describe('the tracker of a session', () => {
  it('gives the bytes that the server tells of to the minutes that they were sent in', () => {
    const server = { source: 'server', kind: 'interval' } as const
    const shares = follow(
      [
        event(0, { ...server, kind: 'open' }),
        event(25, { ...server, bytes: 100 }),
        event(50, { ...server, bytes: 250 }),
        // Of an object, not of the session.
        event(55, { kind: 'response', bytes: 7000 }),
        event(75, { ...server, bytes: 600 }),
        event(130, { ...server, kind: 'close', bytes: 1000 }),
      ],
      (tracker, soFar) => assert.deepEqual(tracker.measures({ over: false }), measured(soFar, false)),
    )

    const minutes = [...shares.minutes].toSorted(([left], [right]) => left - right)
    assert.deepEqual(
      minutes.map(([, { bytes }]) => bytes),
      [250, 350, 400],
    )
  })

  it('gives what all of its events give, after each of them', () => {
    fc.assert(
      fc.property(sessions, fc.boolean(), (events, over) => {
        follow(inOrder(events), (tracker, soFar) => {
          assert.deepEqual(tracker.measures({ over }), measured(soFar, over))
        })
      }),
      { numRuns: 500 },
    )
  })

  it('gives it in any order of coming, with late ones read again', () => {
    fc.assert(
      fc.property(sessions, (events) => {
        follow(events, (tracker, soFar) => {
          assert.deepEqual(tracker.measures({ over: true }), measured(soFar, true))
        })
      }),
      { numRuns: 300 },
    )
  })

  it('fills minutes that add up to it, the same whether at once or by and by', () => {
    fc.assert(
      fc.property(sessions, (events) => {
        const ordered = inOrder(events)
        const byAndBy = follow(ordered, () => undefined)
        const atOnce = new MinuteShares()
        const tracker = SessionTracker.of(events, atOnce)
        const { played, bytes = 0, errors } = tracker.measures({ over: true })
        const total = sum(atOnce)
        assert.deepEqual(byAndBy.minutes, atOnce.minutes)
        assert.deepEqual([total.played, total.bytes], [played, bytes])
        assert.equal(
          total.errors,
          [...errors.values()].reduce((all, count) => all + count, 0),
        )
      }),
      { numRuns: 300 },
    )
  })

  it('gives each minute its part', () => {
    const shares = new MinuteShares()
    SessionTracker.of(
      [
        event(0, { state: 'starting', bitrate: 1000 }),
        event(1, { state: 'playing' }),
        event(50, { state: 'rebuffering' }),
        event(65, { state: 'playing', bitrate: 500 }),
        event(130, { state: 'quit', errors: ['x'] }),
        event(500),
      ],
      shares,
    )

    const minute = START / 60_000
    const rows = [...shares.minutes].map(([at, share]) => [
      at - minute,
      ...MINUTE_SHARE_FIELDS.map((field) => share[field]),
    ])
    assert.deepEqual(rows, [
      [0, 49_000, 10_000, 1, 49_000_000, 49_000, 0, 0, 1],
      [1, 55_000, 5000, 0, 27_500_000, 55_000, 0, 0, 1],
      [2, 10_000, 0, 0, 5_000_000, 10_000, 1, 0, 1],
      [8, 0, 0, 0, 0, 0, 0, 0, 1],
    ])
  })

  it('says what is late, and takes nothing of it', () => {
    const tracker = SessionTracker.of([event(0, { state: 'playing' }), event(10)], new MinuteShares())
    const before = tracker.snapshot()

    assert.equal(tracker.add(event(9, { state: 'quit' }), new MinuteShares()), 'late')
    assert.equal(tracker.snapshot(), before)
    assert.equal(tracker.add(event(10, { state: 'quit' }), new MinuteShares()), 'folded')
  })

  it('says what shows that a guess was wrong', () => {
    const guessed = SessionTracker.of([event(0, { buffer: 1000 }), event(10)], new MinuteShares())
    const summed = SessionTracker.of([event(0, { state: 'playing', stalls: 1 })], new MinuteShares())

    assert.equal(guessed.add(event(11, { state: 'playing' }), new MinuteShares()), 'contradicts')
    const apart = SessionTracker.of([event(0), event(180)], new MinuteShares())
    const near = SessionTracker.of([event(0), event(70)], new MinuteShares())
    assert.equal(apart.add(event(190, { state: 'playing' }), new MinuteShares()), 'contradicts')
    assert.equal(near.add(event(190, { state: 'playing' }), new MinuteShares()), 'folded')
    assert.equal(summed.add(event(11, { state: 'rebuffering' }), new MinuteShares()), 'contradicts')
  })

  it('keeps a bounded number of codes', () => {
    const events = Array.from({ length: 500 }, (_, index) => event(index, { errors: [`code ${index}`] }))
    const { errors } = SessionTracker.of(events, new MinuteShares()).measures({ over: true })

    assert.equal(errors.size, MAX_ERROR_CODES + 1)
    assert.equal(errors.get('other'), 500 - MAX_ERROR_CODES)
  })

  it('makes no minute of each since 1970', () => {
    const given: number[] = []
    eachMinute(0, START + 1, (_, milliseconds) => given.push(milliseconds))

    assert.equal(given.length, MAX_MINUTES_AT_ONCE)
    assert.equal(
      given.reduce((all, one) => all + one, 0),
      START + 1,
    )
  })
})
