import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type PlaybackSignal, PlaybackStates, type PlaybackTotals } from './playback-states.ts'

type Timeline = readonly (readonly [at: number, signal: PlaybackSignal])[]

interface Golden {
  readonly title: string
  readonly signals: Timeline
  /** States that begin, with when. */
  readonly states: readonly string[]
  /** At 60 s. */
  readonly totals: PlaybackTotals
}

const GOLDEN: readonly Golden[] = [
  {
    title: 'a clean film',
    signals: [
      [0, 'start'],
      [5, 'play'],
      [900, 'moving'],
      [1000, 'moving'],
      [50_000, 'end'],
      [51_000, 'quit'],
    ],
    states: ['0 starting', '900 playing', '50000 ended'],
    totals: { startup: 900, stalls: 0, stalled: 0 },
  },
  {
    title: 'three stalls, the last of which lasts',
    signals: [
      [0, 'start'],
      [500, 'moving'],
      [10_000, 'waiting'],
      [10_100, 'waiting'],
      [12_000, 'moving'],
      [20_000, 'waiting'],
      [20_250, 'moving'],
      [59_000, 'waiting'],
    ],
    states: [
      '0 starting',
      '500 playing',
      '10000 rebuffering',
      '12000 playing',
      '20000 rebuffering',
      '20250 playing',
      '59000 rebuffering',
    ],
    totals: { startup: 500, stalls: 3, stalled: 3250 },
  },
  {
    title: 'waiting belongs to the start and to the seek that it comes with',
    signals: [
      [0, 'start'],
      [10, 'waiting'],
      [20, 'seeking'],
      [700, 'moving'],
      [9000, 'seeking'],
      [9010, 'waiting'],
      [9400, 'moving'],
      [9500, 'seeking'],
      [9600, 'seeking'],
      [9900, 'moving'],
    ],
    states: ['0 starting', '700 playing', '9000 seeking', '9400 playing', '9500 seeking', '9900 playing'],
    totals: { startup: 700, stalls: 0, stalled: 0 },
  },
  {
    title: 'a pause, a seek while paused, and going on',
    signals: [
      [0, 'start'],
      [100, 'moving'],
      [5000, 'pause'],
      [6000, 'seeking'],
      [6200, 'pause'],
      [8000, 'play'],
      [8010, 'moving'],
    ],
    states: ['0 starting', '100 playing', '5000 paused', '6000 seeking', '6200 paused', '8010 playing'],
    totals: { startup: 100, stalls: 0, stalled: 0 },
  },
  {
    title: 'nothing at hand after a pause is a stall',
    signals: [
      [0, 'start'],
      [100, 'moving'],
      [5000, 'pause'],
      [8000, 'play'],
      [8000, 'waiting'],
      [9000, 'moving'],
    ],
    states: ['0 starting', '100 playing', '5000 paused', '8000 rebuffering', '9000 playing'],
    totals: { startup: 100, stalls: 1, stalled: 1000 },
  },
  {
    title: 'a browser that waits for a gesture: the wait is not the network’s',
    signals: [
      [0, 'start'],
      [300, 'pause'],
      [20_000, 'play'],
      [20_400, 'moving'],
    ],
    states: ['0 starting', '300 paused', '20000 starting', '20400 playing'],
    totals: { startup: 700, stalls: 0, stalled: 0 },
  },
  {
    title: 'another way of playing: chosen by hand it is a start, after a failure a stall',
    signals: [
      [0, 'start'],
      [100, 'moving'],
      [5000, 'start'],
      [5500, 'moving'],
      [9000, 'waiting'],
      [9001, 'start'],
      [11_000, 'moving'],
    ],
    states: ['0 starting', '100 playing', '5000 starting', '5500 playing', '9000 rebuffering', '11000 playing'],
    totals: { startup: 100, stalls: 1, stalled: 2000 },
  },
  {
    title: 'a failure before the first picture, and what comes behind it',
    signals: [
      [0, 'start'],
      [3000, 'fail'],
      [3100, 'quit'],
      [4000, 'start'],
      [5000, 'moving'],
    ],
    states: ['0 starting', '3000 failed'],
    totals: { startup: undefined, stalls: 0, stalled: 0 },
  },
  {
    title: 'who leaves during a stall',
    signals: [
      [0, 'start'],
      [100, 'moving'],
      [4000, 'waiting'],
      [9000, 'quit'],
    ],
    states: ['0 starting', '100 playing', '4000 rebuffering', '9000 quit'],
    totals: { startup: 100, stalls: 1, stalled: 5000 },
  },
  {
    title: 'a film that is seen again',
    signals: [
      [0, 'start'],
      [100, 'moving'],
      [4000, 'end'],
      [4010, 'pause'],
      [6000, 'seeking'],
      [6300, 'moving'],
    ],
    states: ['0 starting', '100 playing', '4000 ended', '6000 seeking', '6300 playing'],
    totals: { startup: 100, stalls: 0, stalled: 0 },
  },
  {
    title: 'nothing before the start',
    signals: [
      [0, 'moving'],
      [1, 'waiting'],
      [2, 'quit'],
      [3, 'pause'],
    ],
    states: [],
    totals: { startup: undefined, stalls: 0, stalled: 0 },
  },
]

describe('the states of a player', () => {
  for (const { title, signals, states, totals } of GOLDEN) {
    it(title, () => {
      const player = new PlaybackStates()

      const seen = signals.flatMap(([at, signal]) => {
        const state = player.take(signal, at)
        return state === undefined ? [] : [`${at} ${state}`]
      })

      assert.deepEqual(seen, states)
      assert.deepEqual(player.totals(60_000), totals)
    })
  }

  it('a finished stall is told once', () => {
    const player = new PlaybackStates()
    for (const [at, signal] of [
      [0, 'start'],
      [1, 'moving'],
      [10, 'waiting'],
      [25, 'moving'],
      [30, 'waiting'],
    ] as const) {
      player.take(signal, at)
    }

    assert.deepEqual(player.takeFinishedStalls(), [15])
    assert.deepEqual(player.takeFinishedStalls(), [])
    player.take('moving', 37)
    assert.deepEqual(player.takeFinishedStalls(), [7])
  })

  it('a clock that is set back makes no time negative', () => {
    const player = new PlaybackStates()
    for (const [at, signal] of [
      [100, 'start'],
      [50, 'moving'],
      [40, 'waiting'],
    ] as const)
      player.take(signal, at)

    assert.deepEqual(player.totals(10), { startup: 0, stalls: 1, stalled: 0 })
  })
})
