import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { afterEach, describe, it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { UnavailableError } from '../../errors.ts'
import { exchange, quietLogger, RawClient } from '../testdata/raw-client.ts'
import { hotAnswer } from './hot-answer.ts'
import { type HttpFront, type HttpFrontOptions, openHttpFront } from './listener.ts'
import type { ClientData, HotAnswer, SmallPost } from './routes.ts'

const fronts: HttpFront[] = []
afterEach(async () => {
  await Promise.all(fronts.splice(0).map((front) => front.close()))
})

const small = hotAnswer({ headers: { 'Content-Type': 'text/plain', ETag: '"small"' }, body: Buffer.from('small body') })
const playlist = hotAnswer({
  headers: { 'Content-Type': 'application/vnd.apple.mpegurl' },
  body: Buffer.from('#EXTM3U\n'.repeat(100)),
  gzip: true,
})
const hot: Record<string, HotAnswer> = { '/small': small, '/list.m3u8': playlist }

/** A front with hot objects, `/echo` (method and body length), `/slow` and `/where` (address). */
async function open(options: Partial<HttpFrontOptions> = {}) {
  const log = quietLogger()
  const front = await openHttpFront({
    host: '127.0.0.1',
    port: 0,
    log,
    ...options,
    limits: { drainMs: 200, sweepMs: 10, ...options.limits },
  })
  fronts.push(front)
  front.routes.hot((target) => (Object.hasOwn(hot, target) ? hot[target] : undefined))
  front.routes.route((request, response) => {
    if (request.path === '/slow') response.end('slow')
    else if (request.path === '/where') response.end(request.remoteAddress)
    else if (request.path === '/fail') throw new Error('secret detail')
    else if (request.path === '/gone') throw new UnavailableError('ERR_STREAM_NOT_FOUND', 'live/x is not published')
    else if (request.path === '/echo') {
      let length = 0
      request.raw.on('data', (chunk: Buffer) => {
        length += chunk.length
      })
      request.raw.on('end', () => response.end(`${request.method} ${length} ${request.query.get('q')}`))
    } else return false
    return true
  })
  return { front, log, port: front.port }
}

const HOST = 'Host: localhost\r\n'
const LAST = `${HOST}Connection: close\r\n\r\n`
const bodies = (text: string) => text.split('\r\n\r\n')

describe('fast path', () => {
  it('answers a plain GET with the shared bytes as they are', async () => {
    const { port } = await open()
    const client = await RawClient.open(port)

    client.write(`GET /small HTTP/1.1\r\n${HOST}\r\n`)
    await client.until(({ received }) => received.length >= small.bytes.byteLength)

    assert.deepEqual(client.received, Buffer.from(small.bytes))
    client.close()
  })

  it('tells of client data, of hot objects and of others, and not of requests without', async () => {
    const { front, port } = await open()
    front.routes.hot((target) => (target.startsWith('/hot') ? small : undefined))
    const told: ClientData[] = []
    const remove = front.routes.observe((data) => void told.push(data))
    const agent = 'User-Agent: player\r\n'

    await exchange(
      port,
      `GET /hot?CMCD=sid%3D%22a%22 HTTP/1.1\r\n${agent}${HOST}\r\nGET /hot HTTP/1.1\r\n${agent}${HOST}\r\n` +
        `GET /hot HTTP/1.1\r\nCMCD-Session: sid="b"\r\nDNT: 1\r\n${HOST}\r\n` +
        `GET /echo?q=1&CMCD=sid%3D%22c%22 HTTP/1.1\r\n${HOST}\r\nPOST /echo?CMCD=x HTTP/1.1\r\nContent-Length: 0\r\n${HOST}\r\n` +
        `GET /echo?q=2 HTTP/1.1\r\nCMCD-Request: bl=1\r\nCMCD-Session: sid="d"\r\nSec-GPC: 1\r\n${LAST}`,
    )
    remove()
    await exchange(port, `GET /hot?CMCD=sid%3D%22e%22 HTTP/1.1\r\n${LAST}`)

    const remoteAddress = '127.0.0.1'
    const plain = { headers: undefined, userAgent: undefined, remoteAddress, optedOut: false }
    assert.deepEqual(told, [
      { ...plain, target: '/hot?CMCD=sid%3D%22a%22', userAgent: 'player' },
      { ...plain, target: '/hot', headers: 'sid="b"', optedOut: true },
      { ...plain, target: '/echo?q=1&CMCD=sid%3D%22c%22' },
      { ...plain, target: '/echo?q=2', headers: 'bl=1,sid="d"', optedOut: true },
    ])
  })

  it('answers pipelined requests in order, also when a slow one stands between', async () => {
    const { port } = await open()

    const text = await exchange(
      port,
      `GET /small HTTP/1.1\r\n${HOST}\r\nGET /list.m3u8 HTTP/1.1\r\n${HOST}\r\n` +
        `GET /echo?q=1 HTTP/1.1\r\n${HOST}\r\nGET /small HTTP/1.1\r\n${LAST}`,
    )

    const order = [...text.matchAll(/small body|#EXTM3U\n#|GET 0 1/g)].map(([found]) => found)
    assert.equal(order[0], 'small body')
    assert.equal(order[1], '#EXTM3U\n#')
    assert.deepEqual(order.slice(-2), ['GET 0 1', 'small body'])
  })

  it('gives the same bytes however the request is split', async () => {
    const { port } = await open()
    const request = Buffer.from(`GET /small HTTP/1.1\r\n${HOST}Accept: */*\r\n\r\nGET /slow HTTP/1.1\r\n${LAST}`)
    const whole = (await exchange(port, request)).replace(/Date: [^\r]*/g, '')

    for (let split = 1; split < request.length; split++) {
      const client = await RawClient.open(port)
      client.socket.setNoDelay(true)
      client.write(request.subarray(0, split))
      // One turn of the event loop, so that the two halves are two reads.
      await new Promise((resolve) => setImmediate(resolve))
      client.write(request.subarray(split))
      assert.equal((await client.closed()).replace(/Date: [^\r]*/g, ''), whole, `split at ${split}`)
    }
  })

  it('takes one byte at a time', async () => {
    const { port } = await open()
    const client = await RawClient.open(port)
    client.socket.setNoDelay(true)

    for (const character of `GET /small HTTP/1.1\r\n${HOST}\r\n`) {
      client.write(character)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await client.until(({ text }) => text.endsWith('small body'))
    client.close()
  })

  it('sends the gzip form only to those who take it', async () => {
    const { port } = await open()

    const packed = await new Promise<Buffer>((resolve, reject) => {
      const request = httpRequest(
        { port, path: '/list.m3u8', headers: { 'Accept-Encoding': 'br, gzip' } },
        (response) => {
          assert.equal(response.headers['content-encoding'], 'gzip')
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => resolve(Buffer.concat(chunks)))
        },
      )
      request.on('error', reject).end()
    })
    assert.match(gunzipSync(packed).toString(), /^#EXTM3U/)

    for (const value of ['gzip;q=0', 'br', 'identity']) {
      const text = await exchange(port, `GET /list.m3u8 HTTP/1.1\r\nAccept-Encoding: ${value}\r\n${LAST}`)
      assert.doesNotMatch(text, /Content-Encoding/i)
    }
  })

  it('keeps one connection through fast and slow requests, bodies and ranges', async () => {
    const { port } = await open()
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const ask = (path: string, options: { method?: string; headers?: Record<string, string>; body?: Buffer } = {}) =>
      new Promise<{ status: number; body: string; localPort: number }>((resolve, reject) => {
        const { method = 'GET', headers = {} } = options
        const request = httpRequest({ port, path, agent, method, headers }, (response) => {
          const localPort = request.socket?.localPort ?? 0
          let body = ''
          response.setEncoding('latin1')
          response.on('data', (chunk: string) => {
            body += chunk
          })
          response.on('end', () => resolve({ status: response.statusCode ?? 0, body, localPort }))
        })
        request.on('error', reject).end(options.body)
      })

    const answers = [
      await ask('/small'),
      await ask('/small'),
      await ask('/echo?q=post', { method: 'POST', body: Buffer.alloc(300_000, 7) }),
      await ask('/small', { headers: { Range: 'bytes=2-4' } }),
      await ask('/small', { method: 'HEAD' }),
      await ask('/small'),
      await ask('/echo?q=2', { method: 'PUT', body: Buffer.alloc(10) }),
    ]

    assert.deepEqual(
      answers.map(({ status, body }) => [status, body]),
      [
        [200, 'small body'],
        [200, 'small body'],
        [200, 'POST 300000 post'],
        [206, 'all'],
        [200, ''],
        [200, 'small body'],
        [200, 'PUT 10 2'],
      ],
    )
    assert.equal(new Set(answers.map(({ localPort }) => localPort)).size, 1)
    agent.destroy()
  })

  it('answers conditional requests and HEAD of hot objects through the full server', async () => {
    const { port } = await open()

    const unchanged = await exchange(port, `GET /small HTTP/1.1\r\nIf-None-Match: "x", W/"small"\r\n${LAST}`)
    const head = await exchange(port, `HEAD /small HTTP/1.1\r\n${LAST}`)
    const beyond = await exchange(port, `GET /small HTTP/1.1\r\nRange: bytes=10-\r\n${LAST}`)
    const old = await exchange(port, `GET /small HTTP/1.1\r\nRange: bytes=0-1\r\nIf-Range: "other"\r\n${LAST}`)

    assert.match(unchanged, /^HTTP\/1.1 304 /)
    assert.match(head, /^HTTP\/1.1 200 [^]*content-length: 10\r\n[^]*\r\n\r\n$/i)
    assert.match(beyond, /^HTTP\/1.1 416 [^]*content-range: bytes \*\/10/)
    assert.match(old, /^HTTP\/1.1 200 [^]*small body$/)
  })

  it('hands a claimed connection over with all its bytes; asks for a head again when it differs from the one before', async () => {
    const { front, port } = await open()
    let asked = 0
    const remove = front.routes.claim((head) => {
      asked++
      if (!Buffer.from(head).includes('NSPlayer')) return undefined
      return (socket, received, peer) => {
        socket.write(`${peer.remoteAddress} ${Buffer.from(received).toString()}`)
        socket.on('data', (chunk) => socket.end(chunk))
        socket.resume()
      }
    })

    const client = await RawClient.open(port)
    client.write(`GET /live/x HTTP/1.0\r\nUser-Agent: NSPlayer/12\r\n\r\nmore`)
    await client.until(({ text }) => text.endsWith('more'))
    client.write('raw')

    assert.equal(await client.closed(), `127.0.0.1 GET /live/x HTTP/1.0\r\nUser-Agent: NSPlayer/12\r\n\r\nmoreraw`)
    await exchange(port, `GET /small HTTP/1.1\r\n${HOST}\r\nGET /small HTTP/1.1\r\n${LAST}`)
    assert.equal(asked, 3)
    await exchange(port, `GET /small HTTP/1.1\r\n${HOST}\r\n`.repeat(5) + `GET /small HTTP/1.1\r\n${LAST}`)
    assert.equal(asked, 5)
    remove()
  })
})

describe('small posts', () => {
  const post = (body: string, headers = '') =>
    `POST /report HTTP/1.1\r\n${HOST}${headers}Content-Length: ${body.length}\r\n\r\n${body}`
  const GET_SMALL = `GET /small HTTP/1.1\r\n${HOST}\r\n`
  const answerTo = (body: Uint8Array) =>
    hotAnswer({ headers: {}, body: Buffer.from(`[${Buffer.from(body).toString()}]`) }).bytes
  /** What was answered, in order. */
  const order = (text: string) =>
    [...text.matchAll(/\[[^\]]*\]|small body|(?:GET|POST) \d+ \d/g)].map(([found]) => found)

  /** A front that takes small posts to `/report`, and others by a route. */
  async function openReports(options: Partial<HttpFrontOptions> = {}) {
    const opened = await open(options)
    const posts: SmallPost[] = []
    opened.front.routes.smallPost((target) =>
      target === '/report'
        ? async (taken) => {
            posts.push(taken)
            // As late as a disk.
            await new Promise((resolve) => setImmediate(resolve))
            return answerTo(taken.body)
          }
        : undefined,
    )
    opened.front.routes.route((request, response) => {
      if (request.path !== '/report') return false
      request.raw.resume().on('end', () => response.end('[by the route]'))
      return true
    })
    return { ...opened, posts }
  }

  it('are given whole, with what the head says of their sender', async () => {
    const { port, posts } = await openReports()
    const client = await RawClient.open(port)

    client.write(post('one', 'User-Agent: player\r\nContent-Type: text/cmcd\r\nDNT: 1\r\n') + post('two'))
    await client.until(({ text }) => text.endsWith('[two]'))

    client.close()
    const plain = { contentType: undefined, userAgent: undefined, remoteAddress: '127.0.0.1', optedOut: false }
    assert.deepEqual(posts, [
      { ...plain, body: Buffer.from('one'), userAgent: 'player', contentType: 'text/cmcd', optedOut: true },
      { ...plain, body: Buffer.from('two') },
    ])
  })

  it('and hot objects are answered in order, also when the full server comes between', async () => {
    const { port } = await openReports()

    const text = await exchange(
      port,
      `${post('a') + GET_SMALL + post('b') + post('c')}GET /echo?q=1 HTTP/1.1\r\n${HOST}\r\n${GET_SMALL}GET /small HTTP/1.1\r\n${LAST}`,
    )

    assert.deepEqual(order(text), ['[a]', 'small body', '[b]', '[c]', 'GET 0 1', 'small body', 'small body'])
  })

  it('give the same bytes however they are split', async () => {
    const { port } = await openReports()
    const request = Buffer.from(`${post('first')}${post('second')}GET /slow HTTP/1.1\r\n${LAST}`)

    for (let split = 1; split < request.length; split++) {
      const client = await RawClient.open(port)
      client.socket.setNoDelay(true)
      client.write(request.subarray(0, split))
      await new Promise((resolve) => setImmediate(resolve))
      client.write(request.subarray(split))
      const text = await client.closed()
      assert.deepEqual(order(text), ['[first]', '[second]'], `split at ${split}`)
      assert.ok(text.endsWith('slow'), `split at ${split}`)
    }
  })

  it('that are long, chunked or packed, or to other paths, are the route’s', async () => {
    const { port } = await openReports()
    const long = 'x'.repeat(16 * 1024 + 1)

    const texts = await Promise.all(
      [
        post(long),
        post('x', 'Content-Encoding: gzip\r\n'),
        `POST /report HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n`,
        `POST /echo?q=2 HTTP/1.1\r\n${HOST}Content-Length: 3\r\n\r\nabc`,
      ].map((request) => exchange(port, `${request}GET /small HTTP/1.1\r\n${LAST}`)),
    )

    assert.deepEqual(texts.map(order), [
      ['[by the route]', 'small body'],
      ['[by the route]', 'small body'],
      ['[by the route]', 'small body'],
      ['POST 3 2', 'small body'],
    ])
  })

  it('are answered to a peer that says no more', async () => {
    const { port } = await openReports()
    const client = await RawClient.open(port)

    client.socket.end(post('last'))

    assert.deepEqual(order(await client.closed()), ['[last]'])

    const other = await RawClient.open(port)
    other.socket.end(`${post('last')}GET /echo?q=1 HTTP/1.1\r\n${HOST}\r\n`)

    assert.deepEqual(order(await other.closed())[0], '[last]')
  })

  it('cut the connection when they cannot be answered', async () => {
    const { front, port } = await open()
    front.routes.smallPost(() => () => Promise.reject(new Error('broken')))

    assert.equal(await exchange(port, post('x')), '')
  })

  it('N-02: have a deadline for their body', async () => {
    const { port } = await openReports({ limits: { requestMs: 60, headMs: 5 } })
    const client = await RawClient.open(port)

    client.write(`POST /report HTTP/1.1\r\n${HOST}Content-Length: 100\r\n\r\nhalf`)

    assert.equal(await client.closed(), '')
  })

  it('N-03: a peer that sends on and on while one is in work has to wait', async () => {
    const { front, port } = await open()
    let finish = () => {}
    const begun = new Promise<void>((resolve) => {
      front.routes.smallPost(() => async ({ body }) => {
        if (body.length === 1) {
          resolve()
          await new Promise<void>((done) => (finish = done))
        }
        return answerTo(Buffer.from(String(body.length)))
      })
    })
    const client = await RawClient.open(port)
    client.write(post('x'))
    await begun
    const many = 2000
    const bytes = Buffer.from(post('y'.repeat(16 * 1024)))
    const written: number[] = []

    for (let at = 0; at < many; at++) client.socket.write(bytes, () => written.push(at))
    // Until nothing moves.
    for (let [quiet, before] = [0, 0]; quiet < 200; before = written.length) {
      await new Promise((resolve) => setImmediate(resolve))
      quiet = written.length === before ? quiet + 1 : 0
    }
    const taken = written.length
    finish()
    await client.until(({ text }) => text.split('[16384]').length > many)

    client.close()
    // What the system keeps for a socket.
    assert.ok(taken < many / 2, `${taken} of ${many} posts were taken`)
  })
})

describe('routes', () => {
  it('answers errors as problems and keeps the unknown ones to itself', async () => {
    const { port, log } = await open()

    const missing = await exchange(port, `GET /nothing HTTP/1.1\r\n${LAST}`)
    const gone = await exchange(port, `GET /gone HTTP/1.1\r\n${LAST}`)
    const failed = await exchange(port, `GET /fail HTTP/1.1\r\n${LAST}`)

    assert.match(missing, /^HTTP\/1.1 404 [^]*"code":"ERR_HTTP_NOT_FOUND"/)
    assert.match(gone, /^HTTP\/1.1 404 [^]*application\/problem\+json[^]*"code":"ERR_STREAM_NOT_FOUND"/)
    assert.match(failed, /^HTTP\/1.1 500 /)
    assert.doesNotMatch(failed, /secret/)
    assert.deepEqual(log.lines, ['ERR_INTERNAL'])
  })

  it('ignores h2c offers and refuses unknown upgrades', async () => {
    const { port } = await open()

    const offer = await exchange(
      port,
      `GET /slow HTTP/1.1\r\nUpgrade: h2c\r\n${HOST}Connection: Upgrade, close\r\n\r\n`,
    )
    const upgrade = await exchange(
      port,
      `GET /nothing HTTP/1.1\r\nUpgrade: websocket\r\n${HOST}Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    )

    assert.match(offer, /^HTTP\/1.1 200 [^]*slow$/)
    assert.match(upgrade, /^HTTP\/1.1 404 /)
  })

  it('asks the host check', async () => {
    const { port } = await open({ checkHost: (host, path) => host === 'localhost' || !path.startsWith('/slow') })

    assert.match(await exchange(port, `GET /slow HTTP/1.1\r\n${LAST}`), /^HTTP\/1.1 200 /)
    const rebound = await exchange(port, 'GET /slow HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n')
    assert.match(rebound, /^HTTP\/1.1 421 /)
  })

  it('closes idle connections at once and waits for answers in work', async () => {
    const { front, port } = await open({ limits: { drainMs: 10_000 } })
    const work: (() => void)[] = []
    front.routes.route((request, response) => {
      if (request.path !== '/work') return false
      work.push(() => void response.end('done'))
      return true
    })
    const idle = await RawClient.open(port)
    const busy = await RawClient.open(port)
    busy.write(`GET /work HTTP/1.1\r\n${HOST}\r\n`)
    while (work.length === 0) await new Promise((resolve) => setImmediate(resolve))

    const closed = front.close()
    await idle.closed()
    work[0]?.()

    assert.match(await busy.closed(), /done/)
    await closed
  })
})

describe('attacks', () => {
  it('N-01: caps connections per address and closes those that ask nothing', async () => {
    const { front, port, log } = await open({ limits: { maxConnectionsPerAddress: 20, headMs: 60_000 } })
    const viewer = await RawClient.open(port)
    viewer.write(`GET /small HTTP/1.1\r\n${HOST}\r\n`)
    await viewer.until(({ text }) => text.endsWith('small body'))

    const flood = await Promise.all(Array.from({ length: 60 }, () => RawClient.open(port)))
    while (flood.filter(({ ended }) => ended).length < 41) await new Promise((resolve) => setImmediate(resolve))

    assert.ok(front.connections <= 20)
    assert.ok(log.lines.includes('ERR_HTTP_CONNECTIONS'))
    viewer.write(`GET /small HTTP/1.1\r\n${HOST}\r\n`)
    await viewer.until(({ text }) => text.split('small body').length === 3)
    for (const client of [viewer, ...flood]) client.close()
  })

  it('N-01: closes a connection that never asks', async () => {
    const { port } = await open({ limits: { headMs: 30 } })
    const client = await RawClient.open(port)
    assert.equal(await client.closed(), '')
  })

  it('N-02: a head has a deadline in all, not per byte', async () => {
    const { port } = await open({ limits: { headMs: 60 } })
    for (const first of ['', `GET /small HTTP/1.1\r\n${HOST}\r\n`, `GET /slow HTTP/1.1\r\n${HOST}\r\n`]) {
      const client = await RawClient.open(port)
      client.write(`${first}GET /`)
      const drip = setInterval(() => client.write('x'), 5)
      await client.closed()
      clearInterval(drip)
    }
  })

  it('N-02: a body has a deadline', async () => {
    const { port } = await open({ limits: { requestMs: 60 } })
    const client = await RawClient.open(port)
    client.write(`POST /echo HTTP/1.1\r\n${HOST}Content-Length: 100\r\n\r\nhalf`)
    assert.match(await client.closed(), /^HTTP\/1.1 408 /)
  })

  it('N-03: writes no more to a peer that does not read, then drops it', async () => {
    const { front, port } = await open({ limits: { stallMs: 100 } })
    let sent = 0
    const answer = hotAnswer({ headers: {}, body: Buffer.alloc(1_000_000), onSent: (bytes) => void (sent += bytes) })
    front.routes.hot((target) => (target === '/big' ? answer : undefined))
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    await once(socket, 'connect')
    socket.pause()

    socket.write(`GET /big HTTP/1.1\r\n${HOST}\r\n`.repeat(1_000))
    while (front.connections === 0) await new Promise((resolve) => setImmediate(resolve))
    while (front.connections > 0) await new Promise((resolve) => setTimeout(resolve, 5))

    assert.ok(sent > 0 && sent < 40_000_000, `handed over ${sent} bytes`)
    socket.destroy()
  })

  it('N-03: continues in order when the peer reads again', async () => {
    const { front, port } = await open()
    const answer = hotAnswer({ headers: {}, body: Buffer.alloc(700_000, 'a') })
    front.routes.hot((target) => (target === '/big' ? answer : undefined))
    const client = await RawClient.open(port)
    client.socket.pause()

    client.write(`${`GET /big HTTP/1.1\r\n${HOST}\r\n`.repeat(20)}GET /small HTTP/1.1\r\n${LAST}`)
    await new Promise((resolve) => setImmediate(resolve))
    let length = 0
    client.socket.removeAllListeners('data')
    let tail = ''
    client.socket.on('data', (chunk) => {
      length += chunk.length
      tail = chunk.toString('latin1').slice(-10)
    })
    client.socket.resume()
    await client.closed()

    assert.ok(length > answer.bytes.byteLength * 20)
    assert.equal(tail, 'small body')
  })

  it('N-03: drops a peer that reads nothing of a slow-path answer', async () => {
    const { front, port } = await open({ limits: { stallMs: 100 } })
    const answer = hotAnswer({ headers: {}, body: Buffer.alloc(30_000_000) })
    front.routes.hot((target) => (target === '/huge' ? answer : undefined))
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    await once(socket, 'connect')
    socket.pause()

    socket.write(`GET /huge HTTP/1.1\r\nRange: bytes=1-\r\n${HOST}\r\n`)
    while (front.connections === 0) await new Promise((resolve) => setImmediate(resolve))
    while (front.connections > 0) await new Promise((resolve) => setTimeout(resolve, 5))
    socket.destroy()
  })

  it('N-09: what is not HTTP is refused at once', async () => {
    const { port } = await open()
    const hello = Buffer.from('160301020001fc0303aabbccdd', 'hex')
    const rtmp = Buffer.concat([Buffer.from([3]), Buffer.alloc(1536, 1)])
    const noise = Buffer.from(Array.from({ length: 300 }, (_, index) => (index * 151 + 7) & 0xff))
    const proxy = Buffer.from('PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nGET /where HTTP/1.1\r\nHost: x\r\n\r\n')
    for (const bytes of [hello, rtmp, noise, proxy, Buffer.from('\0\0\0'), Buffer.from('get / http\n\n')]) {
      assert.match(await exchange(port, bytes), /^(HTTP\/1.1 400 [^]*)?$/)
    }
  })

  it('N-10: believes X-Forwarded-For of trusted proxies only', async () => {
    const head = `GET /where HTTP/1.1\r\nX-Forwarded-For: 9.9.9.9, 203.0.113.7\r\n${LAST}`
    const { port } = await open()
    assert.match(await exchange(port, head), /127\.0\.0\.1$/)

    const trusting = await open({ trustedProxies: ['127.0.0.0/8'] })
    assert.match(await exchange(trusting.port, head), /203\.0\.113\.7$/)

    const clients: string[] = []
    const answer = { ...small, onSent: (_bytes: number, address: string) => void clients.push(address) }
    trusting.front.routes.hot((target) => (target === '/counted' ? answer : undefined))
    const client = await RawClient.open(trusting.port)
    client.write(`GET /counted HTTP/1.1\r\nX-Forwarded-For: 203.0.113.8\r\n${HOST}\r\n`)
    await client.until(({ text }) => text.endsWith('small body'))
    assert.deepEqual(clients, ['203.0.113.8'])
    client.close()
  })

  it('H-01: refuses paths that mean two things', async () => {
    const { port } = await open()
    const targets = [
      '/%2e%2e/etc/passwd',
      '/..%2fetc/passwd',
      '/%252e%252e/x',
      '/a\\b',
      '/a%5cb',
      '/a%00b',
      '/%c0%ae%c0%ae/x',
      '/../x',
      '//x',
      '/a#b',
      'http://other.example/slow',
      'slow',
      '*',
    ]
    for (const target of targets) {
      assert.match(await exchange(port, `GET ${target} HTTP/1.1\r\n${LAST}`), /^HTTP\/1.1 40[04] /, target)
    }
  })

  it('H-05: never names an origin or allows credentials', async () => {
    const { port } = await open()
    for (const line of ['GET /small', 'HEAD /small', 'GET /nothing', 'OPTIONS /small']) {
      const text = await exchange(
        port,
        `${line} HTTP/1.1\r\nOrigin: https://evil.example\r\nCookie: session=1\r\n` +
          `Access-Control-Request-Method: GET\r\n${LAST}`,
      )
      assert.match(text, /access-control-allow-origin: \*\r\n/i)
      assert.doesNotMatch(text, /evil|allow-credentials/i)
    }
  })

  it('H-07: refuses what can be read in two ways', async () => {
    const { port } = await open()
    const requests = [
      `POST /echo HTTP/1.1\r\n${HOST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      `POST /echo HTTP/1.1\r\n${HOST}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`,
      `POST /echo HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
      `POST /echo HTTP/1.1\r\n${HOST}Content-Length: +5\r\n\r\nhello`,
      `GET /small HTTP/1.1\n${HOST}\r\n`,
      `GET /small HTTP/1.1\r\nHost: localhost\n\r\n\r\n`,
      `GET /small HTTP/1.1\r\n${HOST}X: a\r\n folded\r\n\r\n`,
      `GET /small HTTP/1.1\r\n${HOST}X : a\r\n\r\n`,
      `GET /small HTTP/1.1\r\n${HOST}${HOST}\r\n`,
      'GET /small HTTP/1.1\r\nAccept: */*\r\n\r\n',
      `GET /small HTTP/1.1\r\n${HOST}X: a\0b\r\n\r\n`,
      `GET /small HTTP/1.1\r\n${HOST}X: a\rb\r\n\r\n`,
      `GET /small HTTP/9.9\r\n${HOST}\r\n`,
    ]
    for (const request of requests) {
      const client = await RawClient.open(port)
      client.write(request)
      await client.until(({ text }) => text.includes('\r\n'))
      assert.match(client.text, /^HTTP\/1.1 400 /, JSON.stringify(request))
      client.close()
    }
  })

  it('limits header size and count', async () => {
    const { port } = await open()
    const long = `GET /small HTTP/1.1\r\n${HOST}X: ${'a'.repeat(20_000)}`
    const many = `GET /small HTTP/1.1\r\n${HOST}${'X: a\r\n'.repeat(80)}Connection: close\r\n\r\n`

    assert.match(await exchange(port, long), /^HTTP\/1.1 431 /)
    assert.match(await exchange(port, `${long}\r\n\r\n`), /^HTTP\/1.1 431 /)
    assert.match(await exchange(port, many), /^HTTP\/1.1 431 [^]*ERR_HTTP_HEADERS_TOO_MANY/)
  })

  it('H-12: knows no callback parameter', async () => {
    const { port } = await open()
    const text = await exchange(port, `GET /nothing?callback=alert HTTP/1.1\r\n${LAST}`)
    assert.doesNotMatch(bodies(text)[1] ?? '', /alert/)
    assert.doesNotMatch(text, /javascript/)
  })
})
