import assert from 'node:assert/strict'
import { connect as connectHttp2 } from 'node:http2'
import { afterEach, describe, it } from 'node:test'
import { WebSocket } from 'ws'
import { unusedServices } from '../../../test/support/unused-services.ts'
import { PeerError } from '../../errors.ts'
import type { Authorize } from '../../live/access.ts'
import { Hub } from '../../live/hub.ts'
import { Sessions } from '../../live/sessions.ts'
import { ByteWriter } from '../../media/bytes/byte-writer.ts'
import { FlvTagMuxer, flvFileHeader } from '../../media/containers/flv/muxer.ts'
import type { Packet } from '../../media/packet.ts'
import type { Track } from '../../media/track.ts'
import { type HttpFront, openHttpFront } from '../../net/http/listener.ts'
import { makeTestCertificate } from '../../net/testdata/certificate.ts'
import { quietLogger, RawClient } from '../../net/testdata/raw-client.ts'
import type { TlsMaterial } from '../../net/tls.ts'
import type { Listening } from '../protocol.ts'
import { flvFeed, flvMessageFeed } from './feeds.ts'
import { progressive } from './index.ts'

const audio: Track = {
  id: 101,
  kind: 'audio',
  codec: 'aac',
  config: Uint8Array.of(0x12, 0x10),
  audio: { sampleRate: 44_100, channels: 2 },
  timescale: 44_100,
}

const opened: { close(): Promise<void> | void }[] = []
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close()
})

interface Setup {
  readonly front: HttpFront
  readonly hub: Hub
  readonly sessions: Sessions
  readonly served: Listening
}

async function open(options: { authorize?: Authorize; waitMs?: number; tls?: TlsMaterial } = {}): Promise<Setup> {
  const log = quietLogger()
  const { tls, waitMs = 0, authorize = async () => {} } = options
  const front = await openHttpFront({
    host: '127.0.0.1',
    port: 0,
    tls,
    tlsPort: 0,
    log,
    limits: { drainMs: 100, sweepMs: 10 },
  })
  const hub = new Hub({ pathSettings: () => ({ graceMs: 0, onBusy: 'refuse', windowMs: 0 }) })
  const sessions = new Sessions()
  const context = { hub, sessions, authorize, http: front.routes, ...unusedServices, log, host: '127.0.0.1', tls }
  const served = await progressive.serve!(context, progressive.options.parse({ waitMs }))
  opened.push(front, { close: () => hub.close() }, served)
  return { front, hub, sessions, served }
}

function packet(index: number, size = 10): Packet {
  const time = index * 20_000
  return { track: audio, data: new Uint8Array(size).fill(index), pts: time, dts: time, key: true }
}

/** What a viewer that is there from the first packet gets. */
function expected(packets: readonly Packet[]): { header: Buffer; init: Buffer; tags: Buffer[] } {
  const muxer = new FlvTagMuxer()
  const init = Buffer.from(muxer.init([audio]))
  const tags = packets.map((one) => {
    const out = new ByteWriter()
    muxer.write(one, out)
    return Buffer.from(out.toBytes())
  })
  return { header: Buffer.from(flvFileHeader([audio])), init, tags }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

async function sessionOf({ sessions }: Setup) {
  while (sessions.size === 0) await turn()
  const [session] = [...sessions.list()]
  return session!
}

const get = (target: string, more = '') => `GET ${target} HTTP/1.1\r\nHost: x\r\n${more}\r\n`

describe('HTTP-FLV', () => {
  it('sends head, FLV header and the shared tags without chunked coding', async () => {
    const setup = await open()
    const publisher = setup.hub.publish('live/a')
    publisher.announce([audio])
    const client = await RawClient.open(setup.front.port)

    client.write(get('/live/a.flv', 'User-Agent: test\r\n'))
    const session = await sessionOf(setup)
    const packets = [0, 1, 2].map((index) => packet(index))
    for (const one of packets) publisher.write(one)
    const { header, init, tags } = expected(packets)
    const body = Buffer.concat([header, init, ...tags])
    await client.until(({ received }) => received.includes(body))

    assert.match(client.text, /^HTTP\/1.1 200 OK\r\n/)
    assert.match(client.text, /content-type: video\/x-flv\r\n/i)
    assert.match(client.text, /connection: close\r\n/i)
    assert.doesNotMatch(client.text, /transfer-encoding/i)
    assert.equal(client.text.split('\r\n\r\n')[1]?.slice(0, 5), 'FLV\x01\x04')
    assert.equal(session.bytesOut, body.length)
    assert.equal(session.start.protocol, 'http-flv')
    assert.equal(session.start.userAgent, 'test')
    assert.equal(setup.hub.find('live/a')?.readers, 1)
    client.close()
    while (setup.sessions.size > 0) await turn()
    assert.equal(setup.hub.find('live/a')?.readers, 0)
  })

  it('ends the answer with the stream, and tells where the stream ended', async () => {
    const setup = await open()
    const publisher = setup.hub.publish('live/a')
    publisher.announce([audio])
    const client = await RawClient.open(setup.front.port)
    client.write(get('/live/a.flv'))
    await sessionOf(setup)

    publisher.write(packet(1))
    publisher.close()

    assert.ok(
      (await client.closed()).endsWith(
        expected([packet(0)])
          .tags[0]!.subarray(-4)
          .toString('latin1'),
      ),
    )
    while (setup.sessions.size > 0) await turn()
  })

  it('waits for the publisher to say which tracks come', async () => {
    const setup = await open()
    const publisher = setup.hub.publish('live/a')
    const client = await RawClient.open(setup.front.port)
    client.write(get('/live/a.flv'))
    await sessionOf(setup)
    await client.until(({ text }) => text.includes('\r\n\r\n'))

    publisher.announce([audio])
    publisher.write(packet(1))
    await client.until(({ text }) => text.includes('FLV\x01\x04'))
    client.close()
  })

  it('waits for a stream that is not published yet, as long as asked', async () => {
    const setup = await open({ waitMs: 0 })
    const client = await RawClient.open(setup.front.port)
    client.write(get('/live/late.flv?wait=30'))
    while (setup.hub.waiting === 0) await turn()
    const publisher = setup.hub.publish('live/late')
    publisher.announce([audio])
    await client.until(({ text }) => text.includes('FLV'))
    client.close()

    const other = await RawClient.open(setup.front.port)
    other.write(get('/live/never.flv?wait=30'))
    while (setup.hub.waiting === 0) await turn()
    other.close()
    while (setup.hub.waiting > 0) await turn()
  })

  it('answers what it cannot play with a problem', async () => {
    const authorize: Authorize = async ({ credentials }) => {
      if (credentials.key !== 'good' && credentials.bearer !== 'good' && credentials.basic?.password !== 'good') {
        throw new PeerError('ERR_ACCESS_DENIED', 'a key is needed')
      }
    }
    const { front } = await open({ authorize })
    const basic = Buffer.from('user:good').toString('base64')
    const cases: [string, string, RegExp][] = [
      ['/live/a.flv', '', /^HTTP\/1.1 401 [^]*WWW-Authenticate: Bearer[^]*ERR_ACCESS_DENIED/],
      ['/live/a.flv?key=good', '', /^HTTP\/1.1 404 [^]*ERR_STREAM_NOT_FOUND/],
      ['/live/a.flv', 'Authorization: Bearer good\r\n', /^HTTP\/1.1 404 /],
      ['/live/a.flv', `Authorization: Basic ${basic}\r\n`, /^HTTP\/1.1 404 /],
      ['/live/a%20b.flv?key=good', '', /^HTTP\/1.1 400 [^]*ERR_PATH_INVALID/],
      ['/live/a.flv?key=good&wait=x', '', /^HTTP\/1.1 400 [^]*ERR_HTTP_QUERY_INVALID/],
      ['/vod/a.flv?key=good', '', /^HTTP\/1.1 404 [^]*ERR_LIBRARY_NOT_FOUND/],
    ]
    for (const [target, headers, answer] of cases) {
      const client = await RawClient.open(front.port)
      client.write(get(target, `${headers}Connection: close\r\n`))
      assert.match(await client.closed(), answer, target)
    }
    const post = await RawClient.open(front.port)
    post.write('POST /live/a.flv HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
    assert.match(await post.closed(), /^HTTP\/1.1 405 [^]*Allow: GET/i)
  })

  it('answers a stream without a track that FLV can carry with a problem', async () => {
    const { front, hub } = await open()
    const wma: Track = { ...audio, codec: 'wma2' }
    hub.publish('live/old').announce([wma])
    const client = await RawClient.open(front.port)
    client.write(get('/live/old.flv', 'Connection: close\r\n'))

    assert.match(await client.closed(), /^HTTP\/1.1 406 [^]*"ERR_STREAM_NO_TRACK","detail":"[^"]*wma2"/)
  })

  it('leaves out what FLV cannot carry, in both framings', () => {
    const wma: Track = { ...audio, id: 102, codec: 'wma2' }
    for (const format of [flvFeed, flvMessageFeed]) {
      const muxer = format.createMuxer()
      const out = new ByteWriter()
      muxer.init([audio, wma], {})
      muxer.write({ ...packet(0), track: wma }, out)
      assert.equal(out.length, 0)
      muxer.write(packet(0), out)
      assert.ok(out.length > 10)
    }
  })

  it('N-03: keeps nothing but one socket buffer for a viewer that does not read, and the others lose nothing', async () => {
    const setup = await open()
    const publisher = setup.hub.publish('live/a')
    publisher.announce([audio])
    const stuck = await RawClient.open(setup.front.port)
    stuck.write(get('/live/a.flv'))
    const session = await sessionOf(setup)
    stuck.socket.pause()
    const reader = await RawClient.open(setup.front.port)
    const read = { bytes: 0 }
    reader.socket.removeAllListeners('data')
    reader.socket.on('data', (chunk: Buffer) => {
      read.bytes += chunk.length
    })
    reader.write(get('/live/a.flv'))
    while (setup.sessions.size < 2) await turn()

    const total = 400
    const size = 50_000
    const sent = { bytes: 0 }
    for (let index = 0; index < total; index++) {
      publisher.write(packet(index, size))
      while (read.bytes < sent.bytes) await turn()
      sent.bytes += size
    }

    assert.ok(session.bytesOut < 12_000_000, `handed over ${session.bytesOut} bytes`)
    const [, other] = [...setup.sessions.list()]
    assert.ok(other!.bytesOut > total * size)
    assert.equal(other!.skipped, 0)
    stuck.close()
    reader.close()
  })

  it('ends its viewers when it closes', async () => {
    const setup = await open()
    setup.hub.publish('live/a').announce([audio])
    const client = await RawClient.open(setup.front.port)
    client.write(get('/live/a.flv'))
    await sessionOf(setup)

    await setup.served.close()

    assert.match(await client.closed(), /FLV/)
    assert.equal(setup.sessions.size, 0)
  })

  it('ends one viewer whose session is closed', async () => {
    const setup = await open()
    setup.hub.publish('live/a').announce([audio])
    const client = await RawClient.open(setup.front.port)
    client.write(get('/live/a.flv'))
    const session = await sessionOf(setup)

    session.start.close(new PeerError('ERR_ACCESS_DENIED', 'kicked'))

    await client.closed()
    while (setup.sessions.size > 0) await turn()
  })

  it('plays over HTTP/2', async () => {
    const tls = makeTestCertificate()
    const setup = await open({ tls })
    const publisher = setup.hub.publish('live/a')
    publisher.announce([audio])
    const client = connectHttp2(`https://localhost:${setup.front.tlsPort}`, { ca: tls.certificate })
    const stream = client.request({ ':path': '/live/a.flv' })
    let received = Buffer.alloc(0)
    stream.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
    })
    await sessionOf(setup)

    publisher.write(packet(0))
    publisher.write(packet(1))
    publisher.close()
    await new Promise((resolve) => stream.once('end', resolve))

    const { header, init, tags } = expected([packet(0), packet(1)])
    assert.deepEqual(received, Buffer.concat([header, init, ...tags]))
    client.close()
    while (setup.sessions.size > 0) await turn()
  })
})

describe('WebSocket-FLV', () => {
  async function watch(setup: Setup, target: string) {
    const socket = new WebSocket(`ws://127.0.0.1:${setup.front.port}${target}`)
    const messages: Buffer[] = []
    let wake: (() => void) | undefined
    socket.on('message', (data: Buffer, binary) => {
      assert.ok(binary)
      messages.push(data)
      wake?.()
    })
    const until = async (count: number) => {
      while (messages.length < count) await new Promise<void>((resolve) => (wake = resolve))
    }
    return { socket, messages, until }
  }

  it('sends header and tags as binary messages of every length class', async () => {
    const setup = await open()
    const publisher = setup.hub.publish('live/a')
    publisher.announce([audio])
    const { socket, messages, until } = await watch(setup, '/live/a.flv')
    const session = await sessionOf(setup)

    const packets = [packet(0, 10), packet(1, 1_000), packet(2, 70_000)]
    for (const one of packets) publisher.write(one)
    await until(5)

    const { header, init, tags } = expected(packets)
    assert.deepEqual(messages, [header, init, ...tags])
    assert.equal(session.start.protocol, 'ws-flv')
    socket.close()
    while (setup.sessions.size > 0) await turn()
  })

  it('answers pings, ignores text, and closes with the stream', async () => {
    const setup = await open()
    const publisher = setup.hub.publish('live/a')
    publisher.announce([audio])
    const { socket, until } = await watch(setup, '/live/a.flv')
    await until(1)

    const pong = new Promise((resolve) => socket.once('pong', resolve))
    socket.send('hello')
    socket.ping('abc')
    assert.equal(String(await pong), 'abc')

    const closed = new Promise((resolve) => socket.once('close', resolve))
    publisher.close()
    assert.equal(await closed, 1000)
    while (setup.sessions.size > 0) await turn()
  })

  it('refuses oversized messages, unknown streams and broken handshakes', async () => {
    const setup = await open()
    setup.hub.publish('live/a').announce([audio])
    const { socket, until } = await watch(setup, '/live/a.flv')
    await until(1)
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.send(Buffer.alloc(100_000))
    assert.equal(await closed, 1009)

    const missing = new WebSocket(`ws://127.0.0.1:${setup.front.port}/live/b.flv`)
    const error = await new Promise<Error>((resolve) => missing.once('error', resolve))
    assert.match(error.message, /404/)

    const client = await RawClient.open(setup.front.port)
    client.write(get('/live/a.flv', 'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n'))
    assert.match(await client.closed(), /^HTTP\/1.1 400 [^]*ERR_HTTP_UPGRADE_INVALID/)
  })

  it('plays over TLS', async () => {
    const tls = makeTestCertificate()
    const setup = await open({ tls })
    setup.hub.publish('live/a').announce([audio])
    const socket = new WebSocket(`wss://localhost:${setup.front.tlsPort}/live/a.flv`, { ca: tls.certificate })
    const first = await new Promise<Buffer>((resolve, reject) => {
      socket.once('message', (data: Buffer) => resolve(data))
      socket.once('error', reject)
    })
    assert.equal(first.toString('latin1', 0, 3), 'FLV')
    socket.close()
    while (setup.sessions.size > 0) await turn()
  })
})
