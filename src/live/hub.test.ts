import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it, mock } from 'node:test'
import { packetAt, videoTrack } from '../../test/support/packets.ts'
import type { HeadendError } from '../errors.ts'
import { Hub, type HubOptions, type PathSettings } from './hub.ts'
import { Sessions } from './sessions.ts'

const SETTINGS: PathSettings = { graceMs: 10_000, onBusy: 'refuse', windowMs: 100 }

function makeHub(options: HubOptions & { settings?: Partial<PathSettings> } = {}): { hub: Hub; changes: string[] } {
  const { settings, ...rest } = options
  const hub = new Hub({ now: () => 0, pathSettings: () => ({ ...SETTINGS, ...settings }), ...rest })
  const changes: string[] = []
  hub.observe({ stream: (stream, change) => changes.push(`${stream.path} ${change}`) })
  return { hub, changes }
}

function openSession(closed: HeadendError[] = []) {
  return new Sessions().open({
    protocol: 'test',
    role: 'publish',
    path: 'live/a',
    remoteAddress: '127.0.0.1',
    close: (reason) => closed.push(reason),
  })
}

describe('Hub', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }))
  afterEach(() => mock.timers.reset())

  it('refuses a second publisher of a busy path', () => {
    const { hub } = makeHub()
    const session = openSession()
    const publisher = hub.publish('live/a', session)

    assert.throws(() => hub.publish('live/a'), { code: 'ERR_STREAM_BUSY' })
    assert.equal(hub.publisherOf('live/a'), session)
    assert.equal(publisher.closed, false)
  })

  it('lets a second publisher take over where the path says so', () => {
    const { hub, changes } = makeHub({ settings: { onBusy: 'takeover' } })
    const reasons: HeadendError[] = []
    const first = hub.publish('live/a', openSession(reasons))
    const second = hub.publish('live/a', openSession())

    assert.deepEqual(
      reasons.map((reason) => reason.code),
      ['ERR_STREAM_TAKEN_OVER'],
    )
    assert.throws(() => first.write(packetAt(0, { key: true })), { code: 'ERR_PUBLISHER_CLOSED' })
    assert.throws(() => first.announce([videoTrack]), { code: 'ERR_PUBLISHER_CLOSED' })
    assert.equal(second.stream, first.stream)
    first.close()
    assert.equal(second.closed, false)
    assert.equal(hub.find('live/a')?.state, 'live')
    assert.deepEqual(changes, ['live/a started', 'live/a resumed'])
  })

  it('keeps a stream for the grace time and ends it then', () => {
    const { hub, changes } = makeHub()
    const publisher = hub.publish('live/a')
    const stream = hub.find('live/a')
    publisher.close()
    mock.timers.tick(9_999)
    assert.equal(hub.find('live/a'), stream)
    assert.equal(stream?.state, 'waiting')
    mock.timers.tick(1)

    assert.equal(hub.find('live/a'), undefined)
    assert.equal(stream.state, 'closed')
    assert.deepEqual(changes, ['live/a started', 'live/a waiting', 'live/a ended'])
  })

  it('continues the stream of a publisher that comes back in time, with a discontinuity', () => {
    let now = 0
    const { hub, changes } = makeHub({ now: () => now })
    const first = hub.publish('live/a')
    first.announce([videoTrack])
    first.write(packetAt(0, { key: true }))
    first.close()
    mock.timers.tick(9_000)
    now = 9_000_000
    const second = hub.publish('live/a')
    second.announce([videoTrack])
    second.write(packetAt(123, { key: true }))
    mock.timers.tick(60_000)

    assert.equal(second.stream, first.stream)
    const packet = second.stream.subscribe().take()?.packet
    assert.deepEqual([packet?.dts, packet?.discontinuity], [9_000_000, true])
    assert.deepEqual(changes, ['live/a started', 'live/a waiting', 'live/a resumed'])
  })

  it('ends a stream at once without grace time, or when its publisher says it is final', () => {
    for (const [settings, final] of [
      [{ graceMs: 0 }, false],
      [{}, true],
    ] as const) {
      const { hub } = makeHub({ settings })
      const publisher = hub.publish('live/a')
      const cursor = publisher.stream.subscribe()
      publisher.close({ final })

      assert.equal(hub.find('live/a'), undefined)
      assert.equal(cursor.ended, true)
    }
  })

  it('admits those who wait when the stream starts', async () => {
    const { hub } = makeHub()
    const waiting = [hub.findOrWait('live/a', { waitMs: 1000 }), hub.findOrWait('live/a', { waitMs: 1000 })]
    assert.equal(hub.waiting, 2)
    const { stream } = hub.publish('live/a')

    assert.deepEqual(await Promise.all(waiting), [stream, stream])
    assert.equal(hub.waiting, 0)
    assert.equal(await hub.findOrWait('live/a', { waitMs: 0 }), stream)
  })

  it('tells those who wait too long, give up, or may not wait, that nothing is there', async () => {
    const { hub } = makeHub({ maxWaiting: 2 })
    const abort = new AbortController()
    const late = hub.findOrWait('live/a', { waitMs: 1000 })
    const gone = hub.findOrWait('live/b', { waitMs: 1000, signal: abort.signal })
    const code = { code: 'ERR_STREAM_NOT_FOUND' }

    await assert.rejects(hub.findOrWait('live/c', { waitMs: 1000 }), code)
    await assert.rejects(hub.findOrWait('live/c', { waitMs: 0 }), code)
    abort.abort()
    await assert.rejects(gone, code)
    assert.equal(hub.waiting, 1)
    mock.timers.tick(1000)
    await assert.rejects(late, code)
    assert.equal(hub.waiting, 0)
    await assert.rejects(hub.findOrWait('live/b', { waitMs: 1000, signal: abort.signal }), code)
  })

  it('bounds the number of streams and frees the place of one that ended', () => {
    const { hub } = makeHub({ maxStreams: 1 })
    const publisher = hub.publish('live/a')

    assert.throws(() => hub.publish('live/b'), { code: 'ERR_HUB_FULL' })
    publisher.close({ final: true })
    hub.publish('live/b')
    assert.deepEqual(
      [...hub.streams()].map((stream) => stream.path),
      ['live/b'],
    )
  })

  it('checks names before anything else', async () => {
    const { hub, changes } = makeHub()

    assert.throws(() => hub.publish('live/../a'), { code: 'ERR_PATH_INVALID' })
    await assert.rejects(hub.findOrWait('nowhere/a', { waitMs: 1000 }), { code: 'ERR_PATH_INVALID' })
    assert.equal(hub.find('nowhere/a'), undefined)
    assert.deepEqual([changes, hub.waiting], [[], 0])
  })

  it('closes: streams end, those who wait are told, nothing new starts', async () => {
    const { hub, changes } = makeHub()
    const publisher = hub.publish('live/a')
    hub.publish('live/b').close()
    const waiting = hub.findOrWait('live/c', { waitMs: 1000 })
    hub.close()

    await assert.rejects(waiting, { code: 'ERR_STREAM_NOT_FOUND' })
    assert.equal(publisher.closed, true)
    assert.equal(publisher.stream.state, 'closed')
    assert.throws(() => hub.publish('live/d'), { code: 'ERR_HUB_CLOSED' })
    assert.deepEqual([...hub.streams()], [])
    assert.deepEqual(changes.slice(-2), ['live/a ended', 'live/b ended'])
  })

  it('takes the path of a later publisher with the first thing it brings', () => {
    const hub = new Hub()
    const later = hub.publishLater('live/later', () => undefined)
    assert.equal(hub.find('live/later'), undefined)
    assert.equal(later.began, false)

    later.announce([])
    assert.equal(hub.find('live/later')?.state, 'live')
    const rival = hub.publishLater('live/later', () => undefined)
    assert.throws(() => rival.announce([]), { code: 'ERR_STREAM_BUSY' })
    rival.close()
    assert.equal(hub.find('live/later')?.state, 'live')
    later.close({ final: true })
    assert.equal(hub.find('live/later'), undefined)
    hub.close()
  })
})
