/** Secrets, settings and texts of peers on the operating side: A-08, A-13, A-14, A-15, A-17, L-01, L-03 and L-04. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { it } from 'node:test'
import { type AttackedServer, eventually, startAttacked } from './attacked-server.ts'
import { publishLive } from './live-stream.ts'
import { RtmpPeer } from './rtmp-peer.ts'

const HOSTILE_TEXT = '<script>alert(1)</script>"\'&\u001b[31m\u202e=cmd()'

it('A-08 L-04: no key that a peer shows is repeated anywhere', async (t) => {
  const server = await startAttacked(t, {
    settings: { log: { level: 'debug' }, paths: { '**': { graceMs: 0, play: 'key' } } },
  })
  let number = 0
  const canaries: string[] = []
  const canary = () => {
    const text = `cAnArY${++number}x9Zq7Lw3`
    canaries.push(text)
    return text
  }
  await publishOnce(server)
  // RTMP: in the name, in the application, in tcUrl, in the page and in fields nobody knows.
  const places = [
    { name: `a?key=${canary()}`, app: 'live', tcUrl: 'rtmp://localhost/live' },
    { name: `a?token=eyJ${canary()}.${canary()}.${canary()}`, app: 'live', tcUrl: 'rtmp://localhost/live' },
    { name: 'a', app: `live?key=${canary()}`, tcUrl: 'rtmp://localhost/live' },
    { name: 'a', app: 'live', tcUrl: `rtmp://localhost/live?key=${canary()}` },
    { name: 'a', app: 'live', tcUrl: `rtmp://user:${canary()}@localhost/live`, pageUrl: `http://x/?key=${canary()}` },
    { name: `a b?key=${canary()}`, app: 'live', tcUrl: 'rtmp://localhost/live', password: canary() },
  ]
  const refused = places.flatMap(({ name, ...fields }) =>
    ['publish', 'play'].map(async (command) => {
      const peer = await (await RtmpPeer.open(server.rtmp)).connect(fields)
      peer.command(command, 1, null, name, 'live')
      await peer.end()
    }),
  )
  // HTTP: query, Authorization, cookies, referrer, and WebSocket.
  const http = [
    (key: string) => raw(server, `/live/a.flv?key=${key}`),
    (key: string) => raw(server, `/live/a/index.m3u8?key=${key}`),
    (key: string) => raw(server, `/live/a/index.m3u8?token=eyJ${key}.${key}.${key}`),
    (key: string) => raw(server, `/live/a.flv?token=${key}`),
    (key: string) => raw(server, '/live/a.flv', `Authorization: Bearer eyJ${key}.${key}.${key}\r\n`),
    (key: string) => raw(server, `/key/aes128/${'0'.repeat(32)}?token=eyJ${key}.${key}.${key}`),
    (key: string) => raw(server, `/live/a/manifest.mpd?key=${key}`),
    (key: string) => raw(server, `/live/a.flv?key=${key}`, UPGRADE),
    (key: string) => raw(server, '/live/a.flv', `Authorization: Bearer ${key}\r\n`),
    (key: string) =>
      raw(server, '/live/a.flv', `Authorization: Basic ${Buffer.from(`u:${key}`).toString('base64')}\r\n`),
    (key: string) => raw(server, '/api/v1/server', `Authorization: Bearer ${key}\r\n`),
    (key: string) => raw(server, `/api/v1/server?key=${key}&token=${key}`),
    (key: string) => raw(server, '/live/a.flv', `Cookie: token=${key}\r\nReferer: http://x/?key=${key}\r\n`),
    (key: string) => raw(server, `/nothing/../x?key=${key}`),
  ]
  const answers = await Promise.all(http.map((ask) => ask(canary())))
  await Promise.all(refused)
  const own = Object.values(server.secrets)
  answers.push(await raw(server, '/live/a.flv', `Authorization: Bearer ${server.secrets.publishKey}\r\n`))

  const bearer = `Authorization: Bearer ${server.secrets.adminToken}\r\n`
  for (const path of [
    '/metrics',
    '/live.json',
    '/api/v1/server',
    '/api/v1/streams',
    '/api/v1/sessions',
    '/api/openapi.json',
  ])
    answers.push(await raw(server, path, bearer))
  const everything = [...answers, server.log()].join('\n')
  for (const text of [...canaries, ...own]) {
    for (const form of [text, Buffer.from(text).toString('base64'), Buffer.from(text).toString('hex')])
      assert.ok(
        !everything.includes(form),
        `${form} is in ${everything.slice(everything.indexOf(form) - 200, everything.indexOf(form) + 50)}`,
      )
  }
  assert.ok(canaries.length >= 15 && server.log().includes('ERR_ACCESS_DENIED'))
})

/** As the document describes what an operation takes. */
interface BodyOf {
  readonly content: Readonly<
    Record<
      string,
      { readonly schema: { readonly properties: object; readonly additionalProperties: boolean } } | undefined
    >
  >
}

it('A-13 A-14 A-15: the API changes no setting, and identities in headers count for nothing', async (t) => {
  const server = await startAttacked(t)
  const bearer = { authorization: `Bearer ${server.secrets.adminToken}`, 'content-type': 'application/json' }
  const before = await config(server)
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
    for (const path of [
      '/api/v1/server',
      '/api/v1/config',
      '/api/v1/settings',
      '/api/v1/reload',
      '/api/v1/server/config',
    ]) {
      const response = await fetch(`${server.urls['http']}${path}`, {
        method,
        headers: bearer,
        body: JSON.stringify({ data: '/etc', config: { data: '/etc' } }),
      })
      assert.ok([404, 405].includes(response.status), `${method} ${path}: ${response.status}`)
    }
  }
  assert.deepEqual(await config(server), before)
  // The document lists what there is: what takes a body makes no settings, and what begins and ends a recording says no more than which stream.
  const document = (await (await fetch(`${server.urls['http']}/api/openapi.json`)).json()) as {
    paths: Record<string, Record<string, { operationId?: string; requestBody?: BodyOf }>>
  }
  const taking = Object.values(document.paths).flatMap((operations) =>
    Object.values(operations).filter(({ requestBody }) => requestBody !== undefined),
  )
  assert.deepEqual(
    taking.map(({ operationId = '' }) => operationId).toSorted((a, b) => a.localeCompare(b)),
    ['createToken', 'exportCpix', 'exportKeys', 'importCpix', 'importKeys', 'startRecording', 'stopRecording'],
  )
  for (const { operationId, requestBody } of taking) {
    // A document of keys, which is no JSON.
    if (operationId === 'importCpix') {
      assert.deepEqual(Object.keys(requestBody?.content ?? {}), ['application/xml'])
      continue
    }
    const { schema } = requestBody?.content['application/json'] ?? {}
    assert.equal(schema?.additionalProperties, false, operationId ?? '')
    if (operationId?.endsWith('Recording') === true) assert.deepEqual(Object.keys(schema?.properties ?? {}), ['path'])
  }
  for (const name of ['x-forwarded-user', 'x-real-ip', 'x-remote-user', 'x-forwarded-for', 'x-admin-token', 'cookie']) {
    const { status } = await fetch(`${server.urls['http']}/api/v1/sessions`, {
      headers: { [name]: server.secrets.adminToken },
    })
    assert.equal(status, 401, name)
  }
  // Nobody ends a session without the token: publisher and player keys do not count.
  for (const key of [server.secrets.publishKey, server.secrets.playKey]) {
    const { status } = await fetch(`${server.urls['http']}/api/v1/streams/live/x`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${key}` },
    })
    assert.equal(status, 401)
  }
})

it('A-17 L-01 L-03: texts of peers are data wherever they are shown', async (t) => {
  const server = await startAttacked(t)
  await publishLive(t, server, 'shown')
  const peer = await (await RtmpPeer.open(server.rtmp)).connect({
    app: 'live',
    tcUrl: 'rtmp://x/live',
    flashVer: HOSTILE_TEXT,
  })
  peer.command('play', 1, null, 'shown')
  await peer.hears('NetStream.Play.Start')
  const viewer = connect(server.http, '127.0.0.1')
  viewer.on('error', () => {})
  viewer.write(`GET /live/shown.flv HTTP/1.1\r\nHost: localhost\r\nUser-Agent: ${'<b>'.repeat(2000)}\r\n\r\n`)
  await once(viewer, 'data')

  const bearer = { authorization: `Bearer ${server.secrets.adminToken}` }
  const listed = await fetch(`${server.urls['http']}/api/v1/sessions?limit=100`, { headers: bearer })
  assert.match(listed.headers.get('content-type') ?? '', /^application\/json/)
  assert.equal(listed.headers.get('x-content-type-options'), 'nosniff')
  const { items } = (await listed.json()) as { items: { userAgent?: string }[] }
  const agents = items.map(({ userAgent = '' }) => userAgent)
  assert.ok(agents.some((agent) => agent.startsWith('<script>')))
  assert.deepEqual(
    agents.filter((agent) => agent.length > 256),
    [],
  )
  for (const path of [
    '/',
    '/watch/live/shown',
    `/watch/live/${encodeURIComponent('<img src=x onerror=alert(1)>')}`,
    '/api/docs',
  ]) {
    const page = await fetch(`${server.urls['http']}${path}`)
    const policy = page.headers.get('content-security-policy') ?? ''
    const body = await page.text()
    // What is no page says so, and is not taken for one.
    assert.equal(page.headers.get('x-content-type-options'), 'nosniff', path)
    if (page.headers.get('content-type')?.startsWith('text/html') === true) {
      for (const markup of ['<img src=x', '<b><b>', '<script>alert']) assert.ok(!body.includes(markup), path)
      assert.match(policy, /script-src|default-src/, path)
      assert.ok(!/script-src[^;]*unsafe-inline/.test(policy), `${path}: ${policy}`)
    }
  }
  viewer.destroy()
  peer.leave()
  await eventually('both are gone', async () => (server.log().match(/play ends/g) ?? []).length >= 2)
  for (const line of server.log().split('\n')) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none may be there
    assert.doesNotMatch(line, /[\u0000-\u0008\u000b-\u001f\u007f\u202a-\u202e]/)
    if (line.startsWith('{')) JSON.parse(line)
  }
})

const UPGRADE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'

/** One answer, whole. */
async function raw(server: AttackedServer, target: string, headers = ''): Promise<string> {
  const socket = connect(server.http, '127.0.0.1')
  socket.on('error', () => {})
  const close = headers.includes('Connection') ? '' : 'Connection: close\r\n'
  socket.write(`GET ${target} HTTP/1.1\r\nHost: localhost\r\n${close}${headers}\r\n`)
  let text = ''
  socket.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')))
  await once(socket, 'close')
  return text
}

async function publishOnce(server: AttackedServer): Promise<void> {
  const peer = await (await RtmpPeer.open(server.rtmp)).connect()
  peer.command('publish', 1, null, `good?key=${server.secrets.publishKey}`, 'live')
  assert.ok(await peer.hears('NetStream.Publish.Start'))
  peer.leave()
}

async function config(server: AttackedServer): Promise<unknown> {
  const headers = { authorization: `Bearer ${server.secrets.adminToken}` }
  return ((await (await fetch(`${server.urls['http']}/api/v1/server`, { headers })).json()) as { config: unknown })
    .config
}
