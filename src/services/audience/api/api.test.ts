/** The audience over the API and in the measurements, of a store with the golden sessions. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it, mock } from 'node:test'
import { PeerError } from '../../../errors.ts'
import { Hub } from '../../../live/hub.ts'
import { Sessions } from '../../../live/sessions.ts'
import { type HttpFront, openHttpFront } from '../../../net/http/listener.ts'
import { quietLogger } from '../../../net/testdata/raw-client.ts'
import { Counters } from '../../admin/counters.ts'
import type { Operation } from '../../admin/operation.ts'
import { addOperationRoutes } from '../../admin/routes.ts'
import { StoreThread } from '../store/store-thread.ts'
import { batchesOf, GOLDEN_SESSIONS, GOLDEN_START, goldenEvents } from '../store/vectors.ts'

const TOKEN = 'token-of-the-operator'
const RANGE = `from=${iso(0)}&until=${iso(180)}`
/** Everything a session may be called. */
const HOSTILE_ID = '../a/<b>"&?#%2F é\u0000'

let folder = ''
let hub: Hub
let store: StoreThread
let broken: StoreThread
let front: HttpFront
let bare: HttpFront
let sick: HttpFront
const faults: unknown[] = []
const audits: Readonly<Record<string, unknown>>[] = []

function iso(seconds: number): string {
  return new Date(GOLDEN_START + seconds * 1000).toISOString()
}

async function openFront(more: Partial<Operation>): Promise<HttpFront> {
  const opened = await openHttpFront({ host: '127.0.0.1', port: 0, tls: undefined, tlsPort: 0, log: quietLogger() })
  addOperationRoutes(opened.routes, {
    hub,
    sessions: new Sessions(),
    authorize: async ({ credentials }) => {
      if (credentials.bearer !== TOKEN) throw new PeerError('ERR_ACCESS_DENIED', 'expected the admin token')
    },
    counters: new Counters(),
    audience: undefined,
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
    audit: (facts) => audits.push(facts),
    onFault: (error) => faults.push(error),
    ...more,
  })
  return opened
}

before(async () => {
  mock.timers.enable({ apis: ['Date'], now: GOLDEN_START + 3_600_000 })
  folder = mkdtempSync(join(tmpdir(), 'headend-audience-'))
  hub = new Hub({ pathSettings: () => ({ graceMs: 0, onBusy: 'refuse', windowMs: 0 }) })
  hub.publish('live/one')
  store = new StoreThread(join(folder, 'audience.sqlite'))
  const [event] = GOLDEN_SESSIONS['a'] ?? []
  assert.ok(event !== undefined)
  const hour = 3_600_000
  const hostile = { ...event, sessionId: HOSTILE_ID, time: event.time - hour, receivedAt: event.receivedAt - hour }
  const requests = (['request', 'request', 'state', 'request', 'error'] as const).map((kind, sequence) => ({
    ...hostile,
    sessionId: 'requests',
    kind,
    sequence,
    time: hostile.time + sequence,
  }))
  await store.commit(batchesOf([...goldenEvents(), hostile, ...requests], { size: 100 }))
  while (await store.settle()) continue
  broken = new StoreThread(join(folder, 'no-such'))
  await broken.close()
  front = await openFront({ audience: store })
  bare = await openFront({})
  sick = await openFront({ audience: broken })
})

after(async () => {
  await Promise.all([front.close(), bare.close(), sick.close()])
  await store.close()
  hub.close()
  mock.timers.reset()
  rmSync(folder, { recursive: true })
})

const BEARER = { authorization: `Bearer ${TOKEN}` }

const ask = (target: string, init: RequestInit = { headers: BEARER }, from = front) =>
  fetch(`http://127.0.0.1:${from.port}${target}`, init)

/** Untyped: it is looked into with assertions. */
// oxlint-disable-next-line typescript/no-explicit-any
async function answer(target: string): Promise<any> {
  const response = await ask(`/api/v1/audience/${target}`)
  const body = await response.text()
  assert.equal(response.status, 200, `${target}: ${body}`)
  return JSON.parse(body)
}

describe('the audience over the API', () => {
  it('has the numbers of a range', async () => {
    const { range, startupMs, codes, ...numbers } = await answer(`overview?${RANGE}`)

    assert.deepEqual(range, { from: iso(0), until: iso(180) })
    assert.deepEqual(startupMs, { p50: 981, p75: 1961, p95: 3922 })
    assert.deepEqual(codes, [
      { code: '404', count: 2 },
      { code: 'manifest', count: 1 },
    ])
    assert.deepEqual(numbers, {
      attempts: 8,
      plays: 6,
      viewers: 7,
      concurrent: 3,
      exitsBeforeStart: 1,
      startFailures: 1,
      playbackFailures: 1,
      playedMs: 227_000,
      stalledMs: 17_000,
      stalls: 2,
      rebufferRatio: 17_000 / 244_000,
      networkRebufferRatio: 17_000 / 244_000,
      bitrateKbps: (49 * 1000 + 60 * 3000) / 109,
      bytes: 12_000,
      errors: 3,
    })
  })

  it('has them for a path, a protocol, a family of players, and for what told none', async () => {
    const attempts = async (query: string) => (await answer(`overview?${RANGE}&${query}`)).attempts

    assert.equal(await attempts('path=live/one'), 4)
    assert.equal(await attempts('protocol=wmsp'), 1)
    assert.equal(await attempts('family=Chrome'), 2)
    assert.equal(await attempts('family='), 5)
    assert.deepEqual((await answer(`overview?${RANGE}&path=nothing`)).rebufferRatio, undefined)
  })

  it('has them step by step, and chooses steps that fit', async () => {
    const { stepSeconds, points } = await answer(`series?${RANGE}&step=60`)

    assert.equal(stepSeconds, 60)
    assert.deepEqual(
      points.map((point: Record<string, unknown>) => [point['time'], point['concurrent'], point['stalledMs']]),
      [
        [iso(0), 3, 10_000],
        [iso(60), 3, 7000],
        [iso(120), 1, 0],
      ],
    )
    const steps = async (query: string) => (await answer(`series?${query}`)).stepSeconds
    assert.equal(await steps('from=-15m'), 60)
    assert.equal(await steps('from=-1d'), 600)
    assert.equal(await steps('from=-365d'), 604_800)
  })

  it('has the share of each path, protocol and family', async () => {
    const names = async (by: string) =>
      (await answer(`shares?${RANGE}&by=${by}`)).shares.map((share: Record<string, unknown>) => [
        share['name'],
        share['attempts'],
      ])

    assert.deepEqual(await names('path'), [
      ['live/one', 4],
      ['live/two', 4],
    ])
    assert.deepEqual(await names('family'), [
      ['Chrome', 2],
      ['', 5],
      ['Windows Media Player', 1],
    ])
  })

  it('lists sessions page by page', async () => {
    const first = await answer(`sessions?${RANGE}&limit=5`)
    const second = await answer(`sessions?${RANGE}&limit=5&before=${first.next}`)

    const ids = [...first.items, ...second.items].map(({ id }: { id: string }) => id)
    assert.deepEqual(ids.toSorted(), ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'])
    assert.equal(second.next, undefined)
    const found = async (query: string) =>
      (await answer(`sessions?${RANGE}&${query}`)).items.map(({ id }: { id: string }) => id).join('')
    assert.equal(await found('outcome=start-failure'), 'd')
    assert.equal(await found('player=p1&protocol=hls'), 'ba')
    assert.equal((await found('troubled=true')).length, 4)
    assert.equal((await found('troubled=false')).length, 8)
  })

  it('tells all of one session', async () => {
    const session = await answer('session?id=a')

    assert.equal(session.outcome, 'ended')
    assert.equal(session.start, iso(0))
    assert.deepEqual(
      [session.startupMs, session.playedMs, session.stalledMs, session.bitrateUp],
      [1000, 109_000, 15_000, 1],
    )
    assert.deepEqual(session.spans[2], { state: 'rebuffering', start: iso(50), end: iso(65) })
    assert.deepEqual(
      session.events,
      GOLDEN_SESSIONS['a']
        ?.map((event) => ({ ...event, sessionId: undefined }))
        .map((event) => JSON.parse(JSON.stringify(event))),
    )
    assert.equal(session.isCut, false)
    const short = await answer('session?id=a&limit=2')
    assert.deepEqual([short.events.length, short.isCut], [2, true])
    assert.equal((await ask('/api/v1/audience/session?id=nobody')).status, 404)
  })

  it('tells what happened before what was requested', async () => {
    const kinds = async (limit: number) =>
      (await answer(`session?id=requests&limit=${limit}`)).events.map(({ kind }: { kind: string }) => kind).join(' ')

    assert.equal(await kinds(9), 'request request state request error')
    assert.equal(await kinds(3), 'request state error')
    assert.equal(await kinds(1), 'state')
  })

  it('refuses questions that mean nothing, in clear words', async () => {
    const refused: Readonly<Record<string, RegExp>> = {
      'overview?from=yesterday': /expected a moment like .* found "yesterday"/,
      'overview?from=now&until=-1h': /`from` that is before `until`/,
      'overview?from=2020-01-01': /at most 366 days apart/,
      'overview?unknown=1': /nrecognized/,
      'overview?path=a&path=b': /path/,
      [`overview?path=${'a'.repeat(257)}`]: /256/,
      'series?from=-7d&step=60': /`step` that gives at most 3000 steps, found 100\d\d/,
      'series?step=90': /multiple of 60/,
      'series?step=0': />=60/,
      'series?step=1e9': /<=2592000/,
      'series?step=NaN': /step/,
      'shares?by=address': /by/,
      'shares?': /by/,
      'sessions?limit=0': />=1/,
      'sessions?limit=501': /<=500/,
      'sessions?before=-1': />=1/,
      'sessions?outcome=good': /outcome/,
      'sessions?troubled=maybe': /troubled/,
      'session?': /id/,
      'session?id=': /id/,
      'session?id=a&limit=10001': /<=10000/,
    }
    for (const [target, words] of Object.entries(refused)) {
      const response = await ask(`/api/v1/audience/${target}`)
      const problem = (await response.json()) as { code: string; detail: string }
      assert.equal(response.status, 400, target)
      assert.equal(response.headers.get('content-type'), 'application/problem+json')
      assert.equal(problem.code, 'ERR_API_INVALID')
      assert.match(problem.detail, words, target)
    }
  })

  it('A-11: needs the token', async () => {
    for (const name of [
      'overview',
      'series',
      'shares?by=path',
      'sessions',
      'session?id=a',
      'export?what=events&format=csv',
    ]) {
      for (const headers of [{}, { authorization: 'Bearer wrong' }]) {
        assert.equal((await ask(`/api/v1/audience/${name}`, { headers })).status, 401, name)
      }
    }
    assert.equal((await ask('/api/v1/audience/session?id=a', { method: 'DELETE' })).status, 401)
    const foreign = { ...BEARER, origin: 'http://elsewhere.example' }
    assert.equal((await ask('/api/v1/audience/session?id=a', { method: 'DELETE', headers: foreign })).status, 403)
    assert.equal((await answer('session?id=a')).id, 'a')
  })

  it('gives sessions and their events as files', async () => {
    const file = async (query: string, from = front) =>
      ask(`/api/v1/audience/export?${RANGE}&${query}`, undefined, from)
    const csv = await file('what=sessions&format=csv&path=live/one')
    const json = await file('what=events&format=jsonl&outcome=start-failure')
    const windowsMedia = await file('what=events&format=wms')

    assert.deepEqual(
      [csv.headers.get('content-type'), csv.headers.get('content-disposition')],
      ['text/csv; charset=utf-8; header=present', 'attachment; filename="audience-sessions-2026-11-25T20-00Z.csv"'],
    )
    assert.deepEqual(
      (await csv.text()).split('\r\n').map((line) => line.split(',')[0]),
      ['"session"', '"d"', '"c"', '"b"', '"a"', ''],
    )
    assert.deepEqual(
      (await json.text())
        .trimEnd()
        .split('\n')
        .map((line): unknown => JSON.parse(line)),
      GOLDEN_SESSIONS['d'],
    )
    assert.match(await windowsMedia.text(), /^#Version: 1.0\n#Software: Headend 1.2.3\n#Date: .*\n#Fields: c-ip .*\n$/)
    assert.equal((await file('what=sessions&format=wms')).status, 400)
    assert.equal((await file('what=sessions&format=exe')).status, 400)
    assert.equal((await file('what=sessions&format=csv', sick)).status, 503)
  })

  it('says that none is kept, or that the store does not answer', async () => {
    const none = await ask('/api/v1/audience/overview', undefined, bare)
    const away = await ask('/api/v1/audience/overview', undefined, sick)

    assert.deepEqual(
      [none.status, ((await none.json()) as { detail: string }).detail],
      [404, 'no audience is kept here'],
    )
    assert.deepEqual([away.status, ((await away.json()) as { code: string }).code], [503, 'ERR_AUDIENCE_STORE'])
  })

  it('is described', async () => {
    const { paths } = (await (await ask('/api/openapi.json')).json()) as {
      paths: Record<string, Record<string, { operationId: string }>>
    }

    const described = Object.entries(paths).filter(([path]) => path.startsWith('/api/v1/audience/'))
    assert.deepEqual(
      described.flatMap(([, methods]) => Object.values(methods).map(({ operationId }) => operationId)).toSorted(),
      [
        'eraseAudienceSession',
        'exportAudience',
        'getAudience',
        'getAudienceSeries',
        'getAudienceSession',
        'listAudienceSessions',
        'listAudienceShares',
      ],
    )
  })

  it('erases a session, whatever it is called, and writes down that it did without its name', async () => {
    const target = `/api/v1/audience/session?id=${encodeURIComponent(HOSTILE_ID)}`
    assert.equal((await ask(target)).status, 200)

    const erased = await ask(target, { method: 'DELETE', headers: BEARER })
    const again = await ask(target, { method: 'DELETE', headers: BEARER })

    assert.deepEqual([erased.status, again.status], [204, 404])
    assert.equal((await ask(target)).status, 404)
    const digest = createHash('sha256').update(HOSTILE_ID).digest('hex')
    assert.deepEqual(
      audits.map(({ action, digest: of, known }) => [action, of, known]),
      [
        ['erase', digest, true],
        ['erase', digest, false],
      ],
    )
    assert.ok(!JSON.stringify(audits).includes('<b>'))
  })

  it('is measured for the last full minute, by names of ours', async () => {
    mock.timers.setTime(GOLDEN_START + 125_000)
    const page = await (await ask('/metrics')).text()

    const value = (row: string) => {
      const line = page.split('\n').find((one) => one.startsWith(`${row} `))
      return line === undefined ? undefined : Number(line.slice(row.length + 1))
    }
    assert.equal(value('headend_audience_up'), 1)
    assert.equal(value('headend_audience_concurrent'), 3)
    assert.equal(value('headend_audience_failures{when="start"}'), 1)
    assert.equal(value('headend_audience_path_played_seconds{path="live/one"}'), 55)
    // live/two is not published here.
    assert.equal(value('headend_audience_path_played_seconds{path="other"}'), 40)
    assert.ok(!page.includes('live/two'))
    assert.equal(value('headend_audience_protocol_errors{protocol="hls"}'), 3)
    assert.equal(value('headend_audience_player_attempts{player="unknown"}'), 1)
    assert.equal(value('headend_audience_bitrate_bps'), 3_000_000)
    const ofSick = await (await ask('/metrics', {}, sick)).text()
    assert.match(ofSick, /^headend_audience_up 0$/m)
    assert.match(ofSick, /^headend_sessions_total|^# HELP headend_sessions_total/m)
    assert.ok(!(await (await ask('/metrics', {}, bare)).text()).includes('headend_audience'))
  })

  it('is no fault of the server in any of this', () => {
    assert.deepEqual(faults, [])
  })
})
