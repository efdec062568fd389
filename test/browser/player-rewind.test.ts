import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { startServer } from '../support/server.ts'
import { openBrowser, openPage, screenshot } from './browser.ts'
import { mediaFolder } from './media-folder.ts'
import { readClock, seekDone, waitUntilPlaying } from './video.ts'

/** Seconds of the stream that are there to go back to. */
const WINDOW_S = 18
const START_MS = 40_000
/** Machines that do other things meanwhile play live with some delay. */
const LIVE_MS = 9_000

test('a recorded live stream is rewound, and back at live by one button, by HLS and by DASH', {
  timeout: 180_000,
}, async (t) => {
  const browser = await openBrowser(t)
  if (browser === undefined) return
  const folder = mediaFolder(t, {})
  const config = join(folder, '.headend.yaml')
  writeFileSync(config, 'paths:\n  live/**:\n    record: true\n')
  const server = await startServer({ testChannel: true, args: ['--config', config] })
  t.after(() => server.stop())

  for (const kind of ['hls', 'dash']) {
    const { page, complaints } = await openPage(browser, `${server.urls['http']}/watch/live/test?by=${kind}`)
    await waitUntilPlaying(page, START_MS)
    await page.waitForFunction(
      (wanted) => Number(document.querySelector<HTMLInputElement>('.seek input')?.max) >= wanted,
      WINDOW_S,
      { timeout: 90_000 },
    )
    assert.equal(await page.locator('button.live').textContent(), 'LIVE')

    await page.keyboard.press('Home')
    await seekDone(page)
    await page.getByRole('button', { name: 'Back to live' }).waitFor()
    const rewound = await readClock(page)
    const shown = await page.locator('.time').textContent()
    const box = await page.locator('.seek input').boundingBox()
    assert.ok(box !== null)
    await page.mouse.move(box.x + box.width / 2, box.y)
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2)
    const preview = await page.locator('.preview span').textContent()
    await screenshot(page, `player-rewind-${kind}`)
    await page.getByRole('button', { name: 'Back to live' }).click()
    await page.getByRole('button', { name: 'LIVE', exact: true }).waitFor()
    await seekDone(page)
    await page.waitForTimeout(1000)
    const live = await readClock(page)

    const facts = JSON.stringify({ kind, rewound, shown, preview, live })
    t.diagnostic(facts)
    assert.ok(rewound.delayMs > (WINDOW_S - 8) * 1000, facts)
    assert.match(shown ?? '', /^−\d:\d\d$/, facts)
    // The hours are those of the browser's own place.
    assert.match(preview ?? '', /^\d\d:\d\d:\d\d · −\d:\d\d$/, facts)
    assert.ok(live.delayMs < LIVE_MS, facts)
    assert.deepEqual(complaints, [], facts)
    await page.close()
  }
})
