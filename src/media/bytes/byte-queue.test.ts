import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ByteQueue } from './byte-queue.ts'

describe('ByteQueue', () => {
  it('gives views inside a piece and copies across pieces', () => {
    const queue = new ByteQueue()
    const piece = Uint8Array.of(1, 2, 3)
    queue.push(piece)
    queue.push(Uint8Array.of(4, 5))

    const inside = queue.take(2)
    assert.equal(inside?.buffer, piece.buffer)
    assert.deepEqual([...(queue.take(2) ?? [])], [3, 4])
    assert.equal(queue.take(2), undefined)
    assert.equal(queue.length, 1)
  })

  it('behaves as one piece of bytes, whatever the cuts', () => {
    const action = fc.oneof(
      fc.record({ kind: fc.constant('push' as const), bytes: fc.uint8Array({ maxLength: 20 }) }),
      fc.record({ kind: fc.constantFrom('take', 'peek', 'takeSome', 'skip', 'at'), count: fc.nat(30) }),
    )
    fc.assert(
      fc.property(fc.array(action, { maxLength: 300 }), (actions) => {
        const queue = new ByteQueue()
        let model: number[] = []
        for (const step of actions) {
          if ('bytes' in step) {
            queue.push(step.bytes)
            model.push(...step.bytes)
          } else {
            const { kind, count } = step
            const whole = count <= model.length ? model.slice(0, count) : undefined
            if (kind === 'at') assert.equal(queue.at(count), model[count])
            if (kind === 'peek') assert.deepEqual(list(queue.peek(count)), whole)
            if (kind === 'take') {
              assert.deepEqual(list(queue.take(count)), whole)
              if (whole !== undefined) model = model.slice(count)
            }
            if (kind === 'skip') {
              queue.skip(count)
              model = model.slice(count)
            }
            if (kind === 'takeSome') {
              const some = list(queue.takeSome(count)) ?? []
              assert.ok(some.length <= count && (some.length > 0 || count === 0 || model.length === 0))
              assert.deepEqual(some, model.slice(0, some.length))
              model = model.slice(some.length)
            }
          }
          assert.equal(queue.length, model.length)
        }
      }),
      { seed: 1 },
    )
  })

  it('stays usable after many small pieces', () => {
    const queue = new ByteQueue()
    for (let i = 0; i < 1000; i++) {
      queue.push(Uint8Array.of(i & 0xff))
      if (i % 2 === 1) queue.skip(1)
    }

    assert.equal(queue.length, 500)
    assert.equal(queue.at(0), 500 & 0xff)
    assert.equal(queue.at(499), 999 & 0xff)
  })
})

function list(bytes: Uint8Array | undefined): number[] | undefined {
  return bytes === undefined ? undefined : [...bytes]
}
