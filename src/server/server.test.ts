import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, mock, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { Hub } from '../live/hub.ts'
import { Sessions } from '../live/sessions.ts'
import { makeTestCertificate } from '../net/testdata/certificate.ts'
import { quietLogger } from '../net/testdata/raw-client.ts'
import type { HeadendServer } from './headend-server.ts'
import { createServer } from './server.ts'
import { openTestChannel } from './test-channel.ts'

const CANARY = 'cAnArY-0123456789abcdef'

let folder = ''
let lines: string[] = []
let open: HeadendServer[] = []

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'headend-server-'))
  lines = []
  open = []
})

afterEach(async () => {
  for (const server of open) await server.close()
  await rm(folder, { recursive: true, force: true })
})

async function start(settings: Record<string, unknown> = {}): Promise<HeadendServer> {
  const server = await createServer(
    {
      host: '127.0.0.1',
      data: path.join(folder, 'data'),
      testChannel: false,
      http: { port: 0 },
      rtmp: { port: 0, tlsPort: 0 },
      ...settings,
    },
    { writeLog: (line) => lines.push(line), terminal: false },
  )
  open.push(server)
  return server
}

function get(server: HeadendServer, target: string, headers: Record<string, string> = {}, method = 'GET') {
  return fetch(`${server.urls['http']}${target}`, { headers, method })
}

function bearer(server: HeadendServer): Record<string, string> {
  return { authorization: `Bearer ${server.secrets.adminToken}` }
}

/** With a `Host` that fetch would not send. */
async function statusFor(server: HeadendServer, target: string, headers: Record<string, string>): Promise<number> {
  const asked = request({ port: server.ports['http'], host: '127.0.0.1', path: target, headers }).end()
  const [response] = (await once(asked, 'response')) as [{ statusCode: number; resume(): void }]
  response.resume()
  return response.statusCode
}

describe('life of a server', () => {
  test('starts, tells where it listens, and closes', async () => {
    const readyFile = path.join(folder, 'ready.json')
    const server = await start({ readyFile })

    const ready = JSON.parse(await readFile(readyFile, 'utf8')) as Record<string, unknown>
    assert.deepEqual(ready, { pid: process.pid, urls: { ...server.urls }, ports: { ...server.ports } })
    assert.equal((await get(server, '/healthz')).status, 200)
    assert.equal((await get(server, '/readyz')).status, 200)
    assert.ok((server.ports['rtmp'] ?? 0) > 0)

    const { http = 0 } = server.ports
    await server.close()
    await server.close()
    assert.equal(server.ready, false)
    await assert.rejects(stat(readyFile), { code: 'ENOENT' })
    const [error] = (await once(connect(http, '127.0.0.1'), 'error')) as [NodeJS.ErrnoException]
    assert.equal(error.code, 'ECONNREFUSED')
  })

  test('a port in use is told by module and number, and nothing stays open', async () => {
    const first = await start()
    const { rtmp = 0 } = first.ports

    await assert.rejects(start({ rtmp: { port: rtmp } }), {
      code: 'ERR_CONFIG_PORT',
      message: new RegExp(`rtmp: .*${rtmp}`),
    })
    await assert.rejects(start({ http: { port: first.ports['http'] } }), {
      code: 'ERR_CONFIG_PORT',
      message: /^http: /,
    })
  })

  test('publishing from inside the process: events, list, end', async () => {
    const server = await start()
    const events: unknown[] = []
    server.on('publish', (event) => events.push(event))
    server.on('unpublish', (event) => events.push(event))
    server.on('publish', () => {
      throw new Error('a listener of the program')
    })

    const publisher = server.publish('live/inside')
    assert.deepEqual(
      server.streams.map((stream) => stream.path),
      ['live/inside'],
    )
    publisher.close({ final: true })

    assert.deepEqual(events, [
      { path: 'live/inside', session: undefined },
      { path: 'live/inside', final: true },
    ])
    assert.match(lines.join(''), /a listener of the program/)
  })

  test('events and totals of sessions', async () => {
    const server = await start()
    const events: unknown[] = []
    server.on('play', ({ path: played }) => events.push(['play', played]))
    const off = server.on('stop', ({ bytesOut, reason }) => events.push(['stop', bytesOut, reason]))
    const start1 = {
      protocol: 'test',
      role: 'play',
      path: 'live/a',
      remoteAddress: '192.0.2.1',
      close: () => undefined,
    } as const

    const session = server.sessions.open(start1)
    session.bytesOut = 42
    server.sessions.close(session)
    off()
    server.sessions.close(server.sessions.open(start1))

    assert.deepEqual(events, [
      ['play', 'live/a'],
      ['stop', 42, undefined],
      ['play', 'live/a'],
    ])
    const metrics = await (await get(server, '/metrics')).text()
    assert.match(metrics, /^headend_sessions_total\{protocol="test",role="play"\} 2$/m)
    assert.match(metrics, /^headend_bytes_sent_total\{protocol="test",role="play"\} 42$/m)
  })

  test('sessions that do not end in time are cut', async () => {
    const server = await start({ drainMs: 1 })
    let reason: unknown
    const session = server.sessions.open({
      protocol: 'test',
      role: 'play',
      path: 'live/a',
      remoteAddress: '192.0.2.1',
      close: (error) => {
        reason = error.code
        server.sessions.close(session, error)
      },
    })
    // The head of a request that never ends keeps the listener from closing.
    const socket = connect(server.ports['http'] ?? 0, '127.0.0.1')
    socket.write('GET /healthz HTTP/1.1\r\n')
    await get(server, '/healthz')

    await server.close()

    assert.equal(reason, 'ERR_HUB_CLOSED')
    assert.equal(server.sessions.size, 0)
    socket.destroy()
  })
})

describe('the test channel', () => {
  test('is on air from the start, for every protocol, and can be turned off', async () => {
    const server = await start({ testChannel: true })

    const list = (await (await get(server, '/live.json')).json()) as { streams: { path: string; tracks: unknown[] }[] }
    assert.deepEqual(
      list.streams.map((stream) => [stream.path, stream.tracks.length]),
      [['live/test', 2]],
    )
    const flv = await get(server, '/live/test.flv')
    const reader = (flv.body as ReadableStream<Uint8Array>).getReader()
    const { value } = await reader.read()
    assert.equal(Buffer.from(value ?? []).toString('latin1', 0, 3), 'FLV')
    await reader.cancel()

    await server.reload({
      host: '127.0.0.1',
      data: path.join(folder, 'data'),
      testChannel: false,
      http: { port: 0 },
      rtmp: { port: 0, tlsPort: 0 },
    })
    assert.deepEqual(server.streams, [])
  })

  test('wakes up less often while nobody watches', async () => {
    const hub = new Hub()
    mock.timers.enable({ apis: ['setTimeout', 'Date'] })
    try {
      const channel = await openTestChannel({ hub, sessions: new Sessions(), log: quietLogger() })
      const stream = hub.find('live/test')
      assert.ok(stream !== undefined)
      const wakeUpsOfSecond = () => {
        let wakeUps = 0
        for (let ms = 0; ms < 1000; ms++) {
          const { packets } = stream.statistics
          mock.timers.tick(1)
          if (stream.statistics.packets > packets) wakeUps++
        }
        return wakeUps
      }
      wakeUpsOfSecond()
      assert.ok(wakeUpsOfSecond() <= 6)
      const viewer = stream.log.open()
      wakeUpsOfSecond()
      assert.ok(wakeUpsOfSecond() >= 24)
      viewer.close()
      await channel.close()
    } finally {
      mock.timers.reset()
      hub.close()
    }
  })
})

describe('reload', () => {
  const base = () => ({
    host: '127.0.0.1',
    data: path.join(folder, 'data'),
    testChannel: false,
    http: { port: 0 },
    rtmp: { port: 0, tlsPort: 0 },
  })

  test('equal settings change nothing', async () => {
    const server = await start()
    const ports = { ...server.ports }

    assert.deepEqual(await server.reload(base()), [])
    assert.deepEqual(server.ports, ports)
  })

  test('other options of one module leave the others alone', async () => {
    const server = await start()
    const { http } = server.ports
    const socket = connect(server.ports['rtmp'] ?? 0, '127.0.0.1')
    await once(socket, 'connect')
    const publisher = server.publish('live/kept')

    const changed = await server.reload({ ...base(), progressive: { waitMs: 1 }, paths: { 'live/*': { play: 'key' } } })

    assert.deepEqual(changed.toSorted(), ['paths', 'progressive'])
    assert.equal(server.ports['http'], http)
    assert.equal(publisher.closed, false)
    assert.equal(socket.destroyed, false)
    socket.destroy()
    publisher.close()
  })

  test('options that need no other port drop nobody', async () => {
    const server = await start()
    const socket = connect(server.ports['rtmp'] ?? 0, '127.0.0.1')
    let closed = false
    socket.on('close', () => (closed = true))
    await once(socket, 'connect')

    const changed = await server.reload({
      ...base(),
      rtmp: { port: 0, tlsPort: 0, playWaitMs: 1 },
      hls: { windowSeconds: 30 },
    })

    assert.deepEqual(changed.toSorted(), ['hls', 'rtmp'])
    assert.equal(closed, false)
    socket.destroy()
  })

  test('keys and paths are in force at once', async () => {
    const server = await start()
    const token = 'another-adm1n-token-f00d'
    assert.equal((await get(server, '/api/v1/server', { authorization: `Bearer ${token}` })).status, 401)

    await server.reload({ ...base(), auth: { adminToken: token } })

    assert.equal((await get(server, '/api/v1/server', { authorization: `Bearer ${token}` })).status, 200)
    assert.doesNotMatch(lines.join(''), new RegExp(token))
  })

  test('a new certificate is shown by every protocol, and drops nobody', async () => {
    const files = { certificate: path.join(folder, 'cert.pem'), key: path.join(folder, 'key.pem') }
    const renew = async () => {
      const made = makeTestCertificate()
      await writeFile(files.certificate, made.certificate)
      await writeFile(files.key, made.key)
      return new X509Certificate(made.certificate).fingerprint256
    }
    const shown = async (port: number | undefined) => {
      const socket = connectTls({ port: port ?? 0, host: '127.0.0.1', rejectUnauthorized: false })
      await once(socket, 'secureConnect')
      return { socket, fingerprint: socket.getPeerCertificate().fingerprint256 }
    }
    const first = await renew()
    const settings = { ...base(), tls: files, https: { port: 0 } }
    const server = await start(settings)
    const { rtmps, https } = server.ports
    const before = await shown(rtmps)
    assert.equal(before.fingerprint, first)

    const second = await renew()
    assert.deepEqual(await server.reload(settings), ['certificate'])

    assert.deepEqual([server.ports['rtmps'], server.ports['https']], [rtmps, https])
    for (const port of [rtmps, https]) {
      const { socket, fingerprint } = await shown(port)
      assert.equal(fingerprint, second)
      socket.end()
      await once(socket, 'close')
    }
    assert.equal(before.socket.destroyed, false)
    before.socket.destroy()
  })

  test('a module whose port was taken is opened by the next reload', async () => {
    const server = await start()
    const other = await createServer(
      { ...base(), data: path.join(folder, 'other'), log: { level: 'silent' } },
      { writeLog: () => undefined },
    )
    const taken = { ...base(), rtmp: { port: other.ports['rtmp'], tlsPort: 0 } }

    await assert.rejects(server.reload(taken), { code: 'ERR_CONFIG_PORT' })
    assert.equal((await get(server, '/healthz')).status, 200)
    const { rtmp } = other.ports
    await other.close()
    await server.reload(taken)

    assert.equal(server.ports['rtmp'], rtmp)
  })

  test('host names of the API change without closing a connection', async () => {
    const server = await start()
    const { http } = server.ports
    assert.equal(await statusFor(server, '/api/docs', { host: 'tv.example' }), 421)

    await server.reload({ ...base(), api: { hosts: ['tv.example'] } })

    assert.equal(server.ports['http'], http)
    assert.equal(await statusFor(server, '/api/docs', { host: 'tv.example' }), 200)
  })

  test('a module can be turned off and on', async () => {
    const server = await start()

    await server.reload({ ...base(), rtmp: false })
    assert.equal(server.ports['rtmp'], undefined)
    await server.reload(base())
    assert.ok((server.ports['rtmp'] ?? 0) > 0)
  })

  test('wrong settings change nothing', async () => {
    const server = await start()
    const before = server.settings

    await assert.rejects(server.reload({ http: { port: -1 } }), { code: 'ERR_CONFIG_INVALID' })
    await assert.rejects(server.reload({ ...base(), data: folder }), { code: 'ERR_CONFIG_RESTART' })

    assert.equal(server.settings, before)
  })
})

describe('operation', () => {
  test('the public list shows open streams only', async () => {
    const server = await start({ paths: { 'live/closed': { play: 'key' } } })
    server.publish('live/open')
    server.publish('live/closed')

    const response = await get(server, '/live.json')

    const list = (await response.json()) as { streams: { path: string }[]; ports: object }
    assert.deepEqual(
      list.streams.map((stream) => stream.path),
      ['live/open'],
    )
    assert.deepEqual(list.ports, { ...server.ports })
    assert.equal(response.headers.get('access-control-allow-origin'), '*')
  })

  test('metrics: streams beyond a hundred are summed up', async () => {
    const server = await start()
    for (let index = 0; index < 150; index++) server.publish(`live/${index}`)

    const text = await (await get(server, '/metrics')).text()

    assert.equal(text.match(/^headend_stream_viewers\{/gm)?.length, 101)
    assert.match(text, /^headend_stream_viewers\{path="other"\} 0$/m)
    assert.match(text, /^headend_streams\{state="live"\} 150$/m)
  })

  test('metrics need the token when a proxy speaks for somebody, or by setting', async () => {
    const server = await start()
    assert.equal((await get(server, '/metrics', { 'x-forwarded-for': '192.0.2.1' })).status, 401)
    assert.equal((await get(server, '/metrics', { 'x-forwarded-for': '192.0.2.1', ...bearer(server) })).status, 200)

    const strict = await start({ api: { metrics: 'token' } })
    assert.equal((await get(strict, '/metrics')).status, 401)
  })
})

describe('the API', () => {
  test('A-11: every operation of the document needs the token', async () => {
    const server = await start()
    const document = (await (await get(server, '/api/openapi.json')).json()) as {
      openapi: string
      paths: Record<string, Record<string, { security?: unknown[] }>>
    }
    assert.match(document.openapi, /^3\.1/)

    const operations = Object.entries(document.paths).flatMap(([target, methods]) =>
      Object.entries(methods).map(([method, { security }]) => ({
        method,
        security,
        target: target.replace(/\{.*\}/, 'x'),
      })),
    )
    assert.ok(operations.length >= 8)
    for (const { method, target, security } of operations) {
      const anonymous = await get(server, target, {}, method.toUpperCase())
      const viewer = await get(
        server,
        target,
        { authorization: `Bearer ${server.secrets.playKey}` },
        method.toUpperCase(),
      )
      const expected = security?.length === 0 ? 200 : 401
      assert.equal(anonymous.status, expected, `${method} ${target}`)
      assert.equal(viewer.status, expected, `${method} ${target}`)
    }
    assert.equal((await get(server, '/api/v1/unknown')).status, 401)
    // One wrong token is one guess, however often it is shown.
    assert.equal((await get(server, '/api/v1/server', bearer(server))).status, 200)
  })

  test('streams and sessions: list, look at, end', async () => {
    const server = await start()
    server.publish('live/a')
    let ended: string | undefined
    const session = server.sessions.open({
      protocol: 'test',
      role: 'play',
      path: 'live/a',
      remoteAddress: '192.0.2.1',
      userAgent: '<b>agent</b>',
      close: (reason) => (ended = reason.code),
      details: () => ({ delayMs: 5 }),
    })
    const headers = bearer(server)
    const json = async (target: string) =>
      (await (await get(server, target, headers)).json()) as Record<string, unknown>

    assert.equal((await json('/api/v1/streams/live/a'))['viewers'], 1)
    assert.equal((await json('/api/v1/streams'))['total'], 1)
    assert.deepEqual((await json('/api/v1/sessions?role=play&path=live/a'))['total'], 1)
    assert.deepEqual((await json('/api/v1/sessions?role=publish'))['total'], 0)
    assert.deepEqual((await json(`/api/v1/sessions/${session.id}`))['details'], { delayMs: 5 })
    assert.equal((await get(server, `/api/v1/sessions/${session.id}`, headers, 'DELETE')).status, 204)
    assert.equal(ended, 'ERR_SESSION_ENDED')
    assert.equal((await get(server, '/api/v1/sessions/none', headers, 'DELETE')).status, 404)
    assert.equal((await get(server, '/api/v1/streams/live/none', headers)).status, 404)
    assert.equal((await get(server, '/api/v1/streams/live/a', headers, 'DELETE')).status, 404)
    const config = (await json('/api/v1/server'))['config']
    assert.doesNotMatch(JSON.stringify(config), new RegExp(server.secrets.publishKey))
  })

  test('A-16: paging is capped and odd pages are refused', async () => {
    const server = await start({ log: { level: 'silent' } })
    const close = () => undefined
    for (let index = 0; index < 3000; index++) {
      server.sessions.open({ protocol: 'test', role: 'play', path: 'live/a', remoteAddress: '192.0.2.1', close })
    }
    const headers = bearer(server)
    const page = async (query: string) => {
      const response = await get(server, `/api/v1/sessions?${query}`, headers)
      return { status: response.status, body: (await response.json()) as { items?: unknown[]; total?: number } }
    }

    assert.equal((await page('limit=1000')).body.items?.length, 1000)
    assert.equal((await page('')).body.items?.length, 100)
    assert.deepEqual((await page('page=1000000000')).body.items, [])
    assert.equal((await page('page=31')).body.total, 3000)
    for (const query of [
      'page=0',
      'page=-1',
      'limit=0',
      'limit=-5',
      'limit=1001',
      'page=x',
      'page=1.5',
      'page=1e99',
      'page=1&page=2',
    ]) {
      assert.equal((await page(query)).status, 400, query)
    }
  })

  test('A-12 and H-06: foreign pages are refused, even with the token', async () => {
    const server = await start({ api: { hosts: ['tv.example'] } })
    const headers = bearer(server)

    assert.equal((await get(server, '/api/v1/server', { ...headers, origin: 'https://evil.example' })).status, 403)
    assert.equal((await get(server, '/api/v1/server', { ...headers, origin: 'null' })).status, 403)
    assert.equal(await statusFor(server, '/api/v1/server', { ...headers, 'sec-fetch-site': 'cross-site' }), 403)
    assert.equal(await statusFor(server, '/api/v1/server', { ...headers, host: 'evil.example' }), 421)
    assert.equal(await statusFor(server, '/metrics', { host: 'evil.example:8080' }), 421)
    assert.equal(await statusFor(server, '/api/v1/server', { ...headers, host: 'tv.example:8080' }), 200)
    assert.equal(await statusFor(server, '/live.json', { host: 'evil.example' }), 200)
    const origin = server.urls['http'] ?? ''
    assert.equal((await get(server, '/api/v1/server', { ...headers, origin })).status, 200)
  })

  test('H-12: there is no callback parameter', async () => {
    const server = await start()

    assert.equal((await get(server, '/api/v1/server?callback=x', bearer(server))).status, 400)
  })

  test('bodies are JSON and small', async () => {
    const server = await start()
    const post = (type: string, body: string) =>
      fetch(`${server.urls['http']}/api/v1/server`, {
        method: 'DELETE',
        headers: { ...bearer(server), 'content-type': type },
        body,
      })

    for (const response of [
      await post('text/plain', 'x'),
      await post('application/json', `"${'x'.repeat(100_000)}"`),
    ]) {
      assert.ok(response.status >= 400 && response.status < 500)
      assert.equal(response.headers.get('content-type'), 'application/problem+json')
    }
  })

  test('the page of the API asks nobody else', async () => {
    const server = await start()

    const response = await get(server, '/api/docs')

    const page = await response.text()
    assert.match(page, /GET \/api\/v1\/sessions/)
    assert.doesNotMatch(page, /<script|https?:\/\/(?!127\.0\.0\.1)/)
    assert.match(response.headers.get('content-security-policy') ?? '', /default-src 'none'/)
  })
})

test('L-04: credentials appear in no log line, no answer and no metric', async () => {
  const server = await start({ log: { level: 'debug' }, paths: { 'live/closed': { play: 'key' } } })
  const answers: string[] = []
  const ask = async (target: string, headers: Record<string, string> = {}) => {
    const response = await get(server, target, headers)
    answers.push(await response.text(), JSON.stringify([...response.headers]))
  }
  const basic = Buffer.from(`user:${CANARY}`).toString('base64')
  server.publish('live/closed')

  await ask(`/live/closed.flv?key=${CANARY}`)
  await ask('/live/closed.flv', { authorization: `Bearer ${CANARY}` })
  await ask('/live/closed.flv', { authorization: `Basic ${basic}` })
  await ask('/api/v1/server', { authorization: `Bearer ${CANARY}` })
  await ask(`/api/v1/server?token=${CANARY}`, bearer(server))
  await ask(`/nothing?key=${CANARY}`)
  await ask('/api/v1/server', bearer(server))
  await ask('/metrics')
  await ask('/live.json')
  server.report(new Error(`rtmp://user:${CANARY}@host/live/a?key=${CANARY}`), 'test')
  await server.close()

  const all = [...lines, ...answers].join('\n')
  assert.doesNotMatch(all, new RegExp(CANARY))
  assert.doesNotMatch(all, new RegExp(basic))
  for (const secret of Object.values(server.secrets)) assert.equal(all.includes(secret), false)
})
