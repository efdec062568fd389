import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { audienceEvents, HOSTILE, openAudienceSite, sessionOf } from './audience-site.ts'
import { openBrowser, openPage, screenshot } from './browser.ts'

async function signIn(page: Page, token: string): Promise<void> {
  await page.getByLabel('Admin token').fill(token)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

/** What a tile says. */
function tile(page: Page, name: string): Promise<string | null> {
  return page
    .locator('.tile', { has: page.getByText(name, { exact: true }) })
    .locator('.value')
    .textContent()
}

/** Pixels of the charts that are drawn on, as a share of each. */
function inked(page: Page): Promise<number[]> {
  return page.locator('#charts canvas').evaluateAll((canvases) =>
    canvases.map((canvas) => {
      const { width, height } = canvas as HTMLCanvasElement
      const pixels = (canvas as HTMLCanvasElement).getContext('2d')?.getImageData(0, 0, width, height).data ?? []
      let drawn = 0
      // The left part has the scale, which is there without a value.
      for (let at = 3; at < pixels.length; at += 4) if (pixels[at] !== 0 && ((at >> 2) % width) / width > 0.2) drawn++
      return drawn / (width * height)
    }),
  )
}

test('the console shows the audience in numbers and charts, narrows it, and lets nobody in without the token', async (t) => {
  const browser = await openBrowser(t)
  if (browser === undefined) return
  const { server, url } = await openAudienceSite(t, audienceEvents(Date.now()))
  const { page, complaints } = await openPage(browser, url, { width: 1400, height: 1300 })

  await signIn(page, 'wrong')
  await page.getByRole('alert').getByText(/\w+/).waitFor()
  assert.equal(await page.locator('#console').isVisible(), false)
  await signIn(page, server.secrets.adminToken)
  await page.locator('.tile').first().waitFor()
  await page.waitForFunction(() => document.querySelectorAll('#charts .uplot[aria-label]').length === 6)

  assert.equal(await tile(page, 'Plays'), '22')
  // Five minutes each and a new one every minute: five at once, and one of two more that come one after the other.
  assert.equal(await tile(page, 'Concurrent viewers'), '6')
  assert.equal(await tile(page, 'Errors'), '2')
  assert.equal(await page.locator('#sessions tr').count(), 22)
  for (const share of await inked(page)) assert.ok(share > 0.005, `${share} of a chart is drawn on`)
  await screenshot(page, 'audience')

  const kept = await page.evaluate(() => [
    Object.entries(sessionStorage),
    Object.entries(localStorage),
    document.cookie,
  ])
  assert.deepEqual(kept, [[['headend-admin-token', server.secrets.adminToken]], [], ''])
  assert.ok(!page.url().includes(server.secrets.adminToken))

  await page.getByLabel('Stream or file').selectOption('live/studio')
  await page.waitForFunction(() => document.querySelectorAll('#sessions tr').length === 1)
  assert.equal(await tile(page, 'Plays'), '1')
  assert.equal(await tile(page, 'Rebuffer ratio'), '7.3 %')
  assert.equal(new URL(page.url()).searchParams.get('path'), 'live/studio')
  assert.equal(await page.title(), 'Audience of live/studio · Headend')
  await page.goBack()
  await page.waitForFunction(() => document.querySelectorAll('#sessions tr').length === 22)
  await page.getByLabel('with stalls or errors').check()
  await page.waitForFunction(() => document.querySelectorAll('#sessions tr').length === 6)

  const [file] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'CSV', exact: true }).click(),
  ])
  const lines = readFileSync(await file.path(), 'utf8')
    .trim()
    .split('\r\n')
  assert.match(lines[0] ?? '', /^"time","concurrent","attempts","plays",/)
  assert.equal(
    lines.slice(1).reduce((sum, line) => sum + Number(line.split(',')[3]), 0),
    22,
  )

  await page.getByLabel('All of these as a file').selectOption('sessions, JSON lines')
  const [exported] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Export', exact: true }).click(),
  ])
  assert.match(exported.suggestedFilename(), /^audience-sessions-[\d-]+T[\d-]+Z\.jsonl$/)
  // With the filter of the list, and all of them: a page of the list has 50.
  assert.equal(
    readFileSync(await exported.path(), 'utf8')
      .trim()
      .split('\n').length,
    6,
  )
  await page.getByLabel('All of these as a file').selectOption('events, Windows Media lines')
  await page.getByLabel('with stalls or errors').uncheck()
  const chart = page.locator('#charts .u-over').first()
  await chart.scrollIntoViewIfNeeded()
  const box = (await chart.boundingBox()) ?? assert.fail()
  // The later half of the hour.
  await page.mouse.move(box.x + box.width / 2, box.y + 20)
  await page.mouse.down()
  await page.mouse.move(box.x + box.width - 1, box.y + 20)
  await page.mouse.up()
  await page.waitForURL(/from=.*until=/)
  const told = new URL(page.url()).searchParams
  const minutes = (Date.parse(told.get('until') ?? '') - Date.parse(told.get('from') ?? '')) / 60_000
  assert.ok(minutes > 28 && minutes < 33, `${minutes} minutes`)
  await page.goBack()

  await page.emulateMedia({ media: 'print' })
  assert.equal(await page.getByRole('button', { name: 'Print' }).isVisible(), false)
  assert.equal(await page.locator('#charts canvas').first().isVisible(), true)
  // A sheet of A4: nothing reaches beyond it, charts included that were drawn for the screen.
  await page.setViewportSize({ width: 794, height: 1123 })
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 794)
  await screenshot(page, 'audience-print')
  await page.emulateMedia({ media: 'screen' })
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByLabel('Admin token').waitFor()
  assert.equal(await page.locator('.tile').count(), 0)
  // The browser itself writes down that a wrong token was refused.
  assert.deepEqual(
    complaints.filter((complaint) => !/401/.test(complaint)),
    [],
  )
})

test('a session shows why it stopped: the stall, the switch, the error and the server in the same seconds', async (t) => {
  const browser = await openBrowser(t)
  if (browser === undefined) return
  const { server, url } = await openAudienceSite(t, audienceEvents(Date.now()))
  const { page, complaints } = await openPage(browser, url, { width: 1400, height: 1300 })
  await signIn(page, server.secrets.adminToken)

  await page.locator('#sessions tr', { hasText: 'live/studio' }).getByRole('link').click()
  await page.locator('.lanes').waitFor()

  const lane = (name: string) => page.locator('.lane', { has: page.getByText(name, { exact: true }) })
  const placed = (name: string, what: string) =>
    lane(name)
      .locator(what)
      .evaluateAll((items) =>
        items.map((item) => {
          const { left, width } = (item as HTMLElement).style
          return [Number.parseFloat(left), Number.parseFloat(width)].map((part) => Math.round((part / 100) * 180))
        }),
      )
  assert.deepEqual(await lane('Player').locator('.span').allTextContents(), [
    'starting',
    'playing',
    'rebuffering',
    'playing',
    'ended',
  ])
  // Seconds of the session: the stall, and the two connections to the server.
  assert.deepEqual((await placed('Player', '.span'))[2], [84, 13])
  assert.deepEqual(await placed('Server', '.connection'), [
    [0, 86],
    [95, 85],
  ])
  assert.deepEqual(await lane('Told by the player').locator('.mark').allTextContents(), ['▲', '▼', '✕', '▲'])
  const why = await page.locator('.stalls > li').innerText()
  assert.match(why, /for 13 s/)
  assert.match(why, /−4\.0 s player: bit rate 6\.00 Mb\/s → 1\.00 Mb\/s/)
  assert.match(why, /\+2\.0 s server: the connection to the server is over · reason: the publisher went away/)
  assert.match(why, /\+7\.0 s player: error · errors: fragLoadTimeOut/)
  assert.equal(await page.locator('.events tbody tr').count(), 12)
  await page.getByLabel('requests of media: 1', { exact: true }).check()
  assert.equal(await page.locator('.events tbody tr').count(), 13)
  await screenshot(page, 'audience-session')
  await page.getByRole('button', { name: 'Look closer' }).click()
  // 20 s before it and behind it: 53 s in all.
  assert.deepEqual(
    (await placed('Player', '.span'))[2]?.map((part) => Math.round((part / 180) * 53)),
    [20, 13],
  )
  await page.getByRole('button', { name: 'The whole session' }).click()
  assert.deepEqual((await placed('Player', '.span'))[2], [84, 13])

  page.on('dialog', (dialog) => void dialog.accept())
  await page.getByRole('button', { name: 'Erase this session' }).click()
  await page.waitForFunction(() => document.querySelectorAll('#sessions tr').length === 21)
  assert.deepEqual(complaints, [])
})

test('what players report is on the page with the next look, by itself', async (t) => {
  const browser = await openBrowser(t)
  if (browser === undefined) return
  const { server, url } = await openAudienceSite(t, audienceEvents(Date.now()))
  const { page } = await openPage(browser, url)
  await page.clock.install()
  await signIn(page, server.secrets.adminToken)
  await page.locator('.tile').first().waitFor()
  assert.equal(await tile(page, 'Plays'), '22')

  const reported = await fetch(`${server.urls['http']}/logs/cmcd`, {
    method: 'POST',
    headers: { 'content-type': 'application/cmcd' },
    body: `e=ps,sid="just-now",sn=0,sta=s,ts=${Date.now()},v=2\ne=ps,sid="just-now",sn=1,sta=p,ts=${Date.now() + 5},v=2\n`,
  })
  assert.equal(reported.status, 204)
  const headers = { authorization: `Bearer ${server.secrets.adminToken}` }
  const isKept = () => fetch(`${server.urls['http']}/api/v1/audience/session?id=just-now`, { headers })
  while ((await isKept()).status !== 200) continue
  await page.clock.fastForward(10_000)

  await page.waitForFunction(() => document.querySelector('#tiles')?.textContent?.includes('Plays23'))
  await page.getByLabel('live', { exact: true }).uncheck()
  const asked: string[] = []
  page.on('request', (request) => asked.push(request.url()))
  await page.clock.fastForward(120_000)
  assert.deepEqual(asked, [])
})

test('a session that goes on is shown as it goes on, and stays as it is looked at', async (t) => {
  const browser = await openBrowser(t)
  if (browser === undefined) return
  const start = Date.now() - 60_000
  const requests = Array.from({ length: 12_000 }, (_, at) => [3 + at / 1000, { kind: 'request' }] as const)
  const events = sessionOf('goes-on', start, { path: 'live/one', protocol: 'hls' }, [
    [0, { state: 'starting' }],
    [1, { state: 'playing', original: 'sta=p' }],
    ...requests,
    [20, { state: 'rebuffering' }],
    [25, { state: 'playing' }],
  ])
  const { server, url } = await openAudienceSite(t, events)
  const { page, complaints } = await openPage(browser, `${url}?session=goes-on`)
  await page.clock.install()
  await signIn(page, server.secrets.adminToken)
  await page.locator('.lanes').waitFor()
  assert.match(
    await page.locator('.note').innerText(),
    /^2,004 of its 12,004 events are not shown: requests of media after .+ Its numbers count all of them/,
  )
  await page.getByRole('button', { name: 'Look closer' }).click()
  await page.locator('details summary').first().click()
  await page.getByRole('button', { name: 'The whole session' }).focus()

  const report = await fetch(`${server.urls['http']}/logs/cmcd`, {
    method: 'POST',
    headers: { 'content-type': 'application/cmcd' },
    body: `e=ps,sid="goes-on",sn=20000,sta=f,ts=${start + 40_000},v=2\n`,
  })
  assert.equal(report.status, 204)
  const headers = { authorization: `Bearer ${server.secrets.adminToken}` }
  const failed = async () =>
    (
      (await (await fetch(`${server.urls['http']}/api/v1/audience/session?id=goes-on`, { headers })).json()) as {
        outcome: string
      }
    ).outcome === 'playback-failure'
  while (!(await failed())) continue
  await page.clock.fastForward(10_000)

  await page.locator('.facts', { hasText: 'failed' }).waitFor()
  assert.equal(await page.locator('.events tbody tr').count(), 5)
  assert.equal(await page.locator('details[open]').count(), 1)
  assert.equal(await page.getByRole('button', { name: 'The whole session' }).isVisible(), true)
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'The whole session')
  const asked: string[] = []
  page.on('request', (request) => asked.push(request.url()))
  await page.clock.fastForward(120_000)
  assert.deepEqual([asked, complaints], [[], []])
})

test('A-17, L-03: HTML in every field of a peer is text, on a phone too', async (t) => {
  const browser = await openBrowser(t)
  if (browser === undefined) return
  const { server, url } = await openAudienceSite(t, audienceEvents(Date.now()))
  const { page, complaints } = await openPage(browser, url, { width: 360, height: 740, dark: true })
  await signIn(page, server.secrets.adminToken)
  const row = page.locator('#sessions tr', { hasText: HOSTILE })
  await row.waitFor()
  const harmless = async () => {
    const found = await page.evaluate(() => ({
      hurt: 'hurt' in window,
      made: document.querySelectorAll('main img, main script').length,
      wider: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    }))
    assert.deepEqual(found, { hurt: false, made: 0, wider: 0 })
  }
  await harmless()
  assert.ok((await page.locator('#errors').innerText()).includes(HOSTILE.slice(0, 20)))
  await screenshot(page, 'audience-phone-dark')
  await page.getByLabel('Stream or file').selectOption(`=${HOSTILE}`)
  await page.waitForFunction(() => document.querySelectorAll('#sessions tr').length === 1)
  assert.equal(await page.locator('#title').textContent(), `Audience of ${HOSTILE}`)

  await row.getByRole('link').click()
  await page.locator('.lanes').waitFor()

  const text = await page.locator('#session').innerText()
  for (const name of ['Stream', 'Content', 'Player', 'Address', 'User agent', 'Session']) {
    const value = page.locator('.facts > div', { has: page.getByText(name, { exact: true }) }).locator('dd')
    assert.equal(await value.textContent(), HOSTILE, name)
  }
  assert.ok(text.includes(`reason: ${HOSTILE}`))
  await page.locator('details summary').first().click()
  await harmless()
  await screenshot(page, 'audience-session-phone-dark')
  assert.deepEqual(complaints, [])
})
