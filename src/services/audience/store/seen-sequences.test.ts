import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { PlayEvent } from '../../../playlog/play-event.ts'
import { MAX_GAPS, SeenSequences } from './seen-sequences.ts'

const told = (sequence: number, more: Partial<PlayEvent> = {}): PlayEvent => ({
  sessionId: 'a',
  kind: 'interval',
  source: 'cmcd',
  time: 1000 + sequence,
  receivedAt: 0,
  sequence,
  ...more,
})

describe('sequences that were seen', () => {
  it('are told from new ones in any order of coming, in storage between', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 25 }), { maxLength: 60 }), (all) => {
        const known = new Set<number>()
        let kept = JSON.stringify(new SeenSequences().snapshot())
        for (const sequence of all) {
          const seen = SeenSequences.restore(JSON.parse(kept))
          assert.equal(seen.add(told(sequence)), !known.has(sequence))
          known.add(sequence)
          kept = JSON.stringify(seen.snapshot())
        }
      }),
    )
  })

  it('are counted for each target, and begin again with another run', () => {
    const seen = new SeenSequences()

    assert.equal(seen.add(told(0)), true)
    assert.equal(seen.add(told(0, { kind: 'request' })), true)
    assert.equal(seen.add(told(0, { kind: 'request' })), false)
    assert.equal(seen.add(told(1)), true)
    assert.equal(seen.add(told(0)), false)
    assert.equal(seen.add(told(0, { time: 9000 })), true)
    assert.equal(seen.add(told(1, { time: 9001 })), true)
    assert.equal(seen.add({ ...told(1), sequence: undefined } as unknown as PlayEvent), true)
  })

  it('take bounded room', () => {
    const seen = new SeenSequences()
    for (let at = 0; at < 10_000; at += 2) seen.add(told(at))

    assert.equal(seen.snapshot()[0]?.[2].length, MAX_GAPS + 1)
    assert.equal(seen.add(told(9997)), true)
    assert.equal(seen.add(told(1)), false)
  })
})
