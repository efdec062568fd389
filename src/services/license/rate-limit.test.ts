import assert from 'node:assert/strict'
import { it } from 'node:test'
import { RateLimit } from './rate-limit.ts'

it('lets a burst through, then as many as the limit says', () => {
  let now = 0
  const limit = new RateLimit(() => now)
  const take = () => limit.take('a', 60)
  let burst = 0
  while (take() === 0) burst++

  assert.equal(burst, 20)
  assert.equal(limit.take('b', 60), 0)
  assert.equal(take(), 1)
  now += 1000
  assert.equal(take(), 0)
  assert.equal(take(), 1)
})

it('remembers a limited number of names', () => {
  const limit = new RateLimit(() => 0)

  for (let index = 0; index < 50_000; index++) limit.take(String(index), 60)

  assert.equal(limit.size, 20_000)
})
