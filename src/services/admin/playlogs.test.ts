/** Play logs over the API: lists, filters, files, and who may see them. */
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, describe, test } from 'node:test'
import { PeerError } from '../../errors.ts'
import { Hub } from '../../live/hub.ts'
import { Sessions } from '../../live/sessions.ts'
import { type HttpFront, openHttpFront } from '../../net/http/listener.ts'
import { quietLogger } from '../../net/testdata/raw-client.ts'
import { playLogOf } from '../../playlog/play-log.ts'
import { LINE_44, LINE_52 } from '../../playlog/vectors.ts'
import { parseWmlogLine } from '../../playlog/wmlog-line.ts'
import { openPlayLogs, type PlayLogs } from '../logs/index.ts'
import { Counters } from './counters.ts'
import type { Operation } from './operation.ts'
import { addOperationRoutes } from './routes.ts'

const TOKEN = 'token-of-the-operator'
const FILE = 'wms_20261125_0001.log'

let folder = ''
let front: HttpFront
let bare: HttpFront
let hub: Hub
let playLogs: PlayLogs
const faults: unknown[] = []

async function openFront(more: Partial<Operation>): Promise<HttpFront> {
  const opened = await openHttpFront({ host: '127.0.0.1', port: 0, tls: undefined, tlsPort: 0, log: quietLogger() })
  addOperationRoutes(opened.routes, {
    hub,
    sessions: new Sessions(),
    authorize: async ({ credentials }) => {
      if (credentials.bearer !== TOKEN) throw new PeerError('ERR_ACCESS_DENIED', 'expected the admin token')
    },
    counters: new Counters(),
    version: '1.2.3',
    startedAt: new Date(),
    ready: () => true,
    faults: () => [],
    ports: () => ({}),
    urls: () => ({}),
    config: () => ({}),
    connections: () => 0,
    isOpen: () => true,
    metricsAccess: () => 'open',
    audit: () => undefined,
    onFault: (error) => faults.push(error),
    ...more,
  })
  return opened
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headend-playlogs-'))
  hub = new Hub({ pathSettings: () => ({ graceMs: 0, onBusy: 'refuse', windowMs: 0 }) })
  playLogs = openPlayLogs({
    folder: join(folder, 'logs'),
    log: quietLogger(),
    limits: { maxAgeDays: 36_500, maxBytes: 1 << 30, maxFileBytes: 1 << 26 },
  })
  await writeFile(join(folder, 'secrets.json'), TOKEN)
  for (const [at, line] of [LINE_44, LINE_52, LINE_52].entries()) {
    playLogs.add(
      playLogOf(parseWmlogLine(line), {
        receivedAt: new Date(Date.UTC(2026, 10, 25, 10, at)),
        remoteAddress: '192.0.2.7',
        protocol: 'windows-media',
        path: at === 2 ? 'live/studio' : 'vod/harbour.wmv',
        sessionId: `s${at}`,
      }),
    )
  }
  await playLogs.flush()
  front = await openFront({ playLogs })
  bare = await openFront({})
})

after(async () => {
  await front.close()
  await bare.close()
  await playLogs.close()
  hub.close()
  await rm(folder, { recursive: true, force: true })
})

const get = (target: string, headers: Record<string, string> = { authorization: `Bearer ${TOKEN}` }, from = front) =>
  fetch(`http://127.0.0.1:${from.port}${target}`, { headers })

interface Page {
  readonly total: number
  readonly items: readonly Record<string, unknown>[]
}

async function page(target: string, from = front): Promise<Page> {
  const response = await get(target, undefined, from)
  assert.equal(response.status, 200, target)
  return (await response.json()) as Page
}

describe('play logs over the API', () => {
  test('are listed, the newest first, with the names of their fields', async () => {
    const { total, items } = await page('/api/v1/playlogs')

    assert.equal(total, 3)
    assert.deepEqual(
      items.map(({ session }) => session),
      ['s2', 's1', 's0'],
    )
    const [, , first] = items
    assert.equal(first?.['receivedAt'], '2026-11-25T10:00:00.000Z')
    assert.equal(first['kind'], 'legacy')
    assert.equal(first['remoteAddress'], '192.0.2.7')
    assert.deepEqual(first['fields'], parseWmlogLine(LINE_44).fields)
  })

  test('are found by path, kind and time, and given in pages', async () => {
    const sessions = async (query: string) =>
      (await page(`/api/v1/playlogs?${query}`)).items.map(({ session }) => session)

    assert.deepEqual(await sessions('path=live/studio'), ['s2'])
    assert.deepEqual(await sessions('kind=rendering'), ['s2', 's1'])
    assert.deepEqual(await sessions('since=2026-11-25T10:01:00Z'), ['s2', 's1'])
    assert.deepEqual(await sessions('since=2026-11-25T12:01:00%2B02:00&kind=rendering&path=vod/harbour.wmv'), ['s1'])
    assert.deepEqual(await sessions('limit=1&page=2'), ['s1'])
    assert.equal((await page('/api/v1/playlogs?limit=1&page=9')).total, 3)
  })

  test('queries that mean nothing are refused', async () => {
    for (const query of [
      'kind=other',
      'since=yesterday',
      'limit=0',
      'page=0',
      'unknown=1',
      `path=${'a'.repeat(1025)}`,
    ]) {
      assert.equal((await get(`/api/v1/playlogs?${query}`)).status, 400, query)
    }
  })

  test('files are listed and read', async () => {
    const { total, items } = await page('/api/v1/playlogs/files')
    assert.equal(total, 1)
    const onDisk = await readFile(join(folder, 'logs', FILE), 'utf8')
    assert.equal(items[0]?.['name'], FILE)
    assert.equal(items[0]['bytes'], Buffer.byteLength(onDisk))

    const response = await get(`/api/v1/playlogs/files/${FILE}`)
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('content-type'), 'text/plain; charset=utf-8')
    assert.equal(response.headers.get('content-length'), String(Buffer.byteLength(onDisk)))
    assert.equal(response.headers.get('content-disposition'), `attachment; filename="${FILE}"`)
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff')
    assert.equal(await response.text(), onDisk)
  })

  test('H-01, F-02: nothing but these files is read, however the name is written', async () => {
    for (const name of [
      '../secrets.json',
      '..%2fsecrets.json',
      '..%252fsecrets.json',
      '..%5csecrets.json',
      `%2e%2e/logs/${FILE}`,
      `.%2f${FILE}`,
      `${FILE}%00`,
      `${FILE}/`,
      FILE.toUpperCase(),
      'a'.repeat(300),
      '%ff',
    ]) {
      // Not with fetch: it would take the dots away.
      const { status, body } = await raw(`/api/v1/playlogs/files/${name}`)
      assert.ok([400, 404, 414].includes(status), `${name}: ${status}`)
      assert.ok(!body.includes(TOKEN))
      assert.ok(!body.includes('#Fields'))
    }
  })

  test('need the token', async () => {
    for (const target of ['/api/v1/playlogs', '/api/v1/playlogs/files', `/api/v1/playlogs/files/${FILE}`]) {
      assert.equal((await get(target, {})).status, 401, target)
    }
  })

  test('are counted by kind', async () => {
    const metrics = await (await get('/metrics')).text()
    assert.match(metrics, /^headend_playlogs_total\{kind="legacy"\} 1$/m)
    assert.match(metrics, /^headend_playlogs_total\{kind="rendering"\} 2$/m)
    assert.match(metrics, /^headend_playlogs_total\{kind="connect-time"\} 0$/m)
    assert.match(metrics, /^headend_playlogs_lost_total 0$/m)
  })

  test('are described', async () => {
    const { paths } = (await (await get('/api/openapi.json')).json()) as {
      paths: Record<string, { get: { responses: Record<string, { content: Record<string, unknown> }> } }>
    }
    assert.ok(paths['/api/v1/playlogs'])
    assert.ok(paths['/api/v1/playlogs/files'])
    assert.deepEqual(Object.keys(paths['/api/v1/playlogs/files/{name}']?.get.responses['200']?.content ?? {}), [
      'text/plain',
    ])
  })

  test('a server that keeps none has empty lists', async () => {
    assert.equal((await page('/api/v1/playlogs', bare)).total, 0)
    assert.equal((await page('/api/v1/playlogs/files', bare)).total, 0)
    assert.equal((await get(`/api/v1/playlogs/files/${FILE}`, undefined, bare)).status, 404)
    assert.ok(!(await (await get('/metrics', {}, bare)).text()).includes('playlogs'))
  })

  test('nothing of this is a fault of the server', () => {
    assert.deepEqual(faults, [])
  })
})

async function raw(target: string): Promise<{ status: number; body: string }> {
  const asked = request({
    host: '127.0.0.1',
    port: front.port,
    path: target,
    headers: { authorization: `Bearer ${TOKEN}` },
  }).end()
  return new Promise((resolve, reject) => {
    asked.on('error', reject)
    asked.on('response', (response) => {
      text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject)
    })
  })
}
