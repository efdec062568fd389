/** The encoder's side against the server's, over a connection in memory; and against answers that our server never gives. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { duplexPair } from 'node:stream'
import { describe, type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { unusedServices } from '../../../../test/support/unused-services.ts'
import { HeadendError, PeerError } from '../../../errors.ts'
import { Hub } from '../../../live/hub.ts'
import { Sessions } from '../../../live/sessions.ts'
import type { AsfInit } from '../../../media/containers/asf/model.ts'
import { quietLogger } from '../../../net/testdata/raw-client.ts'
import type { ServerContext } from '../../protocol.ts'
import { asfUnits } from '../asf-units.ts'
import { testInit, testPackets } from '../client-vectors.ts'
import { type Frame, FrameReader } from '../framing.ts'
import { type WmRequest, WmRequestReader } from '../request-reader.ts'
import { ENDLESS_BODY, type PushClientEvent, type PushClientOptions, PushClientSession } from './client-session.ts'
import { PushConnection } from './connection.ts'
import { Pushes } from './pushes.ts'

const TARGET: PushClientOptions = { target: '/live/a?key=good', host: 'media.test' }
const init = testInit()
const packets = testPackets(init, 40)

function makeServer(t: TestContext) {
  const clock = { now: 0 }
  const hub = new Hub({ pathSettings: () => ({ graceMs: 0, onBusy: 'refuse', windowMs: 0 }) })
  t.after(() => hub.close())
  const context: ServerContext = {
    hub,
    sessions: new Sessions(),
    authorize: ({ credentials }) =>
      credentials.key === 'good' || credentials.proves?.('good') === true
        ? Promise.resolve()
        : Promise.reject(new PeerError('ERR_ACCESS_DENIED', 'expected the publish key')),
    http: undefined as unknown as ServerContext['http'],
    ...unusedServices,
    log: quietLogger(),
    host: '127.0.0.1',
    tls: undefined,
  }
  const pushes = new Pushes(context, { maxSessions: 10, pushIdleMs: 60_000 })
  const connect = () => {
    const [ours, theirs] = duplexPair()
    const connection = new PushConnection({
      socket: theirs,
      peer: { remoteAddress: '192.0.2.1', secure: false, giveBack: () => assert.fail('given back') },
      context,
      pushes,
      now: () => clock.now,
      pushIdleMs: 60_000,
      onClose: () => {},
    })
    theirs.resume()
    return { socket: ours, connection }
  }
  return { hub, context, pushes, connect, clock }
}

/** Client session and socket, joined. */
function join(session: PushClientSession, { socket }: ReturnType<ReturnType<typeof makeServer>['connect']>) {
  const events: PushClientEvent[] = []
  const sent: Buffer[] = []
  let wake: (() => void) | undefined
  const flush = () => {
    for (const bytes of session.takeOutput()) {
      sent.push(Buffer.from(bytes))
      socket.write(bytes)
    }
  }
  socket.on('data', (bytes: Uint8Array) => {
    session.write(bytes)
    for (let event = session.read(); event !== undefined; event = session.read()) events.push(event)
    flush()
    wake?.()
  })
  const next = async (): Promise<PushClientEvent> => {
    while (events.length === 0) await new Promise<void>((resolve) => (wake = resolve))
    return events.shift()!
  }
  return { flush, next, sent: () => Buffer.concat(sent), ended: () => once(socket, 'end') }
}

/** Requests with their bodies, as the client wrote them. */
function requestsOf(bytes: Uint8Array): { request: WmRequest; body: Buffer; whole: boolean }[] {
  const reader = new WmRequestReader()
  reader.write(bytes)
  const list: { request: WmRequest; body: Buffer; whole: boolean }[] = []
  for (let event = reader.read(); event !== undefined; event = reader.read()) {
    if (event.type === 'request') list.push({ request: event.request, body: Buffer.alloc(0), whole: false })
    else if (event.type === 'end') list.at(-1)!.whole = true
    else list.at(-1)!.body = Buffer.concat([list.at(-1)!.body, event.bytes])
  }
  return list
}

function framesOf(body: Uint8Array): Frame[] {
  const reader = new FrameReader('push')
  reader.write(body)
  const frames: Frame[] = []
  for (let frame = reader.read(); frame !== undefined; frame = reader.read()) frames.push(frame)
  assert.equal(reader.pending, 0)
  return frames
}

const letters = (body: Uint8Array) =>
  framesOf(body)
    .map(({ type, reason }) => (type === 'E' ? `E${reason}` : type))
    .join(' ')

function answer(session: PushClientSession, text: string): PushClientEvent | undefined {
  session.write(Buffer.from(text))
  return session.read()
}

const OK = 'HTTP/1.1 204 No Content\r\nServer: Cougar/9.6.7600.1\r\nSet-Cookie: push-id=abc\r\n\r\n'
const text = (session: PushClientSession) => Buffer.concat(session.takeOutput()).toString('latin1')

function throwsCode(work: () => unknown, code: string): void {
  assert.throws(work, (error: unknown) => error instanceof HeadendError && error.code === code)
}

describe('client and server', () => {
  test('ENC-01 to ENC-03, ENC-12, ENC-13, ENC-17: a whole push: setup, start, packets, another header, the end', async (t) => {
    const { hub, context, pushes, connect } = makeServer(t)
    const session = new PushClientSession(TARGET)
    const joined = join(session, connect())
    session.setUp()
    joined.flush()
    assert.equal((await joined.next()).type, 'ready')
    assert.equal(hub.find('live/a'), undefined)

    session.begin(init)
    joined.flush()
    while (hub.find('live/a') === undefined) await turn()
    const cursor = hub.find('live/a')!.units(asfUnits).open()
    const other = testInit('two')
    for (const { bytes } of packets.slice(0, 5)) session.packet(bytes)
    session.change(other)
    for (const { bytes } of testPackets(other, 5)) session.packet(bytes)
    session.finish()
    assert.equal(session.finished, true)
    joined.flush()
    await joined.ended()

    const units = []
    for (let unit = cursor.take(); unit !== undefined; unit = cursor.take()) units.push(unit)
    assert.equal(units.length, 10)
    assert.deepEqual(
      units.map(({ bytes }) => Buffer.from(bytes)),
      [...packets.slice(0, 5), ...testPackets(other, 5)].map(({ bytes }) => Buffer.from(bytes)),
    )
    assert.equal(units[4]!.init, units[0]!.init)
    assert.deepEqual(Buffer.from(units[0]!.init.bytes), Buffer.from(init.bytes))
    assert.deepEqual(Buffer.from(units[5]!.init.bytes), Buffer.from(other.bytes))
    assert.deepEqual([pushes.size, context.sessions.size, hub.find('live/a')], [0, 0, undefined])

    const [setup, start] = requestsOf(joined.sent())
    assert.equal(setup!.request.method, 'POST')
    assert.equal(setup!.request.header('content-type'), 'application/x-wms-pushsetup')
    assert.match(setup!.request.header('user-agent') ?? '', /^WMEncoder\/12\.0/)
    assert.equal(setup!.request.header('host'), 'media.test')
    assert.equal(setup!.request.header('cookie'), 'push-id=0')
    assert.equal(setup!.request.contentLength, 0)
    assert.equal(start!.request.header('content-type'), 'application/x-wms-pushstart')
    assert.equal(start!.request.contentLength, ENDLESS_BODY)
    assert.match(start!.request.header('cookie') ?? '', /^push-id=[0-9a-f]{36}$/)
    assert.equal(letters(start!.body), 'H D D D D D E1 C D D D D D E0')
  })

  test('ENC-14, ENC-15, PSH-13: through a proxy bodies have a length, are filled to it, and follow one another', async (t) => {
    const { hub, connect } = makeServer(t)
    const session = new PushClientSession({ ...TARGET, proxy: true })
    const joined = join(session, connect())
    session.setUp()
    joined.flush()
    assert.equal((await joined.next()).type, 'ready')
    // A bit a second: a body is as short as it may be.
    session.begin({ ...init, maxBitrateBps: 1 })
    joined.flush()
    while (hub.find('live/a') === undefined) await turn()
    const cursor = hub.find('live/a')!.units(asfUnits).open()
    for (const { bytes } of packets) {
      session.packet(bytes)
      joined.flush()
      if (!session.ready) assert.equal((await joined.next()).type, 'continued')
    }
    session.finish()
    joined.flush()
    if (!session.finished) assert.equal((await joined.next()).type, 'continued')
    assert.equal(session.finished, true)
    await joined.ended()

    const units: Buffer[] = []
    for (let unit = cursor.take(); unit !== undefined; unit = cursor.take()) units.push(Buffer.from(unit.bytes))
    assert.deepEqual(
      units,
      packets.map(({ bytes }) => Buffer.from(bytes)),
    )
    const [, ...starts] = requestsOf(joined.sent())
    assert.ok(starts.length > 3, `${starts.length} bodies`)
    const least = Math.max(3 * (4 + init.packetSize), init.bytes.byteLength + 8)
    for (const { request, body, whole } of starts.slice(0, -1)) {
      assert.equal(request.contentLength, least)
      assert.equal(whole, true)
      assert.match(letters(body), /^(H )?(D ?)+(F ?)*$/)
    }
    assert.equal(letters(starts[0]!.body).startsWith('H D'), true)
    assert.ok(starts.slice(1).every(({ body }) => !letters(body).includes('H')))
    assert.match(letters(starts.at(-1)!.body), /E0$/)
  })

  test('PSH-14, M-06: silence and packets out of order are answered at once', async (t) => {
    const { context, pushes, connect, clock } = makeServer(t)
    for (const [breaks, status] of [
      [() => (clock.now += 60_000), 408],
      [() => undefined, 400],
    ] as const) {
      const session = new PushClientSession(TARGET)
      const { socket, connection } = connect()
      const replies: Buffer[] = []
      const sink = join(session, { socket, connection })
      session.setUp()
      sink.flush()
      await sink.next()
      session.begin(init)
      for (const bytes of session.takeOutput()) socket.write(bytes)
      while (context.sessions.size === 0) await turn()
      socket.removeAllListeners('data')
      socket.on('data', (bytes: Buffer) => replies.push(bytes))
      breaks()
      if (status === 408) pushes.tick(clock.now)
      else socket.write(Buffer.from('$H\0\0'))
      await once(socket, 'end')
      assert.match(Buffer.concat(replies).toString(), new RegExp(`^HTTP/1.1 ${status} .*Connection: close`, 's'))
      assert.deepEqual([pushes.size, context.sessions.size], [0, 0])
    }
  })

  test('PSH-20: the key as a password, by Digest, on the same connection', async (t) => {
    const { connect } = makeServer(t)
    const { ClientAuthorization } = await import('../client-authorization.ts')
    const session = new PushClientSession({ ...TARGET, target: '/live/a' })
    const joined = join(session, connect())
    session.setUp()
    joined.flush()
    const challenge = await joined.next()
    assert.ok(challenge.type === 'challenge' && challenge.keeps && !challenge.proxy)
    const who = ClientAuthorization.answering(challenge.values, { user: 'x', password: 'good' }, 'c')!
    session.setUp((method, target) => [['Authorization', who.header(method, target)]])
    joined.flush()
    assert.equal((await joined.next()).type, 'ready')
  })
})

describe('answers', () => {
  function setUp(options: Partial<PushClientOptions> = {}): PushClientSession {
    const session = new PushClientSession({ ...TARGET, ...options })
    session.setUp()
    session.takeOutput()
    return session
  }

  test('ENC-07: a server that is neither Cougar nor Rex is an error', () => {
    throwsCode(() => answer(setUp(), OK.replace('Cougar', 'Apache')), 'ERR_WMHTTP_SERVER')
    throwsCode(() => answer(setUp(), 'HTTP/1.1 204 No Content\r\n\r\n'), 'ERR_WMHTTP_SERVER')
    assert.equal(answer(setUp(), OK.replace('Cougar', 'Rex'))?.type, 'ready')
  })

  test('ENC-08: redirects replace the URL, 305 names a proxy', () => {
    for (const status of [300, 301, 302, 303, 304, 305]) {
      const event = answer(setUp(), `HTTP/1.1 ${status} X\r\nLocation: http://b/c\r\nContent-Length: 0\r\n\r\n`)
      assert.deepEqual(event, { type: 'redirect', location: 'http://b/c', proxy: status === 305 })
    }
    throwsCode(() => answer(setUp(), 'HTTP/1.1 302 X\r\n\r\n'), 'ERR_WMHTTP_REJECTED')
  })

  test('ENC-09, ENC-10, ENC-11: a Via makes bodies of a minute', () => {
    const session = setUp()
    answer(session, OK.replace('Set-Cookie', 'Via: 1.1 proxy\r\nSet-Cookie'))
    session.begin({ ...init, maxBitrateBps: 80_000 })
    assert.match(text(session), /Content-Length: 600000\r\n/)
    const slow = setUp({ proxy: true })
    answer(slow, OK)
    slow.begin({ ...init, maxBitrateBps: 0 })
    assert.match(text(slow), /Content-Length: 2147483647\r\n/)
  })

  test('ENC-04: the cookies of the server come back', () => {
    const session = setUp()
    answer(session, OK.replace('Set-Cookie', 'Set-Cookie: lb=node7; path=/\r\nSet-Cookie'))
    session.begin(init)
    assert.match(text(session), /Cookie: push-id=abc; lb=node7\r\n/)
  })

  test('ENC-19: a challenge to the stream is answered on another connection, with the header again', () => {
    const session = setUp()
    answer(session, OK)
    session.begin(init)
    session.packet(packets[0]!.bytes)
    session.takeOutput()
    const event = answer(session, 'HTTP/1.1 401 X\r\nWWW-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n')
    assert.deepEqual(event, { type: 'challenge', values: ['Basic realm="x"'], proxy: false, keeps: false })
    session.restart(() => [['Authorization', 'Basic x']])
    const [start] = requestsOf(Buffer.concat(session.takeOutput()))
    assert.equal(start!.request.header('authorization'), 'Basic x')
    assert.equal(start!.request.header('cookie'), 'push-id=abc')
    assert.equal(letters(start!.body), 'H')
  })

  test('refusals: what may pass and what will not', () => {
    for (const [status, code] of [
      [400, 'ERR_WMHTTP_REJECTED'],
      [403, 'ERR_WMHTTP_DENIED'],
      [404, 'ERR_WMHTTP_REJECTED'],
      [409, 'ERR_WMHTTP_REFUSED'],
      [503, 'ERR_WMHTTP_REFUSED'],
    ] as const) {
      throwsCode(() => answer(setUp(), `HTTP/1.1 ${status} X\r\nContent-Length: 0\r\n\r\n`), code)
    }
    const session = setUp()
    answer(session, OK)
    session.begin(init)
    throwsCode(() => answer(session, OK), 'ERR_WMHTTP_REMOTE_CLOSED')
  })

  test('ENC-16: headers and packets that do not fit are refused before they are sent', () => {
    const session = setUp()
    answer(session, OK)
    throwsCode(() => session.begin({ ...init, bytes: new Uint8Array(65_532) }), 'ERR_WMHTTP_HEADER_SIZE')
    session.begin(init)
    throwsCode(() => session.change({ ...init, bytes: new Uint8Array(65_528) }), 'ERR_WMHTTP_HEADER_SIZE')
    throwsCode(() => session.packet(new Uint8Array(65_532)), 'ERR_WMHTTP_PACKET_SIZE')
  })
})

test('ENC-14: whatever the lengths, a body is filled exactly and no packet is lost', () => {
  for (let length = 1; length < 40; length++) {
    const small = { ...init, bytes: new Uint8Array(20), packetSize: 10, maxBitrateBps: 1 } as AsfInit
    const session = new PushClientSession({ ...TARGET, proxy: true })
    session.setUp()
    answer(session, OK)
    session.begin(small)
    let sent = 0
    for (; sent < 50; sent++) {
      if (!session.ready) assert.equal(answer(session, OK)?.type, 'continued')
      session.packet(new Uint8Array(length % 11).fill(sent))
    }
    session.finish()
    while (!session.finished) assert.equal(answer(session, OK)?.type, 'continued')
    const [, ...starts] = requestsOf(Buffer.concat(session.takeOutput()))
    for (const { body } of starts) framesOf(body)
    const all = starts.map(({ body }) => letters(body)).join(' ')
    assert.equal(all.replaceAll(/ ?F/g, '').trim(), `H ${'D '.repeat(sent)}E0`)
    assert.ok(starts.slice(0, -1).every(({ whole }) => whole))
  }
})
