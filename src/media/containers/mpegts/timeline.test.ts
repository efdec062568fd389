import assert from 'node:assert/strict'
import { it } from 'node:test'
import { Timeline } from './timeline.ts'

const SECOND = 90_000
const RANGE = 2 ** 33

/** Units of a stream, 40 ms each, from a time of the clock on. */
function run(timeline: Timeline, pid: number, from: number, count: number, position = 0) {
  return Array.from({ length: count }, (_, i) => timeline.place(pid, (from + i * 3600) % RANGE, position + i))
}

it('times are kept as they are, also over the wrap', () => {
  const timeline = new Timeline()

  const places = run(timeline, 1, RANGE - 2 * 3600, 4)

  assert.deepEqual(
    places,
    [-2, -1, 0, 1].map((i) => ({ time: RANGE + i * 3600, jumped: false })),
  )
})

it('after a jump of one stream the others follow it', () => {
  const timeline = new Timeline()
  run(timeline, 1, 10 * SECOND, 25)
  run(timeline, 2, 10 * SECOND, 25)

  const [video] = run(timeline, 1, 500 * SECOND, 5, 1000)
  const [audio, next] = run(timeline, 2, 500 * SECOND - 900, 5)

  assert.deepEqual(video, { time: 11 * SECOND, jumped: true })
  assert.deepEqual(audio, { time: 11 * SECOND - 900, jumped: true })
  assert.equal(next?.jumped, false)
  assert.deepEqual(
    timeline.epochs.map(({ position }) => position),
    [0, 1000],
  )
})

it('a step back of less than the others are apart is a jump, too', () => {
  const timeline = new Timeline()
  run(timeline, 1, 10 * SECOND, 50)
  run(timeline, 2, 10 * SECOND, 50)

  const [video] = run(timeline, 1, 10 * SECOND, 5)
  const [audio] = run(timeline, 2, 10 * SECOND, 5)

  assert.deepEqual([video?.time, audio?.time], [12 * SECOND, 12 * SECOND])
})

it('a gap stays a gap', () => {
  const timeline = new Timeline()
  run(timeline, 1, 10 * SECOND, 25)

  const [place] = run(timeline, 1, 18 * SECOND, 1)

  assert.deepEqual(place, { time: 18 * SECOND, jumped: false })
})

it('a stream with a clock of its own begins with the others, and moves nobody', () => {
  const timeline = new Timeline()
  run(timeline, 1, 10 * SECOND, 25)

  const own = run(timeline, 2, 5000 * SECOND, 3)
  const [other] = run(timeline, 1, 11 * SECOND, 1)

  assert.deepEqual(
    own.map(({ time }) => time),
    [0, 1, 2].map((i) => 10 * SECOND + 24 * 3600 + i * 3600),
  )
  assert.deepEqual(other, { time: 11 * SECOND, jumped: false })
  assert.deepEqual([...timeline.ownOffsets.keys()], [2])
})

it('a reading from the middle has the times of one from the start', () => {
  const whole = new Timeline()
  run(whole, 1, RANGE - 10 * SECOND, 500)
  const [, ...jumped] = [run(whole, 1, 77 * SECOND, 1, 5000), run(whole, 1, 77 * SECOND + 3600, 20, 5001)]
  const start = { epochs: whole.epochs, near: RANGE + 12 * SECOND, ownOffsets: whole.ownOffsets }

  const middle = run(new Timeline(start), 1, 77 * SECOND + 3600, 20, 5001)

  assert.deepEqual(
    middle.map(({ time }) => time),
    jumped[0]?.map(({ time }) => time),
  )
})

it('epochs are bounded', () => {
  const timeline = new Timeline()

  for (let i = 0; i < 6000; i++) timeline.place(1, (i * 1_234_567_891) % RANGE, i)

  assert.equal(timeline.epochs.length, 4096)
})
