import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { validateCmcdEventReport, validateCmcdRequest } from '@svta/cml-cmcd'
import type { Page } from 'playwright-core'
import { cmcdOfBody } from '../../src/playlog/cmcd/message.ts'
import { cmcdToEvent } from '../../src/playlog/cmcd/to-event.ts'
import { measureSession } from '../../src/playlog/measures/session-measures.ts'
import type { PlayEvent } from '../../src/playlog/play-event.ts'
import { type Collector, openCollector } from '../support/report-collector.ts'
import { startServer } from '../support/server.ts'
import { openBrowser, openPage } from './browser.ts'
import { waitUntilPlaying } from './video.ts'

const WAIT_MS = 20_000
/** Between the clock of the page and the events that its element fires, milliseconds. */
const TOLERANCE_MS = 400

function eventsOf({ bodies }: Collector): readonly PlayEvent[] {
  return bodies.flatMap(({ text }) =>
    (cmcdOfBody(text) ?? assert.fail('too many records')).map((record) => {
      assert.ok(typeof record === 'object' && record.ignored === 0, text)
      return cmcdToEvent(record, { receivedAt: Date.now() }) ?? assert.fail(text)
    }),
  )
}

async function untilReported(collector: Collector, what: (events: readonly PlayEvent[]) => boolean): Promise<void> {
  for (const deadline = Date.now() + WAIT_MS; !what(eventsOf(collector)); await delay(50)) {
    assert.ok(Date.now() < deadline, JSON.stringify(eventsOf(collector)))
  }
}

interface Meter {
  advanced: number
  timer: number
}

/** Counts from now how far the picture moves by itself. The page's time, milliseconds. */
function startMeter(page: Page): Promise<number> {
  return page.evaluate(() => {
    const video = document.querySelector('video') as HTMLVideoElement
    let before = video.currentTime
    const meter: Meter = { advanced: 0, timer: 0 }
    const count = () => {
      const step = video.currentTime - before
      before = video.currentTime
      // A jump is not playing.
      if (step > 0 && step < 1) meter.advanced += step * 1000
    }
    meter.timer = window.setInterval(count, 20)
    Object.assign(window, { meter })
    return Date.now()
  })
}

/** Milliseconds that the picture moved. */
function stopMeter(page: Page): Promise<number> {
  return page.evaluate(() => {
    const { meter } = window as unknown as { meter: Meter }
    window.clearInterval(meter.timer)
    return meter.advanced
  })
}

/** What the judge of the specification's authors finds in all that came. */
function issuesOf({ url, bodies, targets }: Collector): readonly string[] {
  const events = bodies.map(({ headers, text }) => {
    const contentType = { 'content-type': headers['content-type'] ?? '' }
    return validateCmcdEventReport({ url: `${url}/logs/cmcd`, method: 'POST', headers: contentType, body: text })
  })
  const requests = targets.map((target) => validateCmcdRequest({ url: `${url}${target}`, method: 'GET' }))
  return [...events, ...requests].flatMap(({ issues }) =>
    issues.map(({ key, message, severity }) => `${severity} ${key}: ${message}`),
  )
}

test('the player reports what it does, by HLS, DASH and FLV, and what the page measures is what is told', async (t) => {
  const browser = await openBrowser(t)
  if (browser === undefined) return
  const server = await startServer({ testChannel: true })
  t.after(() => server.stop())

  for (const kind of ['hls', 'dash', 'flv']) {
    const collector = await openCollector(t, { upstream: server.urls['http'] ?? '' })
    const { page, complaints } = await openPage(browser, `${collector.url}/watch/live/test?by=${kind}`)
    await waitUntilPlaying(page)
    await untilReported(collector, (events) => events.some(({ state }) => state === 'playing'))
    const since = await startMeter(page)
    await page.waitForTimeout(3000)
    await page.evaluate(() => document.querySelector('video')?.pause())
    await untilReported(collector, (events) => events.at(-1)?.state === 'paused')
    const advanced = await stopMeter(page)
    await page.goto('about:blank')
    await untilReported(collector, (events) => events.at(-1)?.state === 'quit')
    await page.close()

    const events = eventsOf(collector)
    const measures = measureSession(events, { over: true })
    const facts = `${kind}: ${JSON.stringify({ advanced, ...measures })}`
    t.diagnostic(facts)
    assert.deepEqual(issuesOf(collector), [], kind)
    assert.deepEqual(
      events.map(({ sequence }) => sequence),
      [...events.keys()],
      kind,
    )
    assert.equal(new Set(events.map(({ sessionId }) => sessionId)).size, 1)
    assert.ok(events.every(({ contentId }) => contentId === 'live/test'))
    assert.equal(events[0]?.state, 'starting')
    const told = measures.spans
      .filter(({ state, end }) => state === 'playing' && end > since)
      .reduce((sum, { start, end }) => sum + end - Math.max(start, since), 0)
    // Players go a little faster or slower to follow a live stream.
    assert.ok(Math.abs(told - advanced) < TOLERANCE_MS + 0.05 * told, facts)
    assert.ok(measures.startup !== undefined && measures.startup > 0 && measures.startup < WAIT_MS, facts)
    const { firstPicture = 0, played, stalled, paused, seeking } = measures
    assert.equal(measures.end - firstPicture, played + stalled + paused + seeking, facts)
    const types = new Set(
      collector.targets.map((target) => /%2Cot%3D(\w+)/.exec(target)?.[1] ?? /ot%3D(\w+)/.exec(target)?.[1]),
    )
    for (const type of kind === 'flv' ? ['av'] : ['m', 'i', 'v', 'a'])
      assert.ok(types.has(type), `${kind}: ${[...types].join(' ')}`)
    assert.deepEqual(complaints, [], kind)
  }
})

test('nothing is reported where the browser or the page says so', async (t) => {
  const browser = await openBrowser(t)
  if (browser === undefined) return
  const server = await startServer({ testChannel: true })
  t.after(() => server.stop())
  const collector = await openCollector(t, { upstream: server.urls['http'] ?? '' })

  for (const say of [
    () => Object.defineProperty(navigator, 'globalPrivacyControl', { value: true }),
    () => Object.defineProperty(navigator, 'doNotTrack', { value: '1' }),
    () => {
      const tell = () => document.querySelector('headend-player')?.setAttribute('report', 'off')
      new MutationObserver(tell).observe(document, { childList: true, subtree: true })
    },
  ]) {
    const context = await browser.newContext()
    await context.addInitScript(say)
    const page = await context.newPage()
    await page.goto(`${collector.url}/watch/live/test`)
    await waitUntilPlaying(page)
    await page.goto('about:blank')
    await context.close()
  }

  assert.deepEqual(collector.bodies, [])
  assert.deepEqual(collector.targets, [])
})

test('a collector that is busy gets the same records later, and one that is gone is left alone', async (t) => {
  const browser = await openBrowser(t)
  if (browser === undefined) return
  const server = await startServer({ testChannel: true })
  t.after(() => server.stop())
  const collector = await openCollector(t, { upstream: server.urls['http'] ?? '' })
  collector.refuse(503)
  collector.refuse(429, { 'retry-after': '1' })

  const { page } = await openPage(browser, `${collector.url}/watch/live/test`)
  await untilReported(collector, (events) => events.some(({ state }) => state === 'playing'))
  assert.deepEqual(
    eventsOf(collector).map(({ sequence }) => sequence),
    [...eventsOf(collector).keys()],
  )
  const before = collector.bodies.length
  collector.refuse(410)
  await page.evaluate(() => document.querySelector('video')?.pause())
  await page.waitForResponse((response) => response.status() === 410)
  await page.goto('about:blank')
  await page.close()

  assert.equal(collector.bodies.length, before)
})
