import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { WorkerSlots } from './worker-slots.ts'

describe('worker slots', () => {
  it('refuses in words when all are taken and nobody waits', async () => {
    const slots = new WorkerSlots(() => 2, 'of live streams')
    await slots.acquire({ waitMs: 0 })
    const second = await slots.acquire({ waitMs: 0 })

    await assert.rejects(slots.acquire({ waitMs: 0 }), {
      code: 'ERR_TRANSCODE_BUSY',
      message: 'all 2 encoders of live streams are at work; try again in a moment',
    })
    second.release()
    second.release()
    await slots.acquire({ waitMs: 0 })
    await assert.rejects(slots.acquire({ waitMs: 1 }), { code: 'ERR_TRANSCODE_BUSY' })
    assert.equal(slots.taken, 2)
  })

  it('serves those who wait in their order, and forgets who went away', async () => {
    const slots = new WorkerSlots(() => 1, '')
    const first = await slots.acquire({ waitMs: 0 })
    const order: string[] = []
    const gone = new AbortController()
    const waiting = ['a', 'b', 'c'].map(async (name) => {
      const signal = name === 'b' ? gone.signal : undefined
      const slot = await slots.acquire({ waitMs: 60_000, ...(signal === undefined ? {} : { signal }) })
      order.push(name)
      slot.release()
    })
    gone.abort(new Error('gone'))

    first.release()
    const results = await Promise.allSettled(waiting)

    assert.deepEqual(order, ['a', 'c'])
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
    assert.equal(slots.taken, 0)
  })

  it('takes the one that stood still for longest, at once or for who waits', async () => {
    const slots = new WorkerSlots(() => 2, '')
    const first = await slots.acquire({ waitMs: 0 })
    const second = await slots.acquire({ waitMs: 0 })
    const ended: string[] = []
    const end = (name: string, slot: typeof first) => () => {
      ended.push(name)
      slot.release()
    }
    first.offer(end('first', first))
    second.offer(end('second', second))
    first.keep()

    const third = await slots.acquire({ waitMs: 0 })
    const waiting = slots.acquire({ waitMs: 60_000 })
    first.offer(end('first', first))
    await waiting

    assert.deepEqual(ended, ['second', 'first'])
    third.release()
  })
})
