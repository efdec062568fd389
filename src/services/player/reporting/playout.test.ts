import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Playout } from './playout.ts'

/** Packets of 40 ms up to `until`, in microseconds from `from`. */
function add(playout: Playout, from: number, until: number): void {
  for (let ms = from; ms < until; ms += 40) playout.add(ms * 1000)
}

test('it moves with half a second at hand, stalls where media ends, and moves again', () => {
  const playout = new Playout()
  assert.equal(playout.tick(1000), undefined)
  add(playout, 0, 400)
  assert.equal(playout.tick(1100), undefined)
  add(playout, 400, 1040)

  assert.equal(playout.tick(1200), 'moving')
  assert.equal(playout.tick(1700), undefined)
  assert.deepEqual([playout.position, playout.buffer], [500, 500])
  assert.equal(playout.tick(2200), undefined)
  assert.equal(playout.tick(2201), 'waiting')
  assert.deepEqual([playout.position, playout.buffer], [1000, 0])
  add(playout, 1040, 1400)
  assert.equal(playout.tick(9000), undefined)
  add(playout, 1400, 1600)
  assert.equal(playout.tick(9100), 'moving')
  assert.equal(playout.position, 1000)
})

test('packets of several tracks, a little apart, are one stream', () => {
  const playout = new Playout()
  add(playout, 0, 1000)
  playout.tick(0)

  add(playout, 200, 800)

  assert.equal(playout.buffer, 960)
})

test('media time that jumps takes the playhead along', () => {
  for (const jump of [3_600_000, -3_600_000]) {
    const playout = new Playout()
    add(playout, 7_200_000, 7_201_000)
    playout.tick(0)
    assert.equal(playout.buffer, 960)

    playout.add((7_200_960 + jump) * 1000)

    assert.equal(playout.buffer, 960)
  }
})
