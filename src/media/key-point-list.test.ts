import assert from 'node:assert/strict'
import { it } from 'node:test'
import { KeyPointList, keyPointAt } from './key-point-list.ts'

const point = (time: number) => ({ dts: time, pts: time + 10, position: time })

it('the key point at or before a time is found', () => {
  const points = [0, 100, 200, 300].map(point)

  assert.deepEqual(
    [9, 10, 109, 110, 5000].map((time) => keyPointAt(points, time)?.dts),
    [undefined, 0, 0, 100, 300],
  )
  assert.equal(keyPointAt([], 5), undefined)
})

it('keeps all points of a film, and of endless ones some that are apart', () => {
  const list = new KeyPointList()

  for (let i = 0; i < 1_000_000; i++) list.add(point(i * 40_000))

  const { points } = list
  assert.ok(points.length > 20_000 && points.length <= 200_000, `${points.length}`)
  assert.equal(points[0]?.dts, 0)
  assert.ok((points.at(-1)?.dts ?? 0) > 999_000 * 40_000)
  assert.ok(points.every(({ dts }, at) => at === 0 || dts - (points[at - 1]?.dts ?? 0) >= 500_000))
})

it('is bounded for times that do not grow, too', () => {
  const list = new KeyPointList()

  for (let i = 0; i < 500_000; i++) list.add(point(0))

  assert.ok(list.points.length <= 200_000)
})
