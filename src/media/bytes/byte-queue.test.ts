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

  it('joins bytes that drip in, and leaves views that were given out alone', () => {
    const queue = new ByteQueue()
    const drops = 20_000
    for (let i = 0; i < drops; i++) queue.push(Uint8Array.of(i & 0xff))
    const pieces: Uint8Array[] = []
    const early = queue.peek(3)
    for (let some = queue.takeSome(drops); some !== undefined; some = queue.takeSome(drops)) pieces.push(some)
    queue.push(Uint8Array.of(9, 9, 9))

    assert.ok(pieces.length <= 6, `${pieces.length} pieces`)
    assert.deepEqual([...(early ?? [])], [0, 1, 2])
    assert.deepEqual(
      [...Buffer.concat(pieces)],
      Array.from({ length: drops }, (_, i) => i & 0xff),
    )
  })

  it('never copies normal pieces', () => {
    const queue = new ByteQueue()
    const [small, large, tail] = [new Uint8Array(10), new Uint8Array(2000), new Uint8Array(1024)]
    for (const piece of [small, large, tail]) queue.push(piece)

    assert.equal(queue.takeSome(10)?.buffer, small.buffer)
    assert.equal(queue.takeSome(2000)?.buffer, large.buffer)
    assert.equal(queue.takeSome(1024)?.buffer, tail.buffer)
  })
})

function list(bytes: Uint8Array | undefined): number[] | undefined {
  return bytes === undefined ? undefined : [...bytes]
}
