import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { BoundedLog, type LogEntry } from './bounded-log.ts'

interface Numbered extends LogEntry {
  readonly name: string
}

const SECOND = 1_000_000

function entry(name: string, options: Partial<LogEntry> = {}): Numbered {
  return { name, size: 10, key: name.startsWith('k'), time: 0, ...options }
}

function makeLog(limits: { maxBytes?: number; maxDuration?: number } = {}): BoundedLog<Numbered> {
  return new BoundedLog({ maxBytes: limits.maxBytes ?? 1e6, maxDuration: limits.maxDuration ?? 10 * SECOND })
}

function takeAll(cursor: { take(): Numbered | undefined }): string[] {
  const names: string[] = []
  for (let next = cursor.take(); next !== undefined; next = cursor.take()) names.push(next.name)
  return names
}

/** Room for this many entries of 10 bytes. */
const roomFor = (count: number) => count * (256 + 10)

describe('BoundedLog', () => {
  it('starts a reader at the newest key entry', () => {
    const log = makeLog()
    for (const name of ['k0', 'p1', 'k2', 'p3', 'p4']) log.append(entry(name))

    assert.deepEqual(takeAll(log.open()), ['k2', 'p3', 'p4'])
  })

  it('starts a reader of a log without key entry at the next one, and counts nothing as lost', () => {
    const log = makeLog()
    log.append(entry('p0'))
    const cursor = log.open()
    log.append(entry('p1'))

    assert.deepEqual(takeAll(cursor), [])
    log.append(entry('k2'))
    log.append(entry('p3'))
    assert.deepEqual(takeAll(cursor), ['k2', 'p3'])
    assert.equal(cursor.skipped, 0)
  })

  it('moves a reader that fell behind to the newest key entry and counts what it lost', () => {
    const log = makeLog({ maxBytes: roomFor(4) })
    log.append(entry('k0'))
    const cursor = log.open()
    assert.equal(cursor.take()?.name, 'k0')
    for (const name of ['p1', 'p2', 'k3', 'p4', 'k5', 'p6']) log.append(entry(name))

    assert.deepEqual(takeAll(cursor), ['k5', 'p6'])
    assert.equal(cursor.skipped, 4)
  })

  it('lets a reader that fell behind a log without key entry wait for one', () => {
    const log = makeLog({ maxBytes: roomFor(2) })
    log.append(entry('k0'))
    const cursor = log.open()
    cursor.take()
    for (const name of ['p1', 'p2', 'p3', 'p4']) log.append(entry(name))
    assert.equal(log.newestKey, -1)

    assert.deepEqual(takeAll(cursor), [])
    log.append(entry('p5'))
    log.append(entry('k6'))
    assert.deepEqual(takeAll(cursor), ['k6'])
    assert.equal(cursor.skipped, 5)
  })

  it('drops by time only what is before the current group of pictures', () => {
    const log = makeLog({ maxDuration: 2 * SECOND })
    for (let second = 0; second <= 9; second++)
      log.append(entry(second % 5 === 0 ? 'k' : 'p', { time: second * SECOND }))

    assert.equal(log.newestKey, 5)
    assert.equal(log.oldest, 5)
    assert.equal(log.next, 10)
  })

  it('drops by bytes even the current group of pictures, but never the newest entry', () => {
    const log = makeLog({ maxBytes: 1000 })
    log.append(entry('k0', { size: 600 }))
    log.append(entry('p1', { size: 600 }))
    assert.equal(log.oldest, 1)

    log.append(entry('k2', { size: 5000 }))
    assert.equal(log.oldest, 2)
    assert.equal(log.bytes, 5000)
    assert.deepEqual(takeAll(log.open()), ['k2'])
  })

  it('bounds the number of entries without bytes, within one group of pictures too', () => {
    const log = makeLog({ maxBytes: roomFor(100) })
    log.append(entry('k0'))
    for (let i = 0; i < 10_000; i++) log.append(entry('p', { size: 0 }))

    assert.ok(log.next - log.oldest <= 110, `${log.next - log.oldest} entries`)
  })

  it('keeps numbers over many compactions', () => {
    const log = makeLog({ maxBytes: roomFor(10) })
    for (let i = 0; i < 3000; i++) log.append(entry(i % 5 === 0 ? `k${i}` : `p${i}`))

    assert.equal(log.next, 3000)
    assert.equal(log.oldest, 2990)
    assert.equal(log.get(2995)?.name, 'k2995')
    assert.equal(log.get(2989), undefined)
    assert.equal(log.get(3000), undefined)
    assert.deepEqual(takeAll(log.open()), ['k2995', 'p2996', 'p2997', 'p2998', 'p2999'])
  })

  it('resolves ready when woken, at once when there is something, and false at the end', async () => {
    const log = makeLog()
    const cursor = log.open()
    const first = cursor.ready()
    assert.equal(cursor.ready(), first)
    log.append(entry('k0'))
    log.wake()

    assert.equal(await first, true)
    assert.equal(await cursor.ready(), true)
    assert.equal(cursor.take()?.name, 'k0')
    const last = cursor.ready()
    log.end()
    assert.equal(await last, false)
    assert.equal(await cursor.ready(), false)
    assert.equal(cursor.ended, true)
  })

  it('lets readers take what is left after the end', () => {
    const log = makeLog()
    const cursor = log.open()
    log.append(entry('k0'))
    log.end()

    assert.equal(cursor.ended, false)
    assert.deepEqual(takeAll(cursor), ['k0'])
    assert.equal(cursor.ended, true)
  })

  it('closes a reader once: its promise resolves, its callback is silent', async () => {
    const log = makeLog()
    const cursor = log.open()
    let wakes = 0
    cursor.onWake = () => wakes++
    const ready = cursor.ready()
    cursor.close()
    cursor.close()
    log.append(entry('k0'))
    log.wake()

    assert.equal(await ready, false)
    assert.equal(wakes, 0)
    assert.equal(log.readers, 0)
    assert.equal(cursor.take(), undefined)
    assert.equal(cursor.ended, true)
  })

  it('wakes every reader although one closes another meanwhile', () => {
    const log = makeLog()
    const [first, second, third] = [log.open(), log.open(), log.open()]
    const woken: string[] = []
    first.onWake = () => {
      woken.push('first')
      second.close()
    }
    second.onWake = () => woken.push('second')
    third.onWake = () => woken.push('third')
    log.wake()

    assert.deepEqual(woken, ['first', 'third'])
  })
})
