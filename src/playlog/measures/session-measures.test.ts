import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { PlayEvent, PlayerState } from '../play-event.ts'
import { measureSession } from './session-measures.ts'

const START = Date.UTC(2026, 10, 25, 20, 14)

/** Events of one player: seconds since the start, and what it told. */
function told(
  ...events: readonly (readonly [seconds: number, state: PlayerState | undefined, more?: Partial<PlayEvent>])[]
) {
  return events.map(
    ([seconds, state, more], index): PlayEvent => ({
      sessionId: 'a',
      kind: state === undefined ? 'interval' : 'state',
      source: 'cmcd',
      time: START + seconds * 1000,
      receivedAt: START + seconds * 1000 + 40,
      sequence: index,
      ...(state !== undefined && { state }),
      ...more,
    }),
  )
}

const measure = (events: readonly PlayEvent[], over = true) => measureSession(events, { over })

describe('measures of a session', () => {
  it('a clean playback', () => {
    const found = measure(
      told([0, 'starting', { bitrate: 2000 }], [0.8, 'playing'], [30.8, undefined], [60.8, 'ended'], [61, undefined]),
    )

    assert.equal(found.outcome, 'ended')
    assert.deepEqual([found.startup, found.played, found.stalled, found.stalls], [800, 60_000, 0, 0])
    assert.equal(found.bitrate, 2000)
    assert.equal(found.firstPicture, START + 800)
  })

  it('the start takes what the player measured, where it did', () => {
    const events = told([0, 'starting'], [1, 'playing', { startup: 1234 }], [5, 'quit'])

    assert.equal(measure(events).startup, 1234)
  })

  it('an exit before the start, said or not, and a failure to start', () => {
    assert.equal(measure(told([0, 'starting'], [4, 'quit'])).outcome, 'exit-before-start')
    assert.equal(measure(told([0, 'starting'], [4, undefined])).outcome, 'exit-before-start')
    assert.equal(measure(told([0, 'starting'], [4, undefined]), false).outcome, 'open')
    const failed = measure(told([0, 'starting'], [2, 'failed', { kind: 'error', errors: ['404'] }]))
    assert.equal(failed.outcome, 'start-failure')
    assert.deepEqual([...failed.errors], [['404', 1]])
    assert.equal(failed.startup, undefined)
  })

  it('one that the server had given up goes on when its player speaks again', () => {
    const closed = told([0, 'starting'], [1, 'playing'], [20, undefined, { source: 'server', kind: 'close' }])
    const back = told([22, 'rebuffering']).map((event) => ({ ...event, sequence: 3 }))

    assert.equal(measure(closed, false).outcome, 'left')
    assert.equal(measure([...closed, ...back], false).outcome, 'open')
    assert.equal(measure([...closed, ...back], true).outcome, 'left')
  })

  it('a failure in the middle', () => {
    const found = measure(told([0, 'starting'], [1, 'playing'], [11, 'rebuffering'], [21, 'failed']))

    assert.equal(found.outcome, 'playback-failure')
    assert.deepEqual([found.played, found.stalled, found.stalls], [10_000, 10_000, 1])
  })

  it('three stalls, one of which a seek brought', () => {
    const found = measure(
      told(
        [0, 'starting'],
        [1, 'playing'],
        [11, 'rebuffering'],
        [12, 'playing'],
        [20, 'seeking'],
        [20.5, 'playing'],
        [21, 'rebuffering'],
        [24, 'playing'],
        [40, 'rebuffering'],
        [42, 'playing'],
        [50, 'quit'],
      ),
    )

    assert.deepEqual([found.stalls, found.stalled], [3, 6000])
    assert.deepEqual([found.networkStalls, found.networkStalled], [2, 3000])
    assert.deepEqual([found.seeking, found.played], [500, 10_000 + 8000 + 500 + 16_000 + 8000])
  })

  it('a storm of seeks is neither a stall nor a pause', () => {
    const seeks = Array.from({ length: 20 }, (_, index) => [10 + index * 0.1, 'seeking'] as const)
    const found = measure(told([0, 'starting'], [1, 'playing'], ...seeks, [13, 'playing'], [20, 'quit']))

    assert.deepEqual([found.stalls, found.seeking, found.played], [0, 3000, 9000 + 7000])
  })

  it('a pause is not watched', () => {
    const found = measure(told([0, 'starting'], [1, 'playing'], [11, 'paused'], [71, 'playing'], [81, 'quit']))

    assert.deepEqual([found.played, found.paused, found.outcome], [20_000, 60_000, 'left'])
  })

  it('a last word that never came: the session lasted to its last report', () => {
    const found = measure(told([0, 'starting'], [1, 'playing'], [31, undefined], [61, undefined]))

    assert.deepEqual([found.outcome, found.played, found.end], ['left', 60_000, START + 61_000])
  })

  it('a lost report of a state costs the time to the next report', () => {
    const found = measure(told([0, 'starting'], [30, undefined, { state: 'playing', kind: 'interval' }], [40, 'quit']))

    assert.deepEqual([found.played, found.outcome], [10_000, 'left'])
  })

  it('bit rates count for as long as they were played', () => {
    const found = measure(
      told(
        [0, 'starting', { bitrate: 1000 }],
        [1, 'playing'],
        [11, undefined, { bitrate: 3000 }],
        [21, 'paused'],
        [100, 'playing'],
        [110, undefined, { bitrate: 1000 }],
        [120, 'quit'],
      ),
    )

    assert.equal(found.bitrate, (10 * 1000 + 10 * 3000 + 10 * 3000 + 10 * 1000) / 40)
    assert.deepEqual([found.bitrateUp, found.bitrateDown], [1, 1])
  })

  it('a player of version 1 tells no states: what is buffered does', () => {
    const requests = [
      [0, { bitrate: 800 }],
      [0.5, { buffer: 0 }],
      [1, { buffer: 2000 }],
      [6, { buffer: 1000, starved: true }],
      [11, { buffer: 4000 }],
      [12, { rate: 0 }],
      [20, { rate: 1 }],
      [30, {}],
    ] as const
    const found = measure(told(...requests.map(([at, more]) => [at, undefined, { kind: 'request', ...more }] as const)))

    assert.deepEqual([found.startup, found.played, found.paused, found.stalls], [1000, 21_000, 8000, 1])
  })

  it('ends with the last word of the player, whenever the server closed the connection', () => {
    const events = told(
      [0, 'starting'],
      [1, 'playing'],
      [6, undefined],
      [22, undefined, { kind: 'close', source: 'server', bytes: 9 }],
    )
    const found = measure(events)

    assert.deepEqual([found.played, found.outcome, found.bytes], [5000, 'left', 9])
    assert.deepEqual(found.spans.at(-1), { state: 'playing', start: START + 1000, end: START + 6000 })
  })

  it('requests that come late say nothing against events', () => {
    const found = measure(
      told(
        [0, 'starting', { kind: 'request', bitrate: 300 }],
        [1, 'playing', { bitrate: 900 }],
        [5, 'rebuffering'],
        [7, 'playing'],
        [7.2, 'rebuffering', { kind: 'request', bitrate: 300 }],
        [9, undefined, { bitrate: 900 }],
      ),
    )

    assert.deepEqual([found.startup, found.played, found.stalled, found.stalls], [1000, 6000, 2000, 1])
    assert.deepEqual([found.bitrateUp, found.bitrateDown], [1, 0])
  })

  it('a player that waits before its first picture starts, and does not stall', () => {
    const found = measure(
      told([0, 'starting', { starved: true }], [0.1, 'rebuffering', { starved: true }], [0.4, 'playing'], [9, 'quit']),
    )

    assert.deepEqual([found.startup, found.stalls, found.stalled, found.played], [400, 0, 0, 8600])
  })

  it('a Windows Media log tells all at once', () => {
    const [log] = told([
      60,
      undefined,
      { kind: 'log', source: 'wmlog', played: 42_000, stalls: 2, stalled: 3000, bytes: 9 },
    ])
    const found = measure([log ?? assert.fail()])

    assert.deepEqual([found.played, found.stalls, found.stalled, found.bytes], [42_000, 2, 3000, 9])
    assert.equal(found.outcome, 'left')
  })

  it('events in any order give the same', () => {
    const events = told(
      [0, 'starting', { bitrate: 500 }],
      [1, 'playing'],
      [9, undefined, { bitrate: 900, droppedFrames: 3 }],
      [11, 'rebuffering'],
      [12, 'playing'],
      [12, undefined, { droppedFrames: 7 }],
      [20, 'ended'],
    )
    const wanted = measure(events)

    fc.assert(
      fc.property(fc.shuffledSubarray(events, { minLength: events.length }), (shuffled) => {
        assert.deepEqual(measure(shuffled), wanted)
      }),
    )
  })

  it('times add up to no more than the session lasted, whatever is told', () => {
    const states = fc.constantFrom<PlayerState>(
      'starting',
      'playing',
      'seeking',
      'rebuffering',
      'paused',
      'ended',
      'quit',
    )
    const events = fc.array(fc.tuple(fc.nat(1000), states), { minLength: 1, maxLength: 30 })

    fc.assert(
      fc.property(events, (all) => {
        const found = measure(told(...all))
        const sum = found.played + found.stalled + found.paused + found.seeking
        assert.ok(sum <= found.end - found.start)
        assert.ok(found.networkStalled <= found.stalled && found.networkStalls <= found.stalls)
      }),
    )
  })
})
