/** What players of others report, as they send it: all of it is read, and judged by the library of the specification's authors. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { decodeCmcd, validateCmcdEvents, validateCmcdRequest } from '@svta/cml-cmcd'
import { cmcdOfQuery } from '../../src/playlog/cmcd/message.ts'
import { readCmcd } from '../../src/playlog/cmcd/record.ts'
import { type Collector, openCollector } from '../support/report-collector.ts'
import { startServer } from '../support/server.ts'
import { repository } from '../support/sources.ts'
import { openBrowser, openPage } from './browser.ts'
import { waitUntilPlaying } from './video.ts'

interface ReportingPlayer {
  readonly script: string
  /** `url` is to be played in `video`, reports go to `collector`. */
  readonly code: string
  readonly path: string
  /** Reports events beside requests. */
  readonly events: boolean
  /** What its records have against the specification, and why that is the player's. */
  readonly known: readonly RegExp[]
  /** Keys whose values are not of the type that the specification has for them. */
  readonly unread: readonly string[]
}

const EVENTS = "['ps', 'e', 't', 'rr', 'bc']"

const PLAYERS: Readonly<Record<string, ReportingPlayer>> = {
  'hls.js': {
    script: 'hls.js/dist/hls.min.js',
    path: 'live/test/index.m3u8',
    code: `const hls = new Hls({ cmcd: { version: 2, contentId: 'live/test',
      eventTargets: [{ url: collector, events: ${EVENTS}, interval: 1, batchSize: 4 }] } })
      hls.loadSource(url); hls.attachMedia(video)`,
    events: true,
    // Its initialization segments have a duration, of 0.
    known: [/^error d: Key "d" must not be present when "ot" is "i"/],
    unread: [],
  },
  shaka: {
    script: 'shaka-player/dist/shaka-player.compiled.js',
    path: 'live/test/manifest.mpd',
    code: `const player = new shaka.Player()
      player.configure({ cmcd: { enabled: true, version: 2, contentId: 'live/test',
        eventTargets: [{ mode: 'event', enabled: true, url: collector, events: ${EVENTS}, interval: 1, batchSize: 4, includeKeys: [], useHeaders: false, version: 2 }] } })
      player.attach(video).then(() => player.load(url))`,
    events: true,
    // The same, and values of version 1 where version 2 has lists.
    known: [/^error d: Key "d" must not be present when "ot" is "i"/, /^error \w+: Key "\w+" must be an array/],
    unread: [],
  },
  'dash.js': {
    script: 'dashjs/dist/modern/umd/dash.all.min.js',
    path: 'live/test/manifest.mpd',
    code: `const player = dashjs.MediaPlayer().create()
      player.updateSettings({ streaming: { cmcd: { enabled: true, cid: 'live/test', mode: 'query', includeInRequests: ['segment', 'mpd'] } } })
      player.initialize(video, url, true)`,
    events: false,
    known: [],
    unread: [],
  },
}

const WAIT_MS = 30_000
const MIN_REQUESTS = 12
const MIN_EVENTS = 12

test('what hls.js, shaka and dash.js report is read whole and keeps the specification', async (t) => {
  const browser = await openBrowser(t)
  if (browser === undefined) return
  const server = await startServer({ testChannel: true })
  t.after(() => server.stop())

  for (const [name, player] of Object.entries(PLAYERS)) {
    const collector = await openCollector(t, { upstream: server.urls['http'] ?? '', page: pageOf(player) })
    const { page } = await openPage(browser, `${collector.url}/player.html`)
    await waitUntilPlaying(page, WAIT_MS)
    for (const deadline = Date.now() + WAIT_MS; !isEnough(collector, player); await delay(100)) {
      assert.ok(
        Date.now() < deadline,
        `${name}: ${collector.targets.length} requests, ${lines(collector).length} events`,
      )
    }
    await page.close()

    const issues = [...new Set(issuesOf(collector))]
    t.diagnostic(`${name}: ${collector.targets.length} requests, ${lines(collector).length} events`)
    assert.deepEqual(
      issues.filter((issue) => !player.known.some((pattern) => pattern.test(issue))),
      [],
      name,
    )
    assert.deepEqual(unread(collector), player.unread, name)
  }
})

function pageOf({
  script,
  path,
  code,
}: ReportingPlayer): (target: URL) => { type: string; body: string | Buffer } | undefined {
  return ({ pathname }) => {
    if (pathname === '/player.js') {
      return { type: 'text/javascript', body: readFileSync(join(repository, 'node_modules', script)) }
    }
    if (pathname !== '/player.html') return undefined
    const body = `<!doctype html><video muted autoplay playsinline width="640" height="360"></video><script src="/player.js"></script><script>const video = document.querySelector('video'), url = location.origin + '/${path}', collector = location.origin + '/logs/cmcd'; ${code}</script>`
    return { type: 'text/html', body }
  }
}

function lines({ bodies }: Pick<Collector, 'bodies'>): readonly string[] {
  return bodies.flatMap(({ text }) => text.split('\n').filter((line) => line.trim() !== ''))
}

function isEnough(collector: Collector, { events }: ReportingPlayer): boolean {
  return collector.targets.length >= MIN_REQUESTS && (!events || lines(collector).length >= MIN_EVENTS)
}

function issuesOf(collector: Collector): readonly string[] {
  const { url, targets } = collector
  const events = lines(collector).map((line) => validateCmcdEvents(line))
  const requests = targets.map((target) => validateCmcdRequest({ url: `${url}${target}`, method: 'GET' }))
  return [...events, ...requests].flatMap(({ issues }) =>
    issues.map(({ key, message, severity }) => `${severity} ${key ?? ''}: ${message}`),
  )
}

/** Keys that the library reads and we do not; `?`: a record that is none to us. */
function unread({ bodies, targets }: Collector): readonly string[] {
  const texts = [...targets.map((target) => cmcdOfQuery(target.split('?')[1] ?? '') ?? ''), ...lines({ bodies })]
  const keys = texts.flatMap((text) => {
    const read = readCmcd(text)
    if (typeof read === 'string') return ['?']
    return Object.keys(decodeCmcd(text)).filter((key) => !read.values.has(key))
  })
  return [...new Set(keys)]
}
