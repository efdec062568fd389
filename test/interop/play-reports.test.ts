/** What `headend play` tells a collector, judged by the library of the specification's authors. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { validateCmcdEventReport, validateCmcdRequest } from '@svta/cml-cmcd'
import { cmcdOfBody, cmcdOfRequest } from '../../src/playlog/cmcd/message.ts'
import { cmcdToEvent } from '../../src/playlog/cmcd/to-event.ts'
import { measureSession } from '../../src/playlog/measures/session-measures.ts'
import type { PlayEvent } from '../../src/playlog/play-event.ts'
import type { PlayResult } from '../../src/services/player/play.ts'
import { run } from '../support/process.ts'
import { type Collector, openCollector } from '../support/report-collector.ts'
import { startServer } from '../support/server.ts'
import { repository } from '../support/sources.ts'
import { callApi, waitUntil } from './peers.ts'

const HEADEND = join(repository, 'bin/headend.js')
const PLAYED_S = 6

/** By way of playing: what requests are for, and the protocol that reports name. */
const WAYS = {
  'live/test/index.m3u8': { types: ['m', 'i', 'v', 'a'], protocol: 'hls' },
  'live/test/manifest.mpd': { types: ['m', 'i', 'v', 'a'], protocol: 'dash' },
  'live/test.flv': { types: ['av'], protocol: undefined },
} as const

/** A session of the store. */
interface Told {
  readonly protocol: string
  readonly path: string
  readonly playedMs: number
  readonly bytes?: number
  readonly events: readonly Pick<PlayEvent, 'source' | 'kind' | 'sequence' | 'played' | 'bytes'>[]
}

function eventsOf({ bodies }: Collector) {
  return bodies.flatMap(({ text }) =>
    (cmcdOfBody(text) ?? assert.fail('too many records')).map((record) => {
      assert.ok(typeof record === 'object' && record.ignored === 0, text)
      return cmcdToEvent(record, { receivedAt: Date.now() }) ?? assert.fail(text)
    }),
  )
}

test('headend play reports what it plays over HTTP, with requests and as events', async (t) => {
  const server = await startServer({ testChannel: true })
  t.after(() => server.stop())

  for (const [path, { types, protocol }] of Object.entries(WAYS)) {
    const collector = await openCollector(t, { upstream: server.urls['http'] ?? '' })
    const report = `${collector.url}/logs/cmcd`
    const url = `${collector.url}/${path}`
    const args = [HEADEND, 'play', url, '--duration', String(PLAYED_S), '--json']

    const { code, stdout, stderr } = await run(process.execPath, [...args, '--report', report])

    assert.equal(code, 0, stderr)
    const result = JSON.parse(String(stdout)) as PlayResult
    const events = eventsOf(collector)
    const measures = measureSession(events, { over: true })
    const facts = `${path}: ${JSON.stringify(measures)}`
    t.diagnostic(facts)
    const issues = [
      ...collector.bodies.flatMap(({ headers, text }) => {
        const contentType = { 'content-type': headers['content-type'] ?? '' }
        return validateCmcdEventReport({ url: report, method: 'POST', headers: contentType, body: text }).issues
      }),
      ...collector.targets.flatMap(
        (target) => validateCmcdRequest({ url: `${collector.url}${target}`, method: 'GET' }).issues,
      ),
    ]
    assert.deepEqual(issues, [], path)
    assert.deepEqual(
      events.map(({ sequence }) => sequence),
      [...events.keys()],
      path,
    )
    assert.ok(
      events.every((event) => event.contentId === 'live/test' && event.protocol === protocol),
      facts,
    )
    assert.deepEqual([events[0]?.state, events.at(-1)?.state], ['starting', 'quit'], facts)
    const sessions = new Set(events.map(({ sessionId }) => sessionId))
    const asked = collector.targets.map((target) => {
      const record = cmcdOfRequest({}, target.split('?')[1] ?? '')
      assert.ok(typeof record === 'object' && record.ignored === 0, target)
      sessions.add(record.values.get('sid') as string)
      return record.values.get('ot')
    })
    assert.equal(sessions.size, 1, path)
    assert.deepEqual(new Set(asked), new Set(types), path)
    // The whole session, to within the time that a process needs to be born and to end.
    assert.ok(measures.end - measures.start <= result.elapsed * 1000 + 200, facts)
    assert.equal(
      measures.end - measures.start,
      (measures.startup ?? Number.NaN) + measures.played + measures.stalled,
      facts,
    )
    assert.ok(measures.played > 1000, facts)
  }
})

test('headend play tells of Windows Media in its protocol and to a web server, and that is one session', async (t) => {
  const server = await startServer({ testChannel: true })
  t.after(() => server.stop())
  const http = server.urls['http'] ?? ''
  const url = `${http.replace('http:', 'mms:')}/live/test`
  const args = [HEADEND, 'play', url, '--duration', '3', '--json', '--log-url', `${http}/logs/wms`]

  const { code, stderr } = await run(process.execPath, args)

  assert.equal(code, 0, stderr)
  const { items: logs } = await callApi<{ items: readonly { kind: string; protocol: string }[] }>(server, 'playlogs')
  const came = logs.map(({ protocol, kind }) => `${protocol} ${kind}`).sort()
  assert.deepEqual(came, ['http rendering', 'http streaming', 'wmsp rendering', 'wmsp streaming'])
  let told: Told | undefined
  await waitUntil('all is in the store', async () => {
    const { items } = await callApi<{ items: readonly { id: string }[] }>(server, 'audience/sessions')
    assert.ok(items.length <= 1, JSON.stringify(items))
    const id = items[0]?.id
    told = id === undefined ? undefined : await callApi<Told>(server, `audience/session?id=${encodeURIComponent(id)}`)
    return (told?.events.length ?? 0) >= 4
  })
  const { events, playedMs, bytes = 0, protocol, path } = told ?? assert.fail()
  const facts = JSON.stringify(told)
  assert.deepEqual([protocol, path], ['wmsp', 'live/test'], facts)
  assert.deepEqual(
    events.map(({ source, kind }) => `${source} ${kind}`).sort(),
    ['server close', 'server open', 'wmlog log', 'wmlog log'],
    facts,
  )
  const ofLogs = events.filter(({ source }) => source === 'wmlog')
  assert.deepEqual(new Set(ofLogs.map(({ sequence }) => sequence)), new Set([1, 2]), facts)
  // Once, though it was told twice.
  assert.equal(playedMs, ofLogs.find(({ played }) => played !== undefined)?.played, facts)
  const received = ofLogs.find((event) => (event.bytes ?? 0) > 0)?.bytes ?? 0
  assert.ok(received > 0 && received < bytes, facts)
})

test('nobody is told of what is played unless somebody asks', async (t) => {
  const server = await startServer({ testChannel: true })
  t.after(() => server.stop())
  const collector = await openCollector(t, { upstream: server.urls['http'] ?? '' })

  const { code, stderr } = await run(process.execPath, [
    HEADEND,
    'play',
    `${collector.url}/live/test.flv`,
    '--duration',
    '1',
  ])

  assert.equal(code, 0, stderr)
  assert.deepEqual([collector.bodies, collector.targets], [[], []])
})

test('a collector that is not there costs a player nothing but a moment at its end', async (t) => {
  const server = await startServer({ testChannel: true })
  t.after(() => server.stop())
  const args = ['play', `${server.urls['http']}/live/test.flv`, '--duration', '1', '--json', '--report']

  const gone = await run(process.execPath, [HEADEND, ...args, 'http://127.0.0.1:9/logs/cmcd'])
  const wrong = await run(process.execPath, [HEADEND, ...args, 'ftp://127.0.0.1/logs'])

  assert.equal(gone.code, 0, gone.stderr)
  assert.ok((JSON.parse(String(gone.stdout)) as PlayResult).bytes > 0)
  assert.notEqual(wrong.code, 0)
  assert.match(wrong.stderr, /expected the address of a collector/)
})
