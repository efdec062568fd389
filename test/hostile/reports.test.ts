/** What hostile players do to the log server: H-05, H-09, H-11, H-12, L-01 to L-04, A-11, A-15, M-08 and M-09 at its doors, floods, and lies. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import { WEB_LOG_PAGE } from '../../src/playlog/weblog.ts'
import { type AttackedServer, eventually, faultCount, residentBytes, startAttacked } from './attacked-server.ts'

const MEGABYTE = 1024 * 1024
const HOSTILE_TEXT = `<script>alert(1)</script>"'&\u001b[31m\u202e=cmd()`
const LINE =
  '0.0.0.0 2031-05-06 07:08:09 - http://media.test/vod/harbour.wmv 12 48 1 200 {3300AD50-2C39-46c0-AE0A-1A2B3C4D5E6F} 12.0.0.42 en-GB TestPlayer/1.4_(NodeMSS) - testplayer.exe 1.4.0.0 Linux 6.1.0.0 x64 90 5632000 498211 http TCP Windows_Media_Audio_9.2 Windows_Media_Video_9 - - 2990144 - 712 0 0 0 - 0 0 1 2 100 - - - - http://media.test/vod/harbour.wmv harbour.wmv -'

interface Sent {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  /** Address to come from. */
  readonly from?: string
}

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly body: string
}

/** As they are: nothing is checked or added. */
function send(server: AttackedServer, path: string, { method, headers, body, from }: Sent = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: '127.0.0.1',
        port: server.http,
        path,
        method: method ?? (body === undefined ? 'GET' : 'POST'),
        localAddress: from ?? '127.0.0.1',
        headers: { connection: 'close', ...headers },
      },
      (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (piece: string) => {
          text += piece
        })
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }))
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
}

const report = (server: AttackedServer, body: string | Uint8Array, more: Sent = {}) =>
  send(server, '/logs/cmcd', { ...more, body, headers: { 'content-type': 'text/cmcd', ...more.headers } })

const ask = (server: AttackedServer, path: string) =>
  send(server, `/api/v1/audience/${path}`, { headers: { authorization: `Bearer ${server.secrets.adminToken}` } })

/** The answer of the API, when the store has it. */
async function sessionOf(server: AttackedServer, id: string): Promise<Answer> {
  let found: Answer | undefined
  await eventually(`${id} is in the store`, async () => {
    found = await ask(server, `session?id=${encodeURIComponent(id)}`)
    return found.status === 200
  })
  return found ?? assert.fail()
}

/** Every byte that the server keeps of reports, and says of them. */
function traces(server: AttackedServer): Buffer {
  const names = ['audience', 'audience/spool', 'logs']
  const folders = names.map((name) => join(server.data, name)).filter((folder) => existsSync(folder))
  const files = folders.flatMap((folder) =>
    readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(folder, entry.name))),
  )
  return Buffer.concat([...files, Buffer.from(server.log())])
}

// Most of the time is waiting, and each has a server of its own.
describe('the log server', { concurrency: true }, () => {
  it('L-01 L-03: control characters, megabytes and markup in any field are text in JSON, and one line of a log', async (t) => {
    const server = await startAttacked(t, { settings: { log: { level: 'debug' } } })
    const evil = `${HOSTILE_TEXT}\r\n{"level":"error"}\u0000`
    const text = (value: string) => `"${value.replaceAll(/[\r\n]/g, ' ').replaceAll(/[\\"]/g, '\\$&')}"`

    const records = [
      `sid="plain",cid=${text(evil)},ec=(${text(HOSTILE_TEXT)}),v=2,com.example-x=${text(evil)}`,
      `sid="plain",cid="<img src=x onerror=alert(1)>",url="javascript:alert(1)",e=e,ts=1,v=2`,
    ]
    const taken = await report(server, records.join('\r\n'), { headers: { 'user-agent': '<script>=cmd|a!b</script>' } })
    const long = await report(server, `sid="plain",cid="${'x'.repeat(9000)}"\nsid="plain",br=1`)
    const huge = await report(server, `sid="huge",cid="${'x'.repeat(MEGABYTE)}"`)

    assert.deepEqual([taken.status, long.status, huge.status], [204, 204, 413])
    const shown = await sessionOf(server, 'plain')
    assert.match(String(shown.headers['content-type']), /^application\/json/)
    assert.equal(shown.headers['x-content-type-options'], 'nosniff')
    // Escaped or not, nothing that steers a terminal is kept.
    assert.doesNotMatch(shown.body, /\\u00(?:1b|00)|\\u202e|[\u0000-\u001f\u202e]/i)
    assert.ok(shown.body.length < 64 * 1024, String(shown.body.length))
    const logged = server
      .log()
      .split('\n')
      .filter((line) => line.includes('"level"'))
    assert.ok(logged.length > 0)
    for (const line of logged) assert.doesNotThrow(() => void JSON.parse(line), line)
    assert.doesNotMatch(server.log(), /\u001b|\u202e/)
  })

  it('L-01 L-03: markup, formulas and what misleads in any field of a Windows Media log are one line of every export', async (t) => {
    const server = await startAttacked(t)
    const evil = `=cmd|'/c'!A1<img/src=x/onerror=alert(1)>\u202e"`
    const id = '{3300AD50-2C39-46c0-AE0A-1A2B3C4D5E6F}'
    const words = LINE.split(' ')
    // Every field of words, and both that are addresses, with a token each.
    for (const at of [3, 10, 11, 12, 14, 15, 16, 17, 18, 22, 23, 24, 25, 41, 45, 46]) words[at] = evil
    for (const at of [13, 26, 44]) words[at] = `javascript:alert(1)//${encodeURIComponent(evil)}?token=geheim`

    const { status } = await send(server, '/logs/wms', { body: `MX_STATS_LogLine: \t${words.join(' ')}` })

    assert.equal(status, 200)
    let listed = ''
    await eventually('the log is in the store', async () => {
      listed = (await ask(server, 'sessions')).body
      return listed.includes(id)
    })
    const session = (JSON.parse(listed) as { items: { id: string }[] }).items[0]?.id ?? ''
    assert.doesNotMatch((await sessionOf(server, session)).body, /\u202e|\\u202e|geheim/)
    // Its own columns, and the markup as text.
    for (const [format, lines] of Object.entries({ csv: 2, jsonl: 1, w3c: 5, wms: 5 })) {
      const { body, headers } = await ask(server, `export?what=events&format=${format}`)
      assert.equal(body.trim().split(/\r?\n/).length, lines, `${format}: ${body}`)
      assert.doesNotMatch(body, /\u202e|geheim/, format)
      assert.match(String(headers['content-disposition']), /^attachment/)
      assert.equal(headers['x-content-type-options'], 'nosniff')
      if (format === 'csv') assert.doesNotMatch(body, /(?:^|[,;\t\n])"?[=+@-]\w/)
    }
    assert.doesNotMatch(traces(server).toString('latin1'), /geheim/)
  })

  it('L-02: a flood of broken reports is a line a second in the log', async (t) => {
    const server = await startAttacked(t, { settings: { audience: { perAddress: 1_000_000 } } })

    for (let turn = 0; turn < 20; turn++) {
      const answers = await Promise.all(Array.from({ length: 25 }, () => report(server, 'nobody=1')))
      assert.ok(answers.every(({ status }) => status === 400))
    }

    const lines = server.log().match(/ERR_AUDIENCE_REPORT/g)?.length ?? 0
    assert.ok(lines >= 1 && lines < 20, String(lines))
    assert.equal(await faultCount(server, 'ERR_AUDIENCE_REPORT'), 500)
  })

  it('L-04 A-08: no token of an address in a report is kept or said', async (t) => {
    const server = await startAttacked(t, { settings: { log: { level: 'debug' } }, testChannel: true })
    const canaries = Array.from({ length: 5 }, (_, index) => `cAnArY${index}x9Zq7Lw3`)
    const [inUrl = '', inNext = '', inQuery = '', inLog = '', inHeader = ''] = canaries

    await report(server, `sid="a",e=rr,url="https://m.test/live/a/video-1.m3u8?token=${inUrl}",v=2,ts=1`)
    await report(server, `sid="a",nor="../2.m4s?key=${inNext}"`, { headers: { authorization: `Bearer ${inHeader}` } })
    const told = encodeURIComponent('sid="a",bl=1000')
    assert.equal((await send(server, `/live/test/index.m3u8?token=${inQuery}&CMCD=${told}`)).status, 200)
    const line = LINE.replace('harbour.wmv harbour.wmv', `harbour.wmv?key=${inLog} harbour.wmv`)
    assert.equal((await send(server, '/logs/wms', { body: `MX_STATS_LogLine: \t${line}` })).status, 200)
    const shown = await sessionOf(server, 'a')

    const kept = Buffer.concat([traces(server), Buffer.from(shown.body)])
    for (const canary of canaries) assert.ok(!kept.includes(canary), canary)
    assert.ok(kept.includes('video-1.m3u8'))
  })

  it('H-05 H-12: pages of every site may report, and none with a login, a cookie or a callback', async (t) => {
    const server = await startAttacked(t)
    const origin = 'https://evil.test'
    const preflight = await send(server, '/logs/cmcd', {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' },
    })
    const taken = await report(server, 'sid="a"', { headers: { origin, cookie: 'a=b' } })
    const called = await send(server, `/logs/cmcd?callback=alert&CMCD=${encodeURIComponent('sid="a"')}`)

    for (const { headers, status, body } of [preflight, taken, called]) {
      assert.deepEqual([status, body], [204, ''])
      assert.equal(headers['access-control-allow-origin'], '*')
      assert.equal(headers['access-control-allow-credentials'], undefined)
      assert.equal(headers['set-cookie'], undefined)
    }
  })

  it('H-09: nothing is unpacked, and no body is longer than it may be, whatever was announced', async (t) => {
    const server = await startAttacked(t)
    assert.equal((await report(server, 'sid="warm"')).status, 204)
    const before = residentBytes(server)
    const bomb = gzipSync(Buffer.alloc(64 * MEGABYTE, 0x41))

    for (const path of ['/logs/cmcd', '/logs/wms']) {
      for (const coding of ['gzip', 'deflate', 'br', 'identity, gzip']) {
        const headers = { 'content-type': 'text/plain', 'content-encoding': coding }
        assert.equal((await send(server, path, { body: bomb, headers })).status, 415, coding)
      }
      const announced = { 'content-type': 'text/plain', 'content-length': '99999999999' }
      assert.equal((await send(server, path, { method: 'POST', headers: announced })).status, 413)
    }
    // Nothing is announced, and it never ends.
    const endless = await new Promise<number>((resolve, reject) => {
      const headers = { 'content-type': 'text/plain', connection: 'close' }
      const sent = request({ port: server.http, path: '/logs/cmcd', method: 'POST', headers }, (response) => {
        response.resume()
        resolve(response.statusCode ?? 0)
        sent.destroy()
      })
      sent.on('error', reject)
      // More than it may be, and then nothing, but not its end.
      sent.write(Buffer.alloc(257 * 1024, 0x41))
    })

    assert.equal(endless, 413)
    assert.ok(residentBytes(server) - before < 64 * MEGABYTE, String(residentBytes(server) - before))
  })

  it('H-11: client data changes no byte of an answer', async (t) => {
    const server = await startAttacked(t, { testChannel: true })
    const playlist = await send(server, '/live/test/video-1.m3u8')
    const init = `/live/test/${/URI="([^"]+\.mp4)"/.exec(playlist.body)?.[1] ?? assert.fail(playlist.body)}`
    const plain = await send(server, init)
    const evil = encodeURIComponent(`sid="a\r\nX-Evil: 1",cid="${HOSTILE_TEXT}"`)

    const told = await send(server, `${init}?CMCD=${evil}`)
    const headed = await send(server, init, { headers: { 'cmcd-session': 'sid="a",cid="<b>"' } })

    for (const answer of [told, headed]) {
      assert.equal(answer.body, plain.body)
      assert.equal(answer.headers['etag'], plain.headers['etag'])
      assert.deepEqual(Object.keys(answer.headers).sort(), Object.keys(plain.headers).sort())
    }
    assert.doesNotMatch(String(plain.headers['vary'] ?? ''), /cmcd/i)
  })

  it('A-11: whoever may report may read nothing of it', async (t) => {
    const server = await startAttacked(t)
    assert.equal((await report(server, 'sid="a"')).status, 204)
    const now = new Date().toISOString()
    const range = `from=${encodeURIComponent(now)}&until=${encodeURIComponent(now)}`

    for (const path of ['session?id=a', `sessions?${range}`, `overview?${range}`, `series?${range}`]) {
      assert.equal((await send(server, `/api/v1/audience/${path}`)).status, 401, path)
    }
    assert.equal((await send(server, '/api/v1/audience/session?id=a', { method: 'DELETE' })).status, 401)
    for (const path of ['/logs/cmcd', '/logs/wms']) {
      for (const method of ['PUT', 'DELETE', 'PATCH']) {
        assert.equal((await send(server, path, { method })).status, 405, `${method} ${path}`)
      }
    }
    assert.equal((await send(server, '/logs/')).status, 404)
  })

  it('A-15: nobody says for itself where it comes from', async (t) => {
    const server = await startAttacked(t, { settings: { audience: { address: 'whole' } } })
    const headers = { 'x-forwarded-for': '203.0.113.9', 'x-real-ip': '203.0.113.9', forwarded: 'for=203.0.113.9' }

    await report(server, 'sid="a"', { headers, from: '127.0.0.5' })

    const { body } = await sessionOf(server, 'a')
    assert.match(body, /"127\.0\.0\.5"/)
    assert.doesNotMatch(body, /203\.0\.113/)
  })

  it('M-08: logs that are none are refused, and nothing of them is in a file', async (t) => {
    const server = await startAttacked(t)
    const words = LINE.split(' ')
    const bodies: Readonly<Record<string, string | Uint8Array>> = {
      empty: '',
      '43 fields': words.slice(0, 43).join(' '),
      '53 fields': [...words, ...words].slice(0, 53).join(' '),
      'a line end inside': LINE.replace('TestPlayer', 'Test\r\n#Fields: evil\r\nPlayer'),
      'an escape': LINE.replace('TestPlayer', 'Test\u001b[31mPlayer'),
      'no UTF-8': Buffer.from(LINE.replace('TestPlayer', 'Test\xff\xfePlayer'), 'latin1'),
      'ten to the twelfth': LINE.replace('498211', '1000000000000'),
      entities: `<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><XML><Summary>${LINE}</Summary><c-ip>&b;</c-ip></XML>`,
      'a file': `<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><XML><Summary>&a;</Summary></XML>`,
    }
    for (const [name, body] of Object.entries(bodies)) {
      const prefix = typeof body === 'string' && !body.startsWith('<') ? 'MX_STATS_LogLine: \t' : ''
      const sent = typeof body === 'string' ? prefix + body : body
      assert.equal((await send(server, '/logs/wms', { body: sent })).status, 400, name)
    }
    assert.equal((await send(server, '/logs/wms', { body: 'x'.repeat(MEGABYTE) })).status, 413)

    assert.ok(!readdirSync(server.data).includes('logs') || readdirSync(join(server.data, 'logs')).length === 0)
  })

  it('M-09: a storm on the page of the log address gets the same page, and then its limit', async (t) => {
    const server = await startAttacked(t, { settings: { audience: { perAddress: 300 } } })

    const answers = await Promise.all(Array.from({ length: 200 }, () => send(server, '/logs/wms')))

    const pages = answers.filter(({ status }) => status === 200)
    assert.ok(pages.length >= 100 && pages.length < 200, String(pages.length))
    assert.ok(pages.every(({ body }) => body === WEB_LOG_PAGE))
    const limited = answers.filter(({ status }) => status === 429)
    assert.equal(pages.length + limited.length, 200)
    assert.ok(limited.every(({ headers }) => Number(headers['retry-after']) >= 1))
  })

  it('a flood from one address ends there, also in requests of media, and nobody else waits', async (t) => {
    const server = await startAttacked(t, { settings: { audience: { perAddress: 60 } }, testChannel: true })
    const told = encodeURIComponent('sid="media",bl=1000')

    const answers = await Promise.all(Array.from({ length: 100 }, (_, sn) => report(server, `sid="flood",sn=${sn}`)))
    const media = await Promise.all(
      Array.from({ length: 50 }, () => send(server, `/live/test/index.m3u8?CMCD=${told}`)),
    )
    const other = await report(server, 'sid="other"', { from: '127.0.0.9' })

    const taken = answers.filter(({ status }) => status === 204).length
    assert.ok(taken >= 20 && taken < 30, String(taken))
    assert.ok(answers.every(({ status }) => status === 204 || status === 429))
    // Whoever floods still plays.
    assert.ok(media.every(({ status }) => status === 200))
    assert.equal(other.status, 204)
    await sessionOf(server, 'other')
    const flood = await sessionOf(server, 'flood')
    assert.equal(flood.body.match(/"kind":"request"/g)?.length, taken)
    assert.ok((await faultCount(server, 'ERR_AUDIENCE_RATE')) > 0)
  })

  it('forged times and numbers spoil no sum', async (t) => {
    const server = await startAttacked(t)
    const lies = [
      'sid="liar",e=ps,sta=p,ts=999999999999999,sn=1,v=2',
      'sid="liar",e=ps,sta=p,ts=-1,sn=2,v=2',
      'sid="liar",e=t,ts=1,bsd=(999999999999999),bsda=(999999999999999),bsa=(999999999999999),sn=3,v=2',
      'sid="liar",e=t,br=(999999999999999),pb=(999999999999999),mtp=(999999999999999),ltc=999999999999999,sn=4,v=2',
      'sid="liar",e=rr,msd=999999999999999,dfa=999999999999999,ttlb=999999999999999,rc=999999999999999,sn=5,v=2',
    ]

    assert.equal((await report(server, lies.join('\n'))).status, 204)
    const { body } = await sessionOf(server, 'liar')

    const session = JSON.parse(body) as Readonly<Record<string, unknown>>
    const age = Math.abs(Date.now() - Date.parse(String(session['start'])))
    assert.ok(age < 60_000, String(age))
    for (const name of ['stalledMs', 'stalls', 'startupMs', 'bitrateKbps', 'playedMs']) {
      assert.ok(Number(session[name] ?? 0) < 60_000, `${name}: ${String(session[name])}`)
    }
  })

  it('forged times and numbers of a Windows Media log spoil no sum, and no report takes the session of another', async (t) => {
    const server = await startAttacked(t)
    const most = '4294967295'
    const lie = (date: string, player: string) =>
      LINE.replace('2031-05-06', date)
        .replace('1A2B3C4D5E6F', player)
        .split(' ')
        // Played, bandwidth, bytes, stalls.
        .map((word, at) => ([6, 21, 28, 37, 38].includes(at) ? most : word))
        .join(' ')

    for (const [date, player] of [
      ['0000-01-01', 'AAAAAAAAAAAA'],
      ['9999-12-31', 'BBBBBBBBBBBB'],
    ] as const) {
      assert.equal((await send(server, '/logs/wms', { body: lie(date, player) })).status, 200, date)
    }
    for (const date of ['2026-13-01', '2026-02-32', '26-1-1', '2026-01-01T00']) {
      assert.equal((await send(server, '/logs/wms', { body: lie(date, 'CCCCCCCCCCCC') })).status, 400, date)
    }
    await report(server, 'sid="victim",sta=p,e=ps,sn=1,v=2')
    await report(
      server,
      'sid="thief",formerId="victim",former-id="victim",com.example-formerId="victim",sta=p,e=ps,v=2',
    )
    await sessionOf(server, 'thief')

    assert.equal((await sessionOf(server, 'victim')).status, 200)
    const { items } = JSON.parse((await ask(server, 'sessions')).body) as { items: Readonly<Record<string, unknown>>[] }
    assert.equal(items.length, 4)
    for (const session of items) {
      const age = Math.abs(Date.now() - Date.parse(String(session['start'])))
      assert.ok(age < 60_000, String(session['start']))
      assert.ok(Number(session['playedMs']) < 60_000 && Number(session['stalledMs']) < 60_000, JSON.stringify(session))
      assert.ok(Number(session['stalls']) < 60_000, JSON.stringify(session))
    }
  })

  it('a store that takes nothing fills the spool, which says 503, and loses nothing that was acknowledged', async (t) => {
    const settings = { audience: { spoolBytes: 2 * MEGABYTE, perAddress: 10_000_000 } }
    const server = await startAttacked(t, { settings })
    assert.equal((await report(server, 'sid="first"')).status, 204)
    await sessionOf(server, 'first')
    const lock = locked(t, server)
    const filler = `cid="${'x'.repeat(100)}"`
    let acknowledged = 0
    let refused: Answer | undefined

    while (refused === undefined && acknowledged < 1000) {
      const lines = Array.from({ length: 100 }, (_, index) => `sid="kept",sn=${acknowledged * 100 + index},${filler}`)
      const answer = await report(server, lines.join('\n'))
      if (answer.status === 204) acknowledged++
      else refused = answer
    }

    assert.equal(refused?.status, 503)
    assert.match(String(refused?.headers['retry-after']), /^\d+$/)
    assert.ok(acknowledged > 10, String(acknowledged))
    lock.close()
    let stored = 0
    await eventually('all that was acknowledged is stored', async () => {
      const answer = await ask(server, `session?id=kept&limit=1`)
      stored = answer.status === 200 ? countEvents(server) : 0
      return stored >= acknowledged * 100
    })
    assert.equal(stored, acknowledged * 100)
    assert.equal((await report(server, 'sid="again"')).status, 204)
  })
})

/** Holds the database, as a program that copies it does; closed with the test. */
function locked(t: TestContext, server: AttackedServer): { close(): void } {
  const database = new DatabaseSync(join(server.data, 'audience', 'audience.sqlite'))
  database.exec('BEGIN IMMEDIATE')
  let open = true
  const close = () => {
    if (!open) return
    open = false
    database.exec('ROLLBACK')
    database.close()
  }
  t.after(close)
  return { close }
}

function countEvents(server: AttackedServer): number {
  const database = new DatabaseSync(join(server.data, 'audience', 'audience.sqlite'), { readOnly: true })
  try {
    const row = database
      .prepare(
        'SELECT count(*) AS events FROM audience_event JOIN audience_session ON session = key WHERE audience_session.id = ?',
      )
      .get('kept')
    return Number(row?.['events'])
  } finally {
    database.close()
  }
}
