import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { packetAt, videoTrack } from '../../../test/support/packets.ts'
import { UnavailableError } from '../../errors.ts'
import { Hub } from '../../live/hub.ts'
import type { Publisher } from '../../live/publisher.ts'
import { Sessions } from '../../live/sessions.ts'
import type { ClientContext, Logger } from '../../protocols/protocol.ts'
import { type PullClient, Pulls } from './pulls.ts'

interface Call {
  readonly url: string
  readonly publisher: Publisher
  readonly client: ClientContext
  readonly fail: (error: Error) => void
  readonly end: () => void
}

/** A client whose pulls last until the test or the signal ends them. */
function makeClient(): { pull: PullClient; next: () => Promise<Call> } {
  const calls: Call[] = []
  const waiting: ((call: Call) => void)[] = []
  const pull: PullClient = (url, publisher, client) =>
    new Promise((resolve, reject) => {
      client.signal.addEventListener('abort', () => resolve())
      const call = { url: url.href, publisher, client, fail: reject, end: resolve }
      const waiter = waiting.shift()
      if (waiter === undefined) calls.push(call)
      else waiter(call)
    })
  const next = () =>
    new Promise<Call>((resolve) => {
      const call = calls.shift()
      if (call === undefined) waiting.push(resolve)
      else resolve(call)
    })
  return { pull, next }
}

function makePulls() {
  const hub = new Hub()
  const sessions = new Sessions()
  const codes: string[] = []
  const log: Logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: () => undefined,
    counted: (code) => void codes.push(code),
    child: () => log,
  }
  const { pull, next } = makeClient()
  const findClient = (scheme: string) => (scheme === 'mms' ? pull : undefined)
  return { hub, sessions, codes, next, pulls: new Pulls({ hub, sessions, log, findClient, retryMs: [1, 4] }) }
}

describe('pulls', () => {
  it('publish what a client fetches, as a session', async () => {
    const { hub, sessions, next, pulls } = makePulls()
    pulls.set(new Map([['live/a', 'mms://encoder:8080/x?key=secret']]))
    const { url, publisher, client } = await next()
    publisher.announce([videoTrack])
    publisher.write(packetAt(0, { key: true }))

    assert.equal(url, 'mms://encoder:8080/x?key=secret')
    assert.equal(client.role, 'server')
    assert.equal(hub.find('live/a')?.statistics.packets, 1)
    assert.deepEqual(
      [...sessions.list()].map(({ start }) => [start.protocol, start.role, start.path, start.remoteAddress]),
      [['mms', 'publish', 'live/a', 'encoder:8080']],
    )
    await pulls.close()
    assert.equal(sessions.size, 0)
    hub.close()
  })

  it('are not on air before the source delivers', async () => {
    const { hub, sessions, next, pulls } = makePulls()
    pulls.set(new Map([['live/a', 'mms://one/x']]))
    const first = await next()
    assert.equal(hub.find('live/a'), undefined)
    assert.equal(sessions.size, 0)

    first.publisher.announce([videoTrack])
    assert.equal(hub.find('live/a')?.state, 'live')
    assert.equal(sessions.size, 1)
    await pulls.close()
    hub.close()
  })

  it('come back after a failure and after the end of the source; the stream waits meanwhile', async () => {
    const { hub, codes, next, pulls } = makePulls()
    pulls.set(new Map([['live/a', 'mms://encoder/x']]))
    const first = await next()
    const { stream } = first.publisher
    first.publisher.announce([videoTrack])
    first.fail(new UnavailableError('ERR_TEST_GONE', 'gone'))
    const second = await next()
    assert.equal(second.publisher.stream, stream)
    assert.deepEqual(codes, ['ERR_TEST_GONE'])

    second.end()
    const third = await next()
    assert.equal(third.publisher.stream, stream)
    await pulls.close()
    hub.close()
  })

  it('start, stop and change with the settings', async () => {
    const { hub, next, pulls } = makePulls()
    pulls.set(new Map([['live/a', 'mms://one/x']]))
    const first = await next()
    pulls.set(
      new Map([
        ['live/a', 'mms://two/x'],
        ['live/b', 'mms://one/x'],
      ]),
    )
    assert.equal(first.client.signal.aborted, true)
    const urls = [(await next()).url, (await next()).url].sort()
    assert.deepEqual(urls, ['mms://one/x', 'mms://two/x'])
    await pulls.close()
    hub.close()
  })

  it('end when their session is ended by the operator, and start again', async () => {
    const { hub, sessions, next, pulls } = makePulls()
    pulls.set(new Map([['live/a', 'mms://one/x']]))
    const first = await next()
    first.publisher.announce([videoTrack])
    for (const session of sessions.list()) session.start.close(new UnavailableError('ERR_TEST_KICKED', 'kicked'))
    assert.equal(first.client.signal.aborted, true)
    await next()
    await pulls.close()
    hub.close()
  })

  it('say which scheme nobody pulls', async () => {
    const { hub, codes, pulls } = makePulls()
    pulls.set(new Map([['live/a', 'gopher://one/x']]))
    await new Promise((resolve) => setTimeout(resolve, 5))
    await pulls.close()
    assert.equal(codes[0], 'ERR_RELAY_SCHEME')
    hub.close()
  })
})
