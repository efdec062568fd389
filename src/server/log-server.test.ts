import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { STREAMING_LINE } from '../playlog/vectors.ts'
import { WEB_LOG_PAGE } from '../playlog/weblog.ts'
import { parseWmlogLine } from '../playlog/wmlog-line.ts'
import { formatWmlogXml } from '../playlog/wmlog-xml.ts'
import { AudienceIntake } from '../services/audience/audience-intake.ts'
import type { SessionDetail } from '../services/audience/store/audience-store.ts'
import { eraseSession } from './erase-session.ts'
import type { HeadendServer } from './headend-server.ts'
import { createLogServer } from './log-server.ts'
import { createServer } from './server.ts'

const AGENT = 'test-player/1'
/** MS-WMLOG 2.2.2, as our own player writes it. */
const LINE =
  '0.0.0.0 2031-05-06 07:08:09 - http://media.test/vod/harbour.wmv 12 48 1 200 {3300AD50-2C39-46c0-AE0A-1A2B3C4D5E6F} 12.0.0.42 en-GB TestPlayer/1.4_(NodeMSS) - testplayer.exe 1.4.0.0 Linux 6.1.0.0 x64 90 5632000 498211 http TCP Windows_Media_Audio_9.2 Windows_Media_Video_9 - - 2990144 - 712 0 0 0 - 0 0 1 2 100 - - - - http://media.test/vod/harbour.wmv?key=s3cret harbour.wmv -'

interface Sent extends Omit<RequestInit, 'headers'> {
  readonly headers?: Record<string, string>
}

interface Started {
  readonly server: HeadendServer
  readonly data: string
  readonly lines: readonly string[]
  send(target: string, init?: Sent): Promise<Response>
  /** Closes the server, and gives what is kept of a session. */
  kept(id: string): Promise<SessionDetail | undefined>
}

async function start(t: TestContext, settings: Record<string, unknown> = {}, create = createServer): Promise<Started> {
  const data = await mkdtemp(path.join(tmpdir(), 'headend-logs-'))
  t.after(() => rm(data, { recursive: true, force: true }))
  const lines: string[] = []
  const server = await create(
    { host: '127.0.0.1', data, testChannel: false, http: { port: 0 }, rtmp: { port: 0 }, ...settings },
    { writeLog: (line) => lines.push(line), terminal: false },
  )
  t.after(() => server.close())
  return {
    server,
    data,
    lines,
    send: (target, init = {}) =>
      fetch(`${server.urls['http']}${target}`, {
        ...init,
        headers: { 'user-agent': AGENT, connection: 'close', ...init.headers },
      }),
    async kept(id) {
      await server.close()
      const intake = await AudienceIntake.open({ folder: path.join(data, 'audience') })
      await intake.drain()
      const found = await intake.store.session(id, Date.now())
      await intake.close()
      return found
    },
  }
}

const post = (body: string, type = 'application/cmcd', headers: Record<string, string> = {}): Sent => ({
  method: 'POST',
  body,
  headers: { 'content-type': type, ...headers },
})

describe('/logs/cmcd', () => {
  it('takes events in every type of body, batches too, and keeps what a player says with what is known of it', async (t) => {
    const { send, kept } = await start(t)
    const now = Date.now()
    const line = (sn: number, more: string) => `v=2,sid="one",sn=${sn},ts=${now + sn * 1000},${more}`

    const answers = [
      await send('/logs/cmcd', post(`${line(0, 'e=ps,sta=s')}\n${line(1, 'e=ps,sta=p')}\r\n\n`, 'text/cmcd')),
      await send('/logs/cmcd', post(line(2, 'e=rr,url="https://a.test/live/b/video-1.m3u8?t=s3cret"'))),
      await send('/logs/cmcd', post(`${line(3, 'e=ps,sta=e')}\nnonsense\u0001\n`, 'text/plain;charset=UTF-8')),
      await send('/logs/cmcd', post(line(3, 'e=ps,sta=e'))),
    ]

    assert.deepEqual(
      answers.map(({ status }) => status),
      [204, 204, 204, 204],
    )
    assert.equal(answers[0]?.headers.get('access-control-allow-origin'), '*')
    assert.equal(answers[0]?.headers.get('set-cookie'), null)
    const session = (await kept('one')) ?? assert.fail()
    assert.deepEqual(
      session.events.map(({ sequence, state }) => [sequence, state]),
      [
        [0, 'starting'],
        [1, 'playing'],
        [2, undefined],
        [3, 'ended'],
      ],
    )
    assert.deepEqual([session.path, session.protocol, session.outcome], ['live/b', 'hls', 'ended'])
    assert.deepEqual([session.address, session.userAgent], ['127.0.0.0/24', AGENT])
    assert.doesNotMatch(JSON.stringify(session), /s3cret/)
  })

  it('takes one record in a query, and the headers before it', async (t) => {
    const { send, kept } = await start(t)

    const byQuery = await send(`/logs/cmcd?CMCD=${encodeURIComponent('sid="query",bl=1000')}`)
    const byHeader = await send(`/logs/cmcd?CMCD=${encodeURIComponent('sid="no"')}`, {
      headers: { 'cmcd-session': 'sid="header"', 'cmcd-request': 'bl=2000' },
    })

    assert.deepEqual([byQuery.status, byHeader.status], [204, 204])
    const session = await kept('header')
    assert.equal(session?.events[0]?.buffer, 2000)
  })

  it('answers the preflight of a page', async (t) => {
    const { send } = await start(t)
    const headers = { origin: 'https://page.test', 'access-control-request-method': 'POST' }

    const answer = await send('/logs/cmcd', { method: 'OPTIONS', headers })

    assert.equal(answer.status, 204)
    assert.match(answer.headers.get('access-control-allow-methods') ?? '', /POST/)
    assert.match(answer.headers.get('access-control-allow-headers') ?? '', /CMCD-Request.*Content-Type/)
    assert.equal(answer.headers.get('access-control-allow-credentials'), null)
  })

  it('says what is wrong with a report', async (t) => {
    const { send } = await start(t)
    const codeOf = async (answer: Response) => [answer.status, ((await answer.json()) as { code: string }).code]

    assert.deepEqual(await codeOf(await send('/logs/cmcd', post(''))), [400, 'ERR_AUDIENCE_REPORT'])
    assert.deepEqual(await codeOf(await send('/logs/cmcd', post('e=ps,sta=p'))), [400, 'ERR_AUDIENCE_REPORT'])
    assert.deepEqual(await codeOf(await send('/logs/cmcd')), [400, 'ERR_AUDIENCE_REPORT'])
    assert.deepEqual(await codeOf(await send('/logs/cmcd', post('sid="a"', 'application/json'))), [
      415,
      'ERR_AUDIENCE_MEDIA_TYPE',
    ])
    const many = 'sid="a"\n'.repeat(1001)
    assert.deepEqual(await codeOf(await send('/logs/cmcd', post(many))), [413, 'ERR_AUDIENCE_BATCH'])
    const packed = await send('/logs/cmcd', post('sid="a"', 'text/cmcd', { 'content-encoding': 'gzip' }))
    assert.deepEqual(await codeOf(packed), [415, 'ERR_AUDIENCE_MEDIA_TYPE'])
    assert.deepEqual(await codeOf(await send('/logs/cmcd', { method: 'PUT', body: 'a' })), [
      405,
      'ERR_HTTP_METHOD_UNKNOWN',
    ])
    // A newer version is no mistake: the record is left out.
    assert.equal((await send('/logs/cmcd', post('sid="a",v=3'))).status, 204)
  })

  it('refuses with 503 what it cannot keep, and takes reports again when it can', async (t) => {
    // A file stands where the folder should be.
    const { server, send, data } = await start(t)
    await writeFile(path.join(data, 'audience'), '')

    const refused = await send('/logs/cmcd', post('sid="a"'))

    assert.equal(refused.status, 503)
    assert.match(refused.headers.get('retry-after') ?? '', /^\d+$/)
    assert.ok(server.ready)
  })
})

describe('/logs/wms', () => {
  it('shows the page that players look for, and takes a line, in the files and in the sessions, once', async (t) => {
    const { send, server, kept, data } = await start(t)
    const events: string[] = []
    server.on('playlog', ({ kind, path: of }) => events.push(`${kind} ${of}`))

    const page = await send('/logs/wms')
    const body = `MX_STATS_LogLine: \t${LINE}`
    const taken = await send('/logs/wms', post(body, 'text/plain;charset=UTF-8'))
    const again = await send('/logs/wms', post(body, 'text/plain;charset=UTF-8'))

    assert.equal(page.headers.get('content-type'), 'text/html')
    assert.equal(await page.text(), WEB_LOG_PAGE)
    assert.deepEqual([taken.status, again.status], [200, 200])
    assert.deepEqual(events, ['legacy vod/harbour.wmv', 'legacy vod/harbour.wmv'])
    await server.close()
    const intake = await AudienceIntake.open({ folder: path.join(data, 'audience') })
    await intake.drain()
    const now = Date.now()
    const { sessions } = await intake.store.sessions({ from: 0, until: now + 3_600_000, now, limit: 10 })
    await intake.close()
    assert.equal(sessions.length, 1)
    const session = (await kept(sessions[0]?.id ?? '')) ?? assert.fail()
    assert.equal(session.events.length, 1)
    assert.deepEqual([session.path, session.protocol, session.played], ['vod/harbour.wmv', 'wmsp', 48_000])
    const [file = ''] = await readdir(path.join(data, 'logs'))
    const text = await readFile(path.join(data, 'logs', file), 'utf8')
    assert.match(text, /harbour\.wmv/)
    assert.doesNotMatch(text + JSON.stringify(session), /s3cret/)
  })

  it('takes a bare line, and XML', async (t) => {
    const { send, server } = await start(t)
    const kinds: string[] = []
    server.on('playlog', ({ kind }) => kinds.push(kind))

    const bare = await send('/logs/wms', post(LINE, 'text/plain'))
    const xml = formatWmlogXml(parseWmlogLine(STREAMING_LINE))
    const streaming = await send('/logs/wms', post(xml, 'application/x-wms-LogStats;charset=UTF-8'))

    assert.deepEqual([bare.status, streaming.status], [200, 200])
    assert.deepEqual(kinds, ['legacy', 'streaming'])
  })

  it('says what is wrong with a log', async (t) => {
    const { send } = await start(t)

    const short = await send('/logs/wms', post('MX_STATS_LogLine: \t1 2 3', 'text/plain'))

    assert.equal(short.status, 400)
    assert.match(await short.text(), /44, 47 or 52 fields, found 3/)
    assert.equal((await send('/logs/wms', post('x'.repeat(70_000), 'text/plain'))).status, 413)
  })
})

describe('client data of requests', () => {
  it('is kept with what the server knows of the same viewer, under the name of its session', async (t) => {
    const { send, kept } = await start(t, { testChannel: true })
    const data = encodeURIComponent('sid="viewer",sf=h,bl=4000,v=2')

    const playlist = await send(`/live/test/index.m3u8?CMCD=${data}`)

    assert.equal(playlist.status, 200)
    await playlist.text()
    const session = (await kept('viewer')) ?? assert.fail()
    assert.deepEqual(session.events.map(({ kind, source }) => `${source} ${kind}`).sort(), [
      'cmcd request',
      'server close',
      'server open',
    ])
    assert.deepEqual([session.path, session.protocol], ['live/test', 'hls'])
    assert.ok((session.bytes ?? 0) > 0)
  })

  it('is kept of hot objects too, and nothing that names those who ask not to be tracked', async (t) => {
    const { send, kept } = await start(t, { testChannel: true })
    const playlist = (headers: Record<string, string>) => send('/live/test/index.m3u8', { headers })
    await (await playlist({})).text()

    await (await playlist({ 'cmcd-session': 'sid="quiet"', 'sec-gpc': '1' })).text()

    const session = (await kept('quiet')) ?? assert.fail()
    const [event] = session.events.filter(({ source }) => source === 'cmcd')
    assert.equal(event?.path, 'live/test')
    assert.doesNotMatch(JSON.stringify(session), /127\.0\.0|test-player|original/)
  })
})

describe('what the server knows of a viewer', () => {
  it('is kept without address and program of those who ask not to be tracked, whether their player tells anything or not', async (t) => {
    const { server, send, kept } = await start(t, { testChannel: true })
    await (await send('/live/test/index.m3u8', { headers: { dnt: '1' } })).text()
    const [viewer] = [...server.sessions.list()].filter(({ start: { role } }) => role === 'play')

    const session = (await kept(viewer?.id ?? '')) ?? assert.fail()

    assert.deepEqual(
      session.events.map(({ kind }) => kind),
      ['open', 'close'],
    )
    assert.equal(session.path, 'live/test')
    assert.doesNotMatch(JSON.stringify(session), /127\.0\.0|test-player/)
  })
})

describe('the log server alone', () => {
  it('takes reports and serves no media', async (t) => {
    const { server, send, kept } = await start(t, {}, createLogServer)

    assert.deepEqual(Object.keys(server.ports), ['http'])
    assert.equal((await send('/logs/cmcd', post('sid="alone"'))).status, 204)
    assert.equal((await send('/live/test/index.m3u8')).status, 404)
    assert.equal((await kept('alone'))?.events.length, 1)
  })

  it('is no log server when it is switched off', async (t) => {
    const { send, data, server } = await start(t, { audience: false })

    assert.equal((await send('/logs/cmcd', post('sid="a"'))).status, 404)
    await server.close()
    assert.ok(!(await readdir(data)).includes('audience'))
  })
})

describe('erasing a session', () => {
  it('leaves nothing of it, in the folder or by the API', async (t) => {
    const { send, server, data, kept } = await start(t)
    await send('/logs/cmcd', post('sid="gone"\nsid="away"\nsid="stays"'))
    const place = { server: server.urls['http'] ?? '', token: server.secrets.adminToken }

    const headers = { authorization: `Bearer ${place.token}` }
    // It is in the spool at first.
    assert.ok(await eventually(async () => (await send('/api/v1/audience/session?id=gone', { headers })).ok))

    assert.equal(await eraseSession(place, 'gone'), true)
    assert.equal(await eraseSession(place, 'gone'), false)
    assert.equal((await kept('stays'))?.events.length, 1)
    assert.equal(await eraseSession({ data }, 'away'), true)
    assert.equal(await eraseSession({ data }, 'away'), false)

    const bytes = await readFile(path.join(data, 'audience', 'audience.sqlite'))
    assert.ok(bytes.includes('stays'))
    assert.ok(!bytes.includes('gone') && !bytes.includes('away'))
  })

  it('takes it out of the spool and of the newest logs in memory', async (t) => {
    const { send, server, data } = await start(t)
    const place = { server: server.urls['http'] ?? '', token: server.secrets.adminToken }
    const headers = { authorization: `Bearer ${place.token}` }
    const tell = async (player: string) => {
      const line = LINE.replace('{3300AD50-2C39-46c0-AE0A-1A2B3C4D5E6F}', player)
      assert.equal((await send('/logs/wms', { method: 'POST', body: line })).status, 200)
    }
    const ask = async (target: string) =>
      (await (await send(`/api/v1/${target}`, { headers })).json()) as {
        readonly items: readonly { readonly id: string; readonly player?: string }[]
      }
    const sessions = () => ask('audience/sessions')
    await tell('{3300AD50-2C39-46c0-AE0A-00000000000A}')
    await tell('{3300AD50-2C39-46c0-AE0A-00000000000B}')
    assert.ok(await eventually(async () => (await sessions()).items.length === 2))
    const gone = (await sessions()).items.find(({ player }) => player?.includes('00000000000A')) ?? assert.fail()

    assert.equal(await eraseSession(place, gone.id), true)

    assert.equal((await sessions()).items.length, 1)
    const logs = await ask('playlogs')
    assert.equal(logs.items.length, 1)
    assert.ok(!JSON.stringify(logs).includes('00000000000A'))
    for (const file of await readdir(path.join(data, 'audience'), { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue
      const bytes = await readFile(path.join(file.parentPath, file.name))
      assert.ok(!bytes.includes('00000000000A'), file.name)
    }
  })
})

/** Asks until it is so. */
async function eventually(ask: () => Promise<boolean>): Promise<boolean> {
  for (let turn = 0; turn < 100; turn++) {
    if (await ask()) return true
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return false
}
