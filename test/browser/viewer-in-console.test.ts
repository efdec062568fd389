import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startServer } from '../support/server.ts'
import { openBrowser, openPage, screenshot } from './browser.ts'
import { readMeter, startMeter, untilMeter } from './picture-meter.ts'
import { waitUntilPlaying } from './video.ts'

/** Between the clock of the page and the states of its player, milliseconds. */
const TOLERANCE_MS = 800

interface Session {
  readonly id: string
  readonly outcome: string
  readonly playedMs: number
  readonly stalledMs: number
  readonly stalls: number
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
  await untilMeter(page, 'played', 2000)

  const gate = Promise.withResolvers<void>()
  await page.route('**/live/test/**', async (route) => {
    await gate.promise
    await route.continue()
  })
  await untilMeter(page, 'standing', 2500)
  gate.resolve()
  await untilMeter(page, 'stalled', 2500)
  await untilMeter(page, 'played', (await readMeter(page)).played + 1500)
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
