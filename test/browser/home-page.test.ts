import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startServer } from '../support/server.ts'
import { openBrowser, openPage, screenshot } from './browser.ts'
import { waitUntilPlaying } from './video.ts'

test('the home page shows what is on air, and a card leads to the picture', async (t) => {
  const browser = await openBrowser(t)
  if (browser === undefined) return
  const server = await startServer({ testChannel: true })
  t.after(() => server.stop())
  const { page, complaints } = await openPage(browser, `${server.urls['http']}/`)

  const card = page.getByRole('link', { name: /test/ })
  await card.waitFor()
  await page.waitForFunction(() => document.querySelector('.card')?.textContent?.includes('1280×720 h264'))
  await screenshot(page, 'home')
  await card.click()

  await page.waitForURL('**/watch/live/test')
  await waitUntilPlaying(page)
  assert.deepEqual(complaints, [])
})

test('the publish help has the exact settings, with copy buttons', async (t) => {
  const browser = await openBrowser(t)
  if (browser === undefined) return
  const server = await startServer({ testChannel: true })
  t.after(() => server.stop())
  const { page } = await openPage(browser, `${server.urls['http']}/`, { dark: true })
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])

  await page.getByLabel('Stream name').fill('studio-2')
  await page.getByLabel('Publish key').fill('s3cret')
  // The server's port comes with the list of what is on air.
  await page.waitForFunction(
    (port) => document.querySelector('#recipes')?.textContent?.includes(`:${port}/live`),
    server.ports['rtmp'],
  )
  await page.getByRole('button', { name: /Copy: OBS Studio.*Stream key/ }).click()

  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), 'studio-2?key=s3cret')
  const text = await page.locator('#recipes').innerText()
  assert.ok(text.includes(`rtmp://127.0.0.1:${server.ports['rtmp']}/live`))
  assert.ok(text.includes(`-f flv "rtmp://127.0.0.1:${server.ports['rtmp']}/live/studio-2?key=s3cret"`))
  await screenshot(page, 'home-publish-dark')
})

test('the pages fit a phone', async (t) => {
  const browser = await openBrowser(t)
  if (browser === undefined) return
  const server = await startServer({ testChannel: true })
  t.after(() => server.stop())

  for (const [name, path] of [
    ['home', '/'],
    ['watch', '/watch/live/test'],
  ] as const) {
    const { page } = await openPage(browser, `${server.urls['http']}${path}`, { width: 360, height: 740 })
    if (name === 'watch') await waitUntilPlaying(page)
    else await page.locator('.card').first().waitFor()
    const overflow = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    )
    await screenshot(page, `${name}-phone`)

    assert.ok(overflow <= 0, `${name} is ${overflow} px wider than the screen`)
  }
})
