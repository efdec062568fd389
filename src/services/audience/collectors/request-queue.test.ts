import assert from 'node:assert/strict'
import { it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { ClientData } from '../../../net/http/routes.ts'
import { RequestQueue } from './request-queue.ts'

const DATA: ClientData = {
  target: '/live/a/index.m3u8?CMCD=sid%3D%22a%22',
  headers: undefined,
  userAgent: undefined,
  remoteAddress: '192.0.2.7',
  optedOut: false,
}

it('gives on what came behind the answers of the turn, in order, and loads once', async () => {
  const taken: string[] = []
  let loads = 0
  const queue = new RequestQueue({
    enabled: () => true,
    load: () => {
      loads++
      return Promise.resolve(({ data }) => void taken.push(data.target))
    },
    onDropped: () => assert.fail(),
  })

  for (const target of ['/1', '/2']) queue.observe({ ...DATA, target })
  assert.deepEqual(taken, [])
  await turn()
  queue.observe({ ...DATA, target: '/3' })
  await turn()

  assert.deepEqual([taken, loads], [['/1', '/2', '/3'], 1])
})

it('counts what is too much, and what came while nothing could be loaded', async () => {
  const dropped: number[] = []
  let taken = 0
  let broken = true
  const queue = new RequestQueue({
    enabled: () => true,
    load: () => (broken ? Promise.reject(new Error('no such file')) : Promise.resolve(() => void taken++)),
    onDropped: (count) => dropped.push(count),
  })

  queue.observe(DATA)
  await turn()
  broken = false
  for (let count = 0; count < 5007; count++) queue.observe(DATA)
  await turn()
  queue.observe(DATA)
  await turn()

  assert.deepEqual(dropped, [1, 7])
  assert.equal(taken, 5001)
})

it('looks at nothing when it is switched off', async () => {
  const queue = new RequestQueue({
    enabled: () => false,
    load: () => assert.fail(),
    onDropped: () => assert.fail(),
  })

  queue.observe(DATA)
  await turn()
})
