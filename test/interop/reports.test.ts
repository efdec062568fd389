/** What players report arrives: our own by Windows Media and by HLS with CMCD, and the server's side of each in the same session. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { run } from '../support/process.ts'
import { type RunningServer, startServer } from '../support/server.ts'
import { repository } from '../support/sources.ts'

const HEADEND = join(repository, 'bin/headend.js')
/** Of which a stream that has just begun has nothing to play for three. */
const PLAYED_S = 6
const DEADLINE_MS = 15_000

interface Shown {
  readonly id: string
  readonly path: string
  readonly protocol: string
  readonly outcome: string
  readonly playedMs: number
  readonly bytes?: number
  readonly events: readonly { readonly source: string; readonly kind: string; readonly reason?: string }[]
}

async function ask<Answer>({ urls, secrets }: RunningServer, path: string): Promise<Answer> {
  const headers = { authorization: `Bearer ${secrets.adminToken}` }
  const response = await fetch(`${urls['http']}/api/v1/audience/${path}`, { headers })
  assert.equal(response.status, 200, path)
  return (await response.json()) as Answer
}

/** Every session that is over, with what was told of it, once there are so many. */
async function sessionsOf(server: RunningServer, count: number): Promise<readonly Shown[]> {
  const deadline = performance.now() + DEADLINE_MS
  for (;;) {
    const { items } = await ask<{ items: readonly Shown[] }>(server, 'sessions')
    const all = await Promise.all(items.map(({ id }) => ask<Shown>(server, `session?id=${encodeURIComponent(id)}`)))
    const told = all.filter(({ events }) => new Set(events.map(({ source }) => source)).size > 1)
    if (told.length >= count || performance.now() > deadline) return all
    await delay(100)
  }
}

test('each player is one session, with what it told and what the server knows', async (t) => {
  const server = await startServer({ testChannel: true, args: ['--log-level', 'debug'] })
  t.after(() => server.stop())
  const http = server.urls['http'] ?? ''
  const mms = `${http.replace('http:', 'mmsh:')}/live/test`
  const hls = `${http}/live/test/index.m3u8`
  const duration = ['--duration', String(PLAYED_S), '--json']

  const played = await Promise.all([
    run(process.execPath, [HEADEND, 'play', mms, ...duration]),
    run(process.execPath, [HEADEND, 'play', hls, ...duration, '--report', `${http}/logs/cmcd`]),
  ])

  for (const { code, stderr } of played) assert.equal(code, 0, stderr)
  const sessions = await sessionsOf(server, 2)
  const facts = JSON.stringify(
    sessions.map(({ events, ...session }) => [session, events.map(({ source, kind }) => `${source} ${kind}`)]),
  )
  t.diagnostic(facts)
  assert.deepEqual(sessions.map(({ protocol }) => protocol).sort(), ['hls', 'wmsp'], facts)
  for (const { path, protocol, playedMs, events } of sessions) {
    assert.equal(path, 'live/test', facts)
    assert.ok(playedMs >= 2000 && playedMs <= PLAYED_S * 1000 + 3000, facts)
    const told = new Set(events.map(({ source, kind }) => `${source} ${kind}`))
    assert.ok(told.has('server open'), facts)
    assert.ok(told.has(protocol === 'wmsp' ? 'wmlog log' : 'cmcd state'), facts)
  }

  const erase = (id: string) =>
    run(process.execPath, [HEADEND, 'logs', 'erase', id, '--server', http, '--token', server.secrets.adminToken])
  const [{ id }] = sessions as readonly [Shown]
  assert.equal(String((await erase(id)).stdout), `${id} is erased\n`)
  assert.equal(String((await erase(id)).stdout), `nothing is known of ${id}; what of it is on its way is left out\n`)
})

test('a player that says late what it calls its session has one, with what the server knew before', async (t) => {
  const server = await startServer({ testChannel: true })
  t.after(() => server.stop())
  const http = server.urls['http'] ?? ''
  const headers = { 'user-agent': 'LatePlayer/1.0' }
  const playlist = `${http}/live/test/video-1.m3u8`
  const get = async (url: string) => (await fetch(url, { headers })).text()
  const list = async () => (await ask<{ items: readonly Shown[] }>(server, 'sessions')).items

  await get(`${http}/live/test/index.m3u8`)
  const deadline = performance.now() + DEADLINE_MS
  // It plays and tells nothing, until the server waits no longer for its name.
  while ((await list()).length === 0 && performance.now() < deadline) {
    await get(playlist)
    await delay(200)
  }
  const [before] = await list()
  assert.equal(before?.protocol, 'hls')
  const body = `sid="late",e=ps,sta=p,ts=${Date.now()},sn=0,v=2,url="${playlist}"\n`
  const posted = await fetch(`${http}/logs/cmcd`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/cmcd' },
    body,
  })
  assert.equal(posted.status, 204)
  const [session] = await sessionsOf(server, 1)

  const facts = JSON.stringify(await list())
  assert.deepEqual(
    (await list()).map(({ id, path, protocol }) => [id, path, protocol]),
    [['late', 'live/test', 'hls']],
    facts,
  )
  assert.deepEqual(session?.events.map(({ source, kind }) => `${source} ${kind}`).sort(), [
    'cmcd state',
    'server interval',
    'server open',
  ])
})
