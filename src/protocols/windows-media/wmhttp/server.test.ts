/** Pushing over real connections: our client, and requests as encoders of old write them, against the HTTP port of a server. */
import assert from 'node:assert/strict'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { heldBuffers } from '../../../../test/support/held-buffers.ts'
import { unusedServices } from '../../../../test/support/unused-services.ts'
import { HeadendError, UnavailableError } from '../../../errors.ts'
import { Hub, type PathSettings } from '../../../live/hub.ts'
import { Sessions } from '../../../live/sessions.ts'
import type { Stream } from '../../../live/stream.ts'
import type { AsfInit, AsfPacket } from '../../../media/containers/asf/model.ts'
import { openHttpFront } from '../../../net/http/listener.ts'
import { quietLogger, RawClient } from '../../../net/testdata/raw-client.ts'
import { createAuthorize } from '../../../services/auth/authorize.ts'
import type { ServerContext } from '../../protocol.ts'
import { asfUnits, NativeAsfUnits } from '../asf-units.ts'
import { testInit, testPackets } from '../client-vectors.ts'
import { endPacket, pushPacketHeader } from '../framing.ts'
import { pushWindowsMedia } from './client.ts'
import { createPushServer } from './server.ts'

const init = testInit()
const packets = testPackets(init, 30)

async function serve(t: TestContext, settings: Partial<PathSettings> = {}, options: { maxSessions?: number } = {}) {
  const log = quietLogger()
  const hub = new Hub({ pathSettings: () => ({ graceMs: 0, onBusy: 'refuse', windowMs: 0, ...settings }) })
  const sessions = new Sessions()
  const front = await openHttpFront({ host: '127.0.0.1', port: 0, log })
  const authorize = createAuthorize({
    keys: () => ({ publishKey: 'good', playKey: 'play', adminToken: 'admin' }),
    pathAccess: () => ({ play: 'open' }),
    limiter: { sleep: () => Promise.resolve() },
  })
  const context: ServerContext = {
    hub,
    sessions,
    authorize,
    http: front.routes,
    ...unusedServices,
    log,
    host: '127.0.0.1',
    tls: undefined,
  }
  const server = createPushServer(context, { maxSessions: 100, pushIdleMs: 60_000, ...options })
  front.routes.claim(server.claim)
  t.after(async () => {
    hub.close()
    await server.close()
    await front.close()
  })
  return { hub, sessions, server, log, port: front.port }
}

/** A stream that provides packets of its own. */
function source(t: TestContext) {
  const hub = new Hub({ maxLogBytes: 1024 * 1024 })
  t.after(() => hub.close())
  const publisher = hub.publish('live/source')
  const units = new NativeAsfUnits(publisher.provide(asfUnits))
  return {
    stream: publisher.stream,
    send: (list: readonly AsfPacket[]) => {
      for (const packet of list) units.write(packet.bytes, packet.init)
    },
    end: () => publisher.close({ final: true }),
  }
}

function client(url: string, stream: Stream, signal = new AbortController().signal): Promise<void> {
  return pushWindowsMedia(stream, new URL(url), { signal, log: quietLogger() })
}

async function until<Value>(look: () => Value | undefined): Promise<Value> {
  for (let tries = 0; tries < 500; tries++) {
    const value = look()
    if (value !== undefined && value !== false) return value
    await sleep(5)
  }
  throw new Error('waited in vain')
}

const code = (expected: string) => (error: unknown) => error instanceof HeadendError && error.code === expected

const SETUP = 'application/x-wms-pushsetup'
const START = 'application/x-wms-pushstart'

/** Heads as Windows Media Encoder writes them. */
function head(type: string, length: number | string, more = '', path = '/live/a?key=good'): string {
  return (
    `POST ${path} HTTP/1.1\r\nContent-Type: ${type}\r\nX-Accept-Authentication: Negotiate, NTLM, Digest\r\n` +
    `User-Agent: WMEncoder/10.0.0.3809\r\nHost: media.test\r\n${more}Content-Length: ${length}\r\nConnection: Keep-Alive\r\n\r\n`
  )
}

async function setUp(port: number, path?: string, more = 'Cookie: push-id=0\r\n') {
  const raw = await RawClient.open(port)
  raw.write(head(SETUP, 0, more, path))
  await raw.until(({ text }) => text.includes('\r\n\r\n'))
  const id = /^Set-Cookie: push-id=([A-Za-z0-9]+)\r$/m.exec(raw.text)?.[1] ?? ''
  raw.received = Buffer.alloc(0)
  return { raw, id, cookie: `Cookie: push-id=${id}\r\n` }
}

const headerPacket = ({ bytes }: AsfInit) => Buffer.concat([pushPacketHeader('H', bytes.byteLength), bytes])
const dataPackets = (list: readonly AsfPacket[]) =>
  Buffer.concat(list.flatMap(({ bytes }) => [pushPacketHeader('D', bytes.byteLength), bytes]))

describe('client and server', () => {
  test('bit-exact: the packets that come out are those that went in, and everybody gets tracks', async (t) => {
    const { hub, sessions, port } = await serve(t)
    const from = source(t)
    from.send(packets.slice(0, 1))
    const pushed = client(`wmhttp://127.0.0.1:${port}/live/a?key=good`, from.stream)
    const stream = await until(() => hub.find('live/a'))
    const units = stream.units(asfUnits)
    assert.equal(units.native, true)
    const [cursor, reader] = [units.open(), stream.subscribe()]
    from.send(packets.slice(1))
    // Another header in the middle, as of a source that was changed.
    const other = testInit('two')
    const others = testPackets(other, 5)
    from.send(others)
    await until(() => stream.statistics.packets >= 34)
    assert.deepEqual(
      [...sessions.list()].map(({ start, bytesIn }) => [start.protocol, start.role, start.path, bytesIn > 10_000]),
      [['wm-push', 'publish', 'live/a', true]],
    )
    from.end()
    await pushed

    const got: Buffer[] = []
    for (let unit = cursor.take(); unit !== undefined; unit = cursor.take()) got.push(Buffer.from(unit.bytes))
    assert.deepEqual(
      got,
      [...packets, ...others].map(({ bytes }) => Buffer.from(bytes)),
    )
    const entry = reader.take()
    assert.equal(entry?.tracks[0]?.codec, 'wmv2')
    assert.deepEqual(Buffer.from(entry.packet.data), Buffer.alloc(300, 0))
    await until(() => hub.find('live/a') === undefined)
    assert.equal(sessions.size, 0)
  })

  test('user and password of the URL answer the challenge; a wrong one is refused', async (t) => {
    const { hub, port } = await serve(t)
    const from = source(t)
    from.send(packets)
    const stop = new AbortController()
    const pushed = client(`wmhttp://me:good@127.0.0.1:${port}/live/a`, from.stream, stop.signal)
    await until(() => hub.find('live/a'))
    stop.abort()
    await pushed
    for (const url of ['wmhttp://me:bad@', 'wmhttp://', 'wmhttp://me@']) {
      await assert.rejects(client(`${url}127.0.0.1:${port}/live/a`, from.stream), code('ERR_WMHTTP_DENIED'))
    }
    await assert.rejects(client(`wmhttp://127.0.0.1:${port}/live/a?key=bad`, from.stream), code('ERR_WMHTTP_DENIED'))
  })

  test('a busy path, and a name that is none', async (t) => {
    const { hub, port } = await serve(t)
    const from = source(t)
    from.send(packets)
    hub.publish('live/a')
    await assert.rejects(client(`wmhttp://127.0.0.1:${port}/live/a?key=good`, from.stream), code('ERR_WMHTTP_REFUSED'))
    await assert.rejects(client(`wmhttp://127.0.0.1:${port}/a?key=good`, from.stream), code('ERR_WMHTTP_REJECTED'))
  })

  test('PSH-19, ENC-18: an operator ends the session; the encoder hears of it at once', async (t) => {
    const { hub, sessions, port } = await serve(t)
    const from = source(t)
    from.send(packets)
    const pushed = client(`wmhttp://127.0.0.1:${port}/live/a?key=good`, from.stream)
    await until(() => hub.find('live/a'))
    for (const session of [...sessions.list()]) session.start.close(new UnavailableError('ERR_TEST_KICKED', 'kicked'))
    await assert.rejects(pushed, code('ERR_WMHTTP_REFUSED'))
    assert.equal(sessions.size, 0)
  })

  test('closing the server answers and ends all', async (t) => {
    const { hub, server, port } = await serve(t)
    const from = source(t)
    from.send(packets)
    const pushed = client(`wmhttp://127.0.0.1:${port}/live/a?key=good`, from.stream)
    await until(() => hub.find('live/a'))
    await Promise.all([server.close(), assert.rejects(pushed, code('ERR_WMHTTP_REFUSED'))])
  })

  test('ENC-08: redirects are followed, with credentials only to where they belong', async (t) => {
    const { hub, port } = await serve(t)
    const heard: string[] = []
    const other = createServer((socket: Socket) => {
      socket.on('error', () => {})
      socket.once('data', (bytes: Buffer) => {
        heard.push(bytes.toString('latin1'))
        socket.end(
          `HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:${port}/live/b?key=good\r\nContent-Length: 0\r\n\r\n`,
        )
      })
    })
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    t.after(() => other.close())
    const from = source(t)
    from.send(packets)
    const stop = new AbortController()
    const address = `127.0.0.1:${(other.address() as AddressInfo).port}`
    const pushed = client(`wmhttp://u:p@${address}/x?key=1`, from.stream, stop.signal)
    await until(() => hub.find('live/b'))
    stop.abort()
    await pushed
    assert.match(heard[0]!, /^POST \/x\?key=1 HTTP/)
    assert.doesNotMatch(heard[0]!, /Authorization:/)
  })

  test('nobody there, and a server that says nothing', async (t) => {
    const from = source(t)
    const silent = createServer((socket) => socket.destroy())
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as AddressInfo
    await assert.rejects(client(`wmhttp://127.0.0.1:${port}/live/a`, from.stream), code('ERR_WMHTTP_REMOTE_CLOSED'))
    silent.close()
    await assert.rejects(client(`wmhttp://127.0.0.1:${port}/live/a`, from.stream), code('ERR_WMHTTP_CONNECT'))
  })

  test('a server that does not read makes nothing grow', async (t) => {
    const stuck: Socket[] = []
    const server = createServer((socket) => {
      stuck.push(socket)
      socket.once('data', () => {
        socket.write('HTTP/1.1 204 No Content\r\nServer: Cougar/9.6\r\n\r\n')
        socket.pause()
      })
      socket.on('error', () => {})
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => {
      for (const socket of stuck) socket.destroy()
      server.close()
    })
    const from = source(t)
    const before = await heldBuffers()
    const stop = new AbortController()
    const pushed = client(
      `wmhttp://127.0.0.1:${(server.address() as AddressInfo).port}/live/a`,
      from.stream,
      stop.signal,
    )
    // 60 MB through a log of one: what is kept beyond that was queued by the client.
    for (let round = 0; round < 100; round++) {
      for (let i = 0; i < 50; i++) from.send(packets.map((packet) => ({ ...packet, bytes: packet.bytes.slice() })))
      await sleep(1)
    }
    const grown = (await heldBuffers()) - before
    assert.ok(grown < 8 * 1024 * 1024, `${grown} bytes`)
    for (const socket of stuck) socket.destroy()
    await assert.rejects(pushed, code('ERR_WMHTTP_REMOTE_CLOSED'))
  })
})

describe('encoders', () => {
  test('PSH-03, PSH-04: the answer to a setup', async (t) => {
    const { port } = await serve(t)
    const raw = await RawClient.open(port)
    raw.write(head(SETUP, 16))
    raw.write('AutoDestroy: 1\r\n')
    await raw.until(({ text }) => text.includes('\r\n\r\n'))
    assert.match(
      raw.text,
      /^HTTP\/1\.1 204 No Content\r\nServer: Cougar\/9\.6\.\d+\.\d+\r\nCache-Control: no-cache\r\nPragma: no-cache,timeout=60000\r\nSet-Cookie: push-id=[0-9a-f]{36}\r\nContent-Length: 0\r\n\r\n$/,
    )
    const other = await setUp(port)
    assert.ok(!raw.text.includes(other.id))
    raw.close()
    other.raw.close()
  })

  test('PSH-20: without a key there is a challenge, and nothing else', async (t) => {
    const { hub, port } = await serve(t)
    for (const path of ['/live/a', '/live/a?key=wrong']) {
      const raw = await RawClient.open(port)
      raw.write(head(SETUP, 0, '', path))
      await raw.until(({ text }) => text.includes('\r\n\r\n'))
      assert.match(raw.text, /^HTTP\/1\.1 401 Unauthorized\r\n/)
      assert.match(raw.text, /\r\nWWW-Authenticate: Digest realm="headend", qop="auth", algorithm=MD5, nonce="/)
      assert.doesNotMatch(raw.text, /push-id|Basic/)
      raw.close()
    }
    assert.equal(hub.find('live/a'), undefined)
  })

  test('PSH-05, PSH-06, PSH-10, PSH-12: a start is judged with its head; ids that are unknown or in use are refused', async (t) => {
    const { hub, port } = await serve(t)
    for (const cookie of ['', 'Cookie: push-id=0\r\n', 'Cookie: push-id=unknown\r\n']) {
      const raw = await RawClient.open(port)
      raw.write(head(START, 2_147_483_647, cookie))
      assert.match(await raw.closed(), /^HTTP\/1\.1 404 /)
    }
    const { raw, cookie } = await setUp(port)
    raw.write(head(START, 2_147_483_647, cookie))
    raw.write(headerPacket(init))
    await until(() => hub.find('live/a'))
    for (const type of [START, SETUP]) {
      const second = await RawClient.open(port)
      second.write(head(type, type === START ? 100 : 0, cookie))
      assert.match(await second.closed(), /^HTTP\/1\.1 409 /)
    }
    const third = await RawClient.open(port)
    third.write(head(SETUP, 0, 'Cookie: push-id=unknown\r\n'))
    assert.match(await third.closed(), /^HTTP\/1\.1 404 /)
    // The push itself goes on.
    raw.write(dataPackets(packets))
    await until(() => (hub.find('live/a')?.statistics.packets ?? 0) >= 29)
    raw.close()
  })

  test('the push-id is for one path', async (t) => {
    const { port } = await serve(t)
    const { raw, cookie } = await setUp(port)
    raw.write(head(START, 100, cookie, '/live/b'))
    assert.match(await raw.closed(), /^HTTP\/1\.1 404 /)
  })

  test('PSH-16: a cut connection is resumed with the same push-id, and viewers notice nothing', async (t) => {
    const { hub, sessions, port } = await serve(t)
    const { raw, cookie } = await setUp(port)
    raw.write(head(START, 2_147_483_647, cookie))
    raw.write(headerPacket(init))
    raw.write(dataPackets(packets.slice(0, 10)))
    const stream = await until(() => hub.find('live/a'))
    const cursor = stream.units(asfUnits).open()
    await until(() => stream.statistics.packets >= 9)
    const [session] = sessions.list()
    // In the middle of a packet.
    raw.write(dataPackets(packets.slice(10, 11)).subarray(0, 100))
    await sleep(20)
    raw.close()

    const again = await RawClient.open(port)
    // The server may not have seen the end of the other connection yet.
    await sleep(20)
    again.write(head(START, 2_147_483_647, cookie))
    again.write(dataPackets(packets.slice(10)))
    await until(() => stream.statistics.packets >= 29)
    assert.equal([...sessions.list()][0], session)
    assert.equal(hub.find('live/a'), stream)
    again.write(endPacket(0))
    assert.equal(await again.closed(), '')
    const got: Buffer[] = []
    for (let unit = cursor.take(); unit !== undefined; unit = cursor.take()) got.push(Buffer.from(unit.bytes))
    assert.deepEqual(
      got.slice(-20),
      packets.slice(10).map(({ bytes }) => Buffer.from(bytes)),
    )
    assert.equal(hub.find('live/a'), undefined)
  })

  test('grace: an encoder that begins anew takes the path of the one that vanished', async (t) => {
    const { hub, sessions, port } = await serve(t, { graceMs: 5000 })
    const push = async () => {
      const { raw, cookie } = await setUp(port)
      raw.write(head(START, 2_147_483_647, cookie))
      raw.write(headerPacket(init))
      raw.write(dataPackets(packets))
      return raw
    }
    const first = await push()
    const stream = await until(() => hub.find('live/a'))
    await until(() => stream.statistics.packets >= 29)
    first.close()
    await sleep(20)
    const second = await push()
    await until(() => stream.statistics.packets >= 58)
    assert.equal(hub.find('live/a'), stream)
    assert.equal(sessions.size, 1)
    // An error ends the push but not the stream, which waits.
    second.write(endPacket(0x8000_4005))
    await second.closed()
    assert.equal(stream.state, 'waiting')
    const third = await push()
    await until(() => (stream.state === 'live' ? true : undefined))
    third.close()
  })

  test('PSH-09: AutoDestroy takes the stream away at once', async (t) => {
    const { hub, port } = await serve(t, { graceMs: 5000 })
    const raw = await RawClient.open(port)
    raw.write(head(SETUP, 16))
    raw.write('AutoDestroy: 1\r\n')
    await raw.until(({ text }) => text.includes('\r\n\r\n'))
    const id = /push-id=([0-9a-f]+)/.exec(raw.text)?.[1]
    raw.write(head(START, 2_147_483_647, `Cookie: push-id=${id}\r\n`))
    raw.write(headerPacket(init))
    const stream = await until(() => hub.find('live/a'))
    raw.write(endPacket(0x8000_4005))
    await raw.closed()
    assert.equal(stream.state, 'closed')
  })

  test('PSH-07, PSH-08: a template must be a name, unless the stream is there', async (t) => {
    const { hub, port } = await serve(t)
    const status = async (body: string) => {
      const raw = await RawClient.open(port)
      raw.write(head(SETUP, body.length))
      raw.write(body)
      await raw.until(({ text }) => text.includes('\r\n\r\n'))
      raw.close()
      return raw.text.slice(9, 12)
    }
    assert.equal(await status('Template-URL: "/live/other"\r\nAutoDestroy: 1\r\n'), '204')
    assert.equal(await status('Template-URL: "/nothing"\r\n'), '400')
    hub.publish('live/a')
    assert.equal(await status('Template-URL: "/nothing"\r\n'), '204')
  })

  test('PSH-01, PSH-02, H-07: what is no push of an encoder is refused in one answer', async (t) => {
    const { port } = await serve(t)
    const answerTo = async (request: string) => {
      const raw = await RawClient.open(port)
      raw.write(request)
      return (await raw.closed()).slice(9, 12)
    }
    assert.equal(await answerTo(head(SETUP, 0).replace('WMEncoder/10.0.0.3809', 'Lavf/59.27.100')), '400')
    assert.equal(await answerTo(head('text/plain', 0)), '400')
    assert.equal(await answerTo(head(SETUP, 5000)), '400')
    assert.equal(await answerTo(head(SETUP, '1\r\nContent-Length: 2')), '400')
    // ffmpeg -f asf_stream -method POST -content_type application/x-wms-pushstart
    const ffmpeg =
      'POST /live/a?key=good HTTP/1.1\r\nTransfer-Encoding: chunked\r\nUser-Agent: Lavf/59.27.100\r\nAccept: */*\r\n' +
      `Connection: close\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/x-wms-pushstart\r\nIcy-MetaData: 1\r\n\r\n` +
      '10\r\n$H\x0c\0\0\0\0\0\0\x0c\x0c\0abcd\r\n'
    assert.equal(await answerTo(ffmpeg), '400')
  })

  test('M-06: media that is none ends the session with an answer', async (t) => {
    const { hub, sessions, port } = await serve(t)
    const bodies: readonly (readonly [name: string, body: Uint8Array])[] = [
      ['packets before the header', dataPackets(packets)],
      ['a framing of another protocol', Buffer.from('$M\0\0')],
      ['an empty header', Buffer.from('$H\0\0')],
      ['an empty packet', Buffer.concat([headerPacket(init), pushPacketHeader('D', 0)])],
      [
        'a packet above the size of the header',
        Buffer.concat([headerPacket(init), pushPacketHeader('D', 513), new Uint8Array(513)]),
      ],
      ['the header again', Buffer.concat([headerPacket(init), headerPacket(testInit('two'))])],
      ['an object of 2^63 bytes', hugeObject()],
    ]
    for (const [name, body] of bodies) {
      const { raw, cookie } = await setUp(port)
      raw.write(head(START, 2_147_483_647, cookie))
      raw.write(body)
      assert.match(await raw.closed(), /^HTTP\/1\.1 400 .*Connection: close/s, name)
      assert.deepEqual([sessions.size, hub.find('live/a')], [0, undefined], name)
    }
  })

  test('Expect: 100-continue is answered when the push is accepted', async (t) => {
    const { port } = await serve(t)
    const { raw, cookie } = await setUp(port)
    raw.write(head(START, 2_147_483_647, `${cookie}Expect: 100-continue\r\n`))
    await raw.until(({ text }) => text === 'HTTP/1.1 100 Continue\r\n\r\n')
    raw.close()
  })

  test('HTTP/1.0 is answered in HTTP/1.0, and the connection stays', async (t) => {
    const { port } = await serve(t)
    const raw = await RawClient.open(port)
    raw.write(head(SETUP, 0).replace('HTTP/1.1', 'HTTP/1.0'))
    await raw.until(({ text }) => text.includes('\r\n\r\n'))
    assert.match(raw.text, /^HTTP\/1\.0 204 No Content\r\n.*Connection: Keep-Alive/s)
    raw.close()
  })

  test('M-02: connections cut anywhere, again and again, leave one session at most', async (t) => {
    const { hub, sessions, port } = await serve(t, {}, { maxSessions: 1000 })
    const media = Buffer.concat([headerPacket(init), dataPackets(packets.slice(0, 3))])
    for (let cut = 0; cut < 120; cut++) {
      const { raw, cookie } = await setUp(port)
      const bytes = Buffer.concat([Buffer.from(head(START, 2_147_483_647, cookie)), media])
      raw.socket.end(bytes.subarray(0, Math.round((bytes.length * cut) / 120)))
      await raw.closed()
      raw.close()
      assert.ok(sessions.size <= 1, `${sessions.size} sessions after cut ${cut}`)
    }
    assert.equal([...hub.streams()].length, 1)
    const { raw, cookie } = await setUp(port)
    raw.write(Buffer.concat([Buffer.from(head(START, 2_147_483_647, cookie)), media, endPacket(0)]))
    assert.equal(await raw.closed(), '')
    assert.deepEqual([sessions.size, [...hub.streams()].length], [0, 0])
  })

  test('there are limits to sessions', async (t) => {
    const { port } = await serve(t, {}, { maxSessions: 1 })
    const { raw } = await setUp(port)
    const second = await RawClient.open(port)
    second.write(head(SETUP, 0))
    assert.match(await second.closed(), /^HTTP\/1\.1 503 /)
    raw.close()
  })

  test('a publisher that takes the path over ends the push', async (t) => {
    const { hub, port } = await serve(t, { onBusy: 'takeover' })
    const { raw, cookie } = await setUp(port)
    raw.write(head(START, 2_147_483_647, cookie))
    raw.write(headerPacket(init))
    await until(() => hub.find('live/a'))
    hub.publish('live/a')
    assert.match(await raw.closed(), /^HTTP\/1\.1 4\d\d /)
  })
})

/** A header whose first object claims to be longer than anything. */
function hugeObject(): Uint8Array {
  const bytes = Buffer.from(init.bytes)
  bytes.writeBigUInt64LE(2n ** 63n, 30 + 16)
  return headerPacket({ ...init, bytes })
}
