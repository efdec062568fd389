/**
 * What players of others report, as they send it: all of it is read, judged by the library of the specification's authors, and in the console with
 * what the page itself measured.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { decodeCmcd, validateCmcdEvents, validateCmcdRequest } from '@svta/cml-cmcd'
import type { Browser } from 'playwright-core'
import { cmcdOfQuery } from '../../src/playlog/cmcd/message.ts'
import { readCmcd } from '../../src/playlog/cmcd/record.ts'
import { spanText } from '../../web/console/number-text.ts'
import { type Collector, openCollector } from '../support/report-collector.ts'
import { type RunningServer, startServer } from '../support/server.ts'
import { repository } from '../support/sources.ts'
import { openBrowser, openPage, screenshot } from './browser.ts'
import { METER_SCRIPT, type PictureMeter, readMeter, SHORTEST_STALL_MS, untilMeter } from './picture-meter.ts'
import { waitUntilPlaying } from './video.ts'

interface ReportingPlayer {
  readonly script: string
  /** `url` is to be played in `video`, reports go to `collector`. */
  readonly code: string
  readonly path: string
  /** What the player says that it plays, of video, bits a second. */
  readonly bitrate: string
  /** Ends the playback, and sends what is not reported yet; `undefined`: it cannot. */
  readonly stop: string | undefined
  /** Its records say when it stalls. */
  readonly tellsStalls: boolean
  /** What it read of what the server says of its answers; left out: it does not look. */
  readonly cmsd?: string
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
    code: `const hls = new Hls({ cmcd: { version: 2, contentId: 'live/test', sessionId: sid,
      eventTargets: [{ url: collector, events: ${EVENTS}, interval: 1, batchSize: 4 }] } })
      hls.loadSource(url); hls.attachMedia(video)`,
    bitrate: 'hls.levels[hls.currentLevel].bitrate',
    stop: 'hls.destroy()',
    tellsStalls: true,
    // Its initialization segments have a duration, of 0.
    known: [/^error d: Key "d" must not be present when "ot" is "i"/],
    unread: [],
  },
  shaka: {
    script: 'shaka-player/dist/shaka-player.compiled.js',
    path: 'live/test/manifest.mpd',
    code: `const player = new shaka.Player()
      player.configure({ cmcd: { enabled: true, version: 2, contentId: 'live/test', sessionId: sid,
        eventTargets: [{ mode: 'event', enabled: true, url: collector, events: ${EVENTS}, interval: 1, batchSize: 1, includeKeys: [], useHeaders: false, version: 2 }] } })
      player.attach(video).then(() => player.load(url))`,
    // In events it tells that of pictures and sound together.
    bitrate: 'player.getVariantTracks().find(({ active }) => active).bandwidth',
    // What its batch has is lost with it: every record goes by itself.
    stop: undefined,
    // The compiled library loses `sta` in all that it reports.
    tellsStalls: false,
    // The same, and values of version 1 where version 2 has lists.
    known: [/^error d: Key "d" must not be present when "ot" is "i"/, /^error \w+: Key "\w+" must be an array/],
    unread: [],
  },
  'dash.js': {
    script: 'dashjs/dist/modern/umd/dash.all.min.js',
    path: 'live/test/manifest.mpd',
    code: `const player = dashjs.MediaPlayer().create()
      player.updateSettings({ streaming: { cmsd: { enabled: true, abr: { applyMb: true, etpWeightRatio: 0.5 } }, cmcd: { enabled: true, version: 2, cid: 'live/test', sid, includeInRequests: ['segment', 'mpd'],
        eventTargets: [{ enabled: true, url: collector, events: ${EVENTS}, interval: 1, batchSize: 4,
          enabledKeys: ['bl', 'br', 'bs', 'cid', 'dfa', 'e', 'ltc', 'msd', 'mtp', 'ot', 'pr', 'pt', 'rc', 'sf', 'sid', 'sn', 'st', 'sta', 'ts', 'ttfb', 'ttlb', 'url', 'v'] }] } } })
      player.initialize(video, url, true)`,
    bitrate: "player.getCurrentRepresentationForType('video').bandwidth",
    stop: 'player.reset()',
    cmsd: "player.getDashMetrics().getHttpRequests('video').flatMap(({ cmsd }) => cmsd ?? [])",
    tellsStalls: true,
    // Version 2 has one or the other.
    known: [/^error t?ab: Key "t?ab" must not be present when "t?br?" is present/],
    unread: [],
  },
}

const WAIT_MS = 30_000
const MIN_REQUESTS = 12
const MIN_EVENTS = 12
/** Shown before media is held back, and behind. */
const PLAYED_MS = 2000
/** Pictures stand still for at least so long before media comes again. */
const STALL_MS = 1500
const TOLERANCE_MS = 400
/** Between two reports, when nothing happens. */
const INTERVAL_MS = 1000

interface Session {
  readonly id: string
  readonly protocol: string
  readonly family: string
  readonly startupMs: number
  readonly playedMs: number
  readonly stalledMs: number
  readonly stalls: number
  readonly bitrateKbps: number
  readonly end: string
}

interface Cmsd {
  readonly static: Readonly<Record<string, unknown>> | null
  readonly dynamic: Readonly<Record<string, unknown>> | null
}

interface Measured extends PictureMeter {
  readonly cmsd: readonly Cmsd[]
  /** Kilobits a second. */
  readonly bitrate: number
}

test('what hls.js, shaka and dash.js report keeps the specification, and is in the console as the page measured it', async (t) => {
  const browser = await openBrowser(t)
  if (browser === undefined) return
  const server = await startServer({ testChannel: true })
  t.after(() => server.stop())
  const told: Session[] = []

  for (const [name, player] of Object.entries(PLAYERS)) {
    const collector = await openCollector(t, {
      upstream: server.urls['http'] ?? '',
      page: (target) => pageOf(name, player, target),
      passes: true,
    })
    const measured = await playThroughStall(browser, player, collector)
    const facts = `${name}: ${collector.targets.length} requests, ${lines(collector).length} events, ${JSON.stringify(measured)}`
    t.diagnostic(facts)
    assert.ok(collector.targets.length >= MIN_REQUESTS && lines(collector).length >= MIN_EVENTS, facts)
    const issues = [...new Set(issuesOf(collector))]
    assert.deepEqual(
      issues.filter((issue) => !player.known.some((pattern) => pattern.test(issue))),
      [],
      name,
    )
    assert.deepEqual(unread(collector), player.unread, name)
    if (player.cmsd !== undefined) assertCmsd(measured.cmsd)

    const session = await sessionOf(server, sidOf(name), collector)
    told.push(session)
    assertMeasured(session, measured, player)
  }

  const { page } = await openPage(browser, `${server.urls['http']}/console/audience?path=live%2Ftest`, { height: 1600 })
  await page.getByLabel('Admin token').fill(server.secrets.adminToken)
  await page.getByRole('button', { name: 'Sign in' }).click()
  for (const { id } of told) await page.locator(`a[href*="${id}"]`).first().waitFor()
  await screenshot(page, 'reference-players-in-console')
  for (const [at, { id, stalls, startupMs }] of told.entries()) {
    await page.goto(`${server.urls['http']}/console/audience?session=${id}`)
    await page.locator('.lanes').waitFor()
    assert.equal(await page.locator('.span[data-state="rebuffering"]').count(), stalls)
    assert.ok((await page.locator('.facts').innerText()).includes(spanText(startupMs)))
    await screenshot(page, `reference-session-${Object.keys(PLAYERS)[at]}`)
  }
})

/** Plays a while, is without media until the picture stands, plays again, and ends. What the page saw of it. */
async function playThroughStall(browser: Browser, player: ReportingPlayer, collector: Collector): Promise<Measured> {
  const { page } = await openPage(browser, `${collector.url}/player.html`)
  await waitUntilPlaying(page, WAIT_MS)
  await untilMeter(page, 'played', PLAYED_MS)
  const release = collector.hold()
  await untilMeter(page, 'standing', STALL_MS)
  release()
  await untilMeter(page, 'stalled', STALL_MS)
  await untilMeter(page, 'played', (await readMeter(page)).played + PLAYED_MS)
  const [meter, bitrate] = [await readMeter(page), await page.evaluate<number>(player.bitrate)]
  const cmsd = await page.evaluate<readonly Cmsd[]>(player.cmsd ?? '[]')
  if (player.stop !== undefined) {
    await page.evaluate(player.stop)
    // What it reports is on its way before this is.
    await page.evaluate(() => fetch('/player.html'))
  }
  await page.close()
  return { ...meter, cmsd, bitrate: bitrate / 1000 }
}

/** When the store has all that was collected. */
async function sessionOf({ urls, secrets }: RunningServer, id: string, collector: Collector): Promise<Session> {
  const headers = { authorization: `Bearer ${secrets.adminToken}` }
  const last = Math.max(...lines(collector).map((line) => Number(/\bts=(\d+)/.exec(line)?.[1])))
  for (const deadline = Date.now() + WAIT_MS; ; ) {
    const answer = await fetch(`${urls['http']}/api/v1/audience/session?id=${id}`, { headers })
    const text = await answer.text()
    if (answer.ok) {
      const session = JSON.parse(text) as Session
      if (Date.parse(session.end) >= last) return session
    }
    assert.ok(Date.now() < deadline, text)
  }
}

function assertMeasured(session: Session, measured: Measured, { path, tellsStalls }: ReportingPlayer): void {
  const facts = JSON.stringify({ measured, session: { ...session, spans: undefined, events: undefined } })
  const near = (told: number, seen: number) => assert.ok(Math.abs(told - seen) < TOLERANCE_MS, facts)
  // What was played behind the last report is not known.
  const upTo = (told: number, seen: number, intervals = 1) =>
    assert.ok(told - seen < TOLERANCE_MS && seen - told < intervals * INTERVAL_MS + TOLERANCE_MS, facts)
  const { startup = assert.fail(facts), played, stalled, stalls, waited, waits, seeks, bitrate } = measured
  assert.equal(session.protocol, path.endsWith('.mpd') ? 'dash' : 'hls', facts)
  assert.equal(session.family, 'Chrome', facts)
  near(session.startupMs, startup)
  // The picture's meter takes those that are too short for playing.
  const unseen = (waits - stalls) * SHORTEST_STALL_MS
  assert.ok(waited > stalled - TOLERANCE_MS && waited < stalled + unseen + TOLERANCE_MS, facts)
  if (tellsStalls) {
    // Those that are too short for the page to see by its picture are told, too, and a jump in the middle makes two of one.
    assert.ok(session.stalls >= stalls && session.stalls <= waits + seeks, facts)
    near(session.stalledMs, waited)
    upTo(session.playedMs, played)
  } else {
    assert.equal(session.stalls, 0, facts)
    // Nor when it began: it counts from the first report with media in the buffer.
    upTo(session.playedMs, played + stalled, 2)
  }
  assert.ok(Math.abs(session.bitrateKbps - bitrate) < 0.1 * bitrate, facts)
}

/** What the server says of an answer comes through, from another origin, and is read. */
function assertCmsd(answers: readonly Cmsd[]): void {
  const facts = JSON.stringify(answers)
  assert.ok(answers.length > 0 && answers.every((one) => one.static?.['st'] === 'l'), facts)
  assert.ok(
    answers.some((one) => one.static?.['ot'] === 'v' && Number(one.static['d']) > 0),
    facts,
  )
  // How long a request took.
  assert.ok(
    answers.some((one) => Number(one.dynamic?.['rd']) >= 0),
    facts,
  )
}

/** Of the playback of this player. */
function sidOf(name: string): string {
  return `00000000-0000-4000-8000-${Buffer.from(name).toString('hex').padStart(12, '0').slice(0, 12)}`
}

function pageOf(name: string, { script, path, code }: ReportingPlayer, { pathname }: URL) {
  if (pathname === '/player.js') {
    return { type: 'text/javascript', body: readFileSync(join(repository, 'node_modules', script)) }
  }
  if (pathname !== '/player.html') return undefined
  const body = `<!doctype html><video muted autoplay playsinline width="640" height="360"></video><script src="/player.js"></script><script>const video = document.querySelector('video'), url = location.origin + '/${path}', collector = location.origin + '/logs/cmcd', sid = '${sidOf(name)}'; ${METER_SCRIPT}; ${code}</script>`
  return { type: 'text/html', body }
}

function lines({ bodies }: Pick<Collector, 'bodies'>): readonly string[] {
  return bodies.flatMap(({ text }) => text.split('\n').filter((line) => line.trim() !== ''))
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
