import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { startServer } from '../support/server.ts'
import { openBrowser, openPage, screenshot } from './browser.ts'
import { waitUntilPlaying } from './video.ts'

/** The page looks at its picture this often, milliseconds; what it measures is right to a few of these. */
const LOOK_MS = 50
const TOLERANCE_MS = 800

interface Meter {
  played: number
  /** Of pictures that stood still for longer than five looks. */
  stalled: number
  standing: number
}

interface Session {
  readonly id: string
  readonly outcome: string
  readonly playedMs: number
  readonly stalledMs: number
  readonly stalls: number
}

/** Measures by the picture alone whether it moves. */
function startMeter(page: Page): Promise<void> {
  return page.evaluate((every) => {
    const meter: Meter = { played: 0, stalled: 0, standing: 0 }
    const video = document.querySelector('video')
    let position = video?.currentTime ?? 0
    let at = performance.now()
    Object.assign(window, { meter })
    window.setInterval(() => {
      const now = performance.now()
      const next = video?.currentTime ?? 0
      if (next === position) meter.standing += now - at
      else {
        if (meter.standing > every * 5) meter.stalled += meter.standing
        else meter.played += meter.standing
        meter.standing = 0
        meter.played += now - at
      }
      position = next
      at = now
    }, every)
  }, LOOK_MS)
}

function readMeter(page: Page): Promise<Meter> {
  return page.evaluate(() => (window as unknown as { meter: Meter }).meter)
}

test('a viewer whose network stood still is in the console with what the page itself measured, and the server beside it', async (t) => {
  const browser = await openBrowser(t)
  if (browser === undefined) return
  const server = await startServer({ testChannel: true })
  t.after(() => server.stop())
  const base = server.urls['http'] ?? ''
  const { page } = await openPage(browser, `${base}/watch/live/test?by=hls`)
  await waitUntilPlaying(page)
  await startMeter(page)
  await page.waitForFunction(() => (window as unknown as { meter: Meter }).meter.played > 2000)

  const gate = Promise.withResolvers<void>()
  await page.route('**/live/test/**', async (route) => {
    await gate.promise
    await route.continue()
  })
  await page.waitForFunction(() => (window as unknown as { meter: Meter }).meter.standing > 2500)
  gate.resolve()
  await page.waitForFunction(() => (window as unknown as { meter: Meter }).meter.stalled > 2500)
  const again = (await readMeter(page)).played
  await page.waitForFunction((from) => (window as unknown as { meter: Meter }).meter.played > from + 1500, again)
  const measured = await readMeter(page)
  await page.goto('about:blank')

  const headers = { authorization: `Bearer ${server.secrets.adminToken}` }
  const ask = async () => {
    const answer = await fetch(`${base}/api/v1/audience/sessions?path=live/test`, { headers })
    return ((await answer.json()) as { readonly items: readonly Session[] }).items
  }
  let sessions = await ask()
  while (sessions[0]?.outcome !== 'left') sessions = await ask()
  const [session] = sessions
  const facts = JSON.stringify({ measured, session })
  t.diagnostic(facts)
  assert.equal(sessions.length, 1, facts)
  // A machine with other work to do adds short ones.
  assert.ok(session.stalls >= 1, facts)
  assert.ok(Math.abs(session.stalledMs - measured.stalled) < TOLERANCE_MS, facts)
  // The player played a while before the page began to measure.
  assert.ok(session.playedMs > measured.played - TOLERANCE_MS, facts)

  await page.goto(`${base}/console/audience?session=${encodeURIComponent(session.id)}`)
  await page.getByLabel('Admin token').fill(server.secrets.adminToken)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.locator('.lanes').waitFor()
  assert.equal(await page.locator('.span[data-state="rebuffering"]').count(), session.stalls)
  assert.equal(await page.locator('.connection').count(), 1)
  assert.ok((await page.locator('.requests').count()) > 5)
  assert.match(await page.locator('.stalls').innerText(), /no media was requested for \d/)
  await screenshot(page, 'viewer-in-console')
})
