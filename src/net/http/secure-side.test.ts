import assert from 'node:assert/strict'
import { type ClientHttp2Session, connect as connectHttp2, constants } from 'node:http2'
import { get } from 'node:https'
import { afterEach, describe, it } from 'node:test'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { makeTestCertificate } from '../testdata/certificate.ts'
import { quietLogger, RawClient } from '../testdata/raw-client.ts'
import { hotAnswer } from './hot-answer.ts'
import { type HttpFront, openHttpFront } from './listener.ts'

const tls = makeTestCertificate()
const fronts: HttpFront[] = []
afterEach(async () => {
  await Promise.all(fronts.splice(0).map((front) => front.close()))
})

const text = hotAnswer({
  headers: { 'Content-Type': 'text/plain' },
  body: Buffer.from('text '.repeat(200)),
  gzip: true,
})

async function open() {
  const log = quietLogger()
  const limits = { drainMs: 100, sweepMs: 10 }
  const front = await openHttpFront({ host: '127.0.0.1', port: 0, tls, tlsPort: 0, log, limits })
  fronts.push(front)
  front.routes.hot((target) => (target === '/text' ? text : undefined))
  front.routes.route((request, response) => {
    if (request.path !== '/who') return false
    response.end(`${request.raw.httpVersion} ${request.secure} ${request.remoteAddress}`)
    return true
  })
  return { front, log, port: front.tlsPort ?? 0 }
}

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: Buffer
}

function ask(session: ClientHttp2Session, headers: Record<string, string>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request(headers)
    let head: Record<string, unknown> = {}
    const chunks: Buffer[] = []
    stream.on('response', (received) => {
      head = received
    })
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('error', reject)
    stream.on('close', () => resolve({ status: Number(head[':status']), headers: head, body: Buffer.concat(chunks) }))
    stream.end()
  })
}

const frame = (type: number, flags: number, stream: number, payload: Buffer): Buffer => {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}
const PREFACE = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(4, 0, 0, Buffer.alloc(0))])
/** :method GET, :scheme https, :path /, :authority x (HPACK static table). */
const HEADERS = Buffer.from([0x82, 0x87, 0x84, 0x41, 0x01, 0x78])

/** A bare HTTP/2 client: writes until the server closes, or all rounds; resolves with the bytes it could write. */
async function attack(port: number, next: (round: number) => Buffer, rounds: number): Promise<number> {
  const socket = await new Promise<TLSSocket>((resolve) => {
    const made = connectTls(
      { port, host: '127.0.0.1', ca: tls.certificate, servername: 'localhost', ALPNProtocols: ['h2'] },
      () => resolve(made),
    )
  })
  const state = { open: true, sent: 0 }
  socket.on('error', () => {})
  socket.on('close', () => {
    state.open = false
  })
  socket.resume()
  socket.write(PREFACE)
  for (let round = 0; round < rounds && state.open; round++) {
    const bytes = next(round)
    state.sent += bytes.length
    if (!socket.write(bytes)) await new Promise((resolve) => setImmediate(resolve))
    if (round % 50 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  socket.end()
  while (state.open) await new Promise((resolve) => setImmediate(resolve))
  return state.sent
}

describe('HTTPS and HTTP/2', () => {
  it('serves the same routes and hot objects over both versions', async () => {
    const { port } = await open()
    const session = connectHttp2(`https://localhost:${port}`, { ca: tls.certificate })

    const who = await ask(session, { ':path': '/who' })
    const packed = await ask(session, { ':path': '/text', 'accept-encoding': 'gzip' })
    const part = await ask(session, { ':path': '/text', range: 'bytes=0-3' })
    const head = await ask(session, { ':path': '/text', ':method': 'HEAD' })
    const missing = await ask(session, { ':path': '/none' })
    const odd = await ask(session, { ':path': '/%2e%2e/x' })
    session.close()

    assert.equal(who.body.toString(), '2.0 true 127.0.0.1')
    assert.equal(packed.headers['content-encoding'], 'gzip')
    assert.equal(part.status, 206)
    assert.equal(part.body.toString(), 'text')
    assert.equal(head.headers['content-length'], '1000')
    assert.equal(head.body.length, 0)
    assert.equal(missing.status, 404)
    assert.match(missing.body.toString(), /ERR_HTTP_NOT_FOUND/)
    assert.equal(odd.status, 400)

    for (const [path, expected] of [
      ['/who', '1.1 true 127.0.0.1'],
      ['/text', 'text '.repeat(200)],
    ]) {
      const body = await new Promise<string>((resolve, reject) => {
        get({ port, host: 'localhost', path, ca: tls.certificate, agent: false }, (response) => {
          let received = ''
          response.on('data', (chunk: Buffer) => {
            received += chunk.toString()
          })
          response.on('end', () => resolve(received))
        }).on('error', reject)
      })
      assert.equal(body, expected)
    }
  })

  it('takes new certificates without a restart', async () => {
    const { front, port } = await open()
    const next = makeTestCertificate('renewed')
    const subject = () =>
      new Promise<string>((resolve) => {
        const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
          resolve(String(socket.getPeerCertificate().subject.CN))
          socket.destroy()
        })
      })

    assert.equal(await subject(), 'localhost')
    front.setTls(next)
    assert.equal(await subject(), 'renewed')
  })

  it('N-09: what is not TLS is refused and counted', async () => {
    const { port, log } = await open()
    const client = await RawClient.open(port)
    client.write('GET / HTTP/1.1\r\n\r\n')
    await client.closed()
    assert.deepEqual(log.lines, ['ERR_HTTP_TLS'])
  })
})

describe('H-08: HTTP/2 floods end the session or cost nothing', () => {
  it('rapid reset', async () => {
    const { front, port } = await open()
    const cancel = Buffer.alloc(4)
    cancel[3] = constants.NGHTTP2_CANCEL
    const sent = await attack(
      port,
      (round) => Buffer.concat([frame(1, 5, round * 2 + 1, HEADERS), frame(3, 0, round * 2 + 1, cancel)]),
      10_000,
    )
    assert.ok(sent < 10_000 * 28)
    while (front.connections > 0) await new Promise((resolve) => setImmediate(resolve))
  })

  it('CONTINUATION flood', async () => {
    const { port } = await open()
    const junk = Buffer.concat([Buffer.from([0x00, 1, 0x61, 0x7f, 0x80, 0x01]), Buffer.alloc(255, 0x61)])
    const sent = await attack(port, (round) => (round === 0 ? frame(1, 1, 1, HEADERS) : frame(9, 0, 1, junk)), 10_000)
    assert.ok(sent < 2_000_000, `took ${sent} bytes`)
  })

  it('header bomb: one table entry, referred to again and again', async () => {
    const { front, port } = await open()
    // A 3 900 byte value enters the dynamic table; each further byte 0xbe asks for it once more.
    const entry = Buffer.concat([Buffer.from([0x40, 1, 0x61, 0x7f, 0xbd, 0x1d]), Buffer.alloc(3_900, 0x62)])
    const bomb = Buffer.concat([HEADERS, entry, Buffer.alloc(12_000, 0xbe)])
    const before = process.memoryUsage().rss
    await attack(port, (round) => frame(1, 5, round * 2 + 1, bomb), 200)
    assert.ok(process.memoryUsage().rss - before < 150e6)
    while (front.connections > 0) await new Promise((resolve) => setImmediate(resolve))
  })

  it('window overflow and broken frames', async () => {
    const { port } = await open()
    const most = Buffer.from([0x7f, 0xff, 0xff, 0xff])
    await attack(port, () => frame(8, 0, 0, most), 10)
    await attack(port, () => frame(0, 0, 99, Buffer.alloc(10)), 1_000)
    await attack(port, () => frame(6, 0, 0, Buffer.alloc(3)), 1_000)
  })

  it('ping and settings floods stay answered within bounds', async () => {
    const { front, port } = await open()
    const before = process.memoryUsage().rss
    const flood = Buffer.concat(Array.from({ length: 100 }, () => frame(6, 0, 0, Buffer.alloc(8))))
    await attack(port, () => flood, 300)
    assert.ok(process.memoryUsage().rss - before < 150e6)
    while (front.connections > 0) await new Promise((resolve) => setImmediate(resolve))
  })
})
