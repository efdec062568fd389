import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MAX_LEAVING_BYTES, MAX_WAITING, ReportQueue } from './report-queue.ts'

/** Delays are as long as they can be. */
const latest = () => 1

function records(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, at) => `sn=${from + at}`)
}

describe('the queue of reports', () => {
  it('gathers what comes together into one body', () => {
    const queue = new ReportQueue()
    assert.equal(queue.nextAt, undefined)

    queue.add(['a'], 1000)
    queue.add(['b'], 1400)

    assert.equal(queue.nextAt, 1500)
    assert.equal(queue.take(1499), undefined)
    assert.equal(queue.take(1500), 'a\nb')
    queue.add(['c'], 1600)
    assert.equal(queue.nextAt, undefined)
    assert.equal(queue.take(9000), undefined)
    queue.answered(204, 1700)
    assert.equal(queue.take(1700), 'c')
    queue.answered(204, 1700)
    assert.equal(queue.nextAt, undefined)
  })

  it('sends many in several bodies, one after the other', () => {
    const queue = new ReportQueue()
    queue.add(records(45), 0)

    const bodies: number[] = []
    for (let body = queue.take(500); body !== undefined; body = queue.take(500)) {
      bodies.push(body.split('\n').length)
      queue.answered(204, 500)
    }

    assert.deepEqual(bodies, [20, 20, 5])
  })

  it('sends the same again, later and later, when nobody takes it', () => {
    const queue = new ReportQueue(latest)
    queue.add(['a'], 0)
    let now = 500
    const waits: number[] = []

    for (const status of [0, 500, 503, 429, 408, 502, 0, 0]) {
      assert.equal(queue.take(now), 'a')
      queue.answered(status, now)
      waits.push((queue.nextAt ?? Number.NaN) - now)
      now = queue.nextAt ?? Number.NaN
    }

    assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000])
    assert.equal(queue.take(now), 'a')
    queue.answered(204, now)
    assert.equal(queue.nextAt, undefined)
  })

  it('waits as long as it is asked to, and sends more at once to a collector that is busy', () => {
    const queue = new ReportQueue(latest)
    queue.add(records(60), 0)
    queue.take(500)
    queue.answered(429, 500, 90_000)
    assert.equal(queue.nextAt, 90_500)

    assert.equal(queue.take(90_500)?.split('\n').length, 20)
    queue.answered(204, 90_500)
    assert.equal(queue.take(90_500)?.split('\n').length, 40)
  })

  it('does not wait for ever when it is asked to', () => {
    const queue = new ReportQueue(latest)
    queue.add(['a'], 0)
    queue.take(500)

    queue.answered(429, 500, Number.POSITIVE_INFINITY)

    assert.equal(queue.nextAt, 600_500)
  })

  it('is silent for the rest of the session where nobody wants reports', () => {
    for (const status of [401, 403, 404, 405, 410]) {
      const queue = new ReportQueue()
      queue.add(records(30), 0)
      queue.take(500)

      queue.answered(status, 600)
      queue.add(['more'], 700)

      assert.ok(queue.silent)
      assert.equal(queue.nextAt, undefined)
      assert.equal(queue.takeLast(), undefined)
      assert.equal(queue.dropped, 31)
    }
  })

  it('drops a body that is refused, and goes on with the next', () => {
    const queue = new ReportQueue()
    queue.add(records(25), 0)
    queue.take(500)

    queue.answered(413, 600)

    assert.equal(queue.dropped, 20)
    assert.equal(queue.take(600), records(5, 20).join('\n'))
  })

  it('holds the newest when a collector is away for long', () => {
    const queue = new ReportQueue()

    for (let at = 0; at < 3 * MAX_WAITING; at += 50) queue.add(records(50, at), 0)

    assert.equal(queue.dropped, 2 * MAX_WAITING)
    assert.equal(queue.take(500)?.split('\n')[0], `sn=${2 * MAX_WAITING}`)
  })

  it('gives all that waits when the page goes, but for what is on its way', () => {
    const queue = new ReportQueue()
    queue.add(records(22), 0)
    queue.take(500)
    assert.equal(queue.takeLast(), 'sn=20\nsn=21')
    queue.answered(500, 600)
    assert.equal(queue.takeLast(), records(20).join('\n'))
    assert.equal(queue.takeLast(), undefined)
  })

  it('gives no more than browsers send for a page that is gone', () => {
    const queue = new ReportQueue()
    const long = Array.from({ length: 200 }, (_, at) => `${at}`.padStart(1000, '-'))
    queue.add(long, 0)

    const body = queue.takeLast() ?? ''

    assert.ok(body.length <= MAX_LEAVING_BYTES && body.length > MAX_LEAVING_BYTES - 1001)
    assert.ok(body.endsWith(long.at(-1) ?? '?'))
    assert.equal(queue.dropped, 200 - body.split('\n').length)
  })
})
