import assert from 'node:assert/strict'
import { utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { makeMedia } from '../support/media.ts'
import { startServer } from '../support/server.ts'
import { requireTool } from '../support/tools.ts'
import { openBrowser, openPage, screenshot } from './browser.ts'
import { mediaFolder } from './media-folder.ts'
import { readCounter, waitUntilPlaying } from './video.ts'

const HOSTILE = '<img src=x onerror=alert(1)> & 100% “quoted” \u202e'
const SPOKEN = 'Märchen – Ω 日本語 1'

/** Names of the films that the page shows. */
function shown(page: Page): Promise<string[]> {
  return page.locator('.film strong').allTextContents()
}

test('the library lists films and folders, with durations, badges and posters that show the film', async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  const browser = await openBrowser(t)
  if (ffmpeg === undefined || browser === undefined) return
  const film = await makeMedia(ffmpeg, { container: 'mp4', seconds: 30 })
  const small = await makeMedia(ffmpeg, { container: 'mp4', seconds: 30, width: 288, height: 160 })
  const old = await makeMedia(ffmpeg, { container: 'wmv', seconds: 4, video: 'wmv2', audio: 'wmav2' })
  const song = await makeMedia(ffmpeg, { container: 'mp3', seconds: 65, video: 'none', audio: 'libmp3lame' })
  const media = mediaFolder(t, {
    'A counter.mp4': film,
    [`${HOSTILE}.mp4`]: film,
    [`Tales/${SPOKEN}.mp4`]: film,
    'Old tape.wmv': old,
    'Song.mp3': song,
    'Two qualities.180p.mp4': film,
    'Two qualities.160p.mp4': small,
  })
  writeFileSync(join(media, 'A counter.en.srt'), '1\n00:00:01,000 --> 00:00:02,000\nHello\n')
  writeFileSync(join(media, 'Read me.txt'), 'no film')
  writeFileSync(join(media, 'Cut off.mp4'), Buffer.from('000000206674797069736f6d000002', 'hex'))
  // Not one that is still being written.
  utimesSync(join(media, 'Cut off.mp4'), 1e9, 1e9)
  const server = await startServer({ args: ['--media', media] })
  t.after(() => server.stop())
  const { page, complaints } = await openPage(browser, `${server.urls['http']}/library`)

  await page.waitForFunction(() => document.querySelectorAll('.poster img.there').length === 4)
  await page.waitForFunction(() => document.querySelector('#count')?.textContent === '6 films')

  assert.deepEqual(
    await shown(page),
    [HOSTILE.trim(), 'A counter', 'Cut off', 'Old tape', 'Song', 'Two qualities'].toSorted(
      new Intl.Collator('en', { numeric: true, sensitivity: 'base' }).compare,
    ),
  )
  assert.deepEqual(await page.locator('.folder').allTextContents(), ['Tales'])
  const card = (name: string) => page.locator('.film', { has: page.getByText(name, { exact: true }) })
  assert.equal(await card('A counter').locator('.duration').textContent(), '0:30')
  assert.equal(await card('Song').locator('.duration').textContent(), '1:05')
  assert.deepEqual(await card('Two qualities').locator('.badge').allTextContents(), ['180p · 160p'])
  assert.ok((await card('Old tape').locator('.badge').allTextContents()).includes('Encoded while you watch'))
  assert.deepEqual(await card('Cut off').locator('.badge').allTextContents(), ['Cannot be played'])
  // A tenth of thirty seconds: the key picture there, read from the poster itself.
  assert.equal(await readCounter(page, 'a[href$="A%20counter.mp4"] img'), 75)
  assert.deepEqual(
    await page.evaluate(
      () => [...document.querySelectorAll('.film img')].filter((image) => !image.classList.contains('there')).length,
    ),
    0,
  )
  await screenshot(page, 'library')
  assert.deepEqual(complaints, [])
})

test('the library is searched as you type, in all folders, and a film of any name plays', async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  const browser = await openBrowser(t)
  if (ffmpeg === undefined || browser === undefined) return
  const film = await makeMedia(ffmpeg, { container: 'mp4', seconds: 30 })
  const media = mediaFolder(t, {
    'One.mp4': film,
    'Two.mp4': film,
    [`Tales/${SPOKEN}.mp4`]: film,
    [`Tales/${HOSTILE}.mp4`]: film,
  })
  const server = await startServer({ args: ['--media', media] })
  t.after(() => server.stop())
  const { page, complaints } = await openPage(browser, `${server.urls['http']}/`)
  await page.getByRole('link', { name: 'Library' }).click()
  await page.locator('.film').first().waitFor()

  await page.keyboard.press('/')
  await page.keyboard.type('marchen 日')
  await page.waitForFunction(() => document.querySelectorAll('.film').length === 1)
  assert.deepEqual(await shown(page), [SPOKEN])
  assert.equal(new URL(page.url()).searchParams.get('search'), 'marchen 日')
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')

  await page.waitForURL(`**/watch/vod/Tales/${encodeURIComponent(SPOKEN)}.mp4`)
  await waitUntilPlaying(page)
  assert.equal(await page.title(), `${SPOKEN}.mp4 · Headend`)

  await page.goto(`${server.urls['http']}/library?search=img`)
  await page.getByText(HOSTILE.trim()).click()
  await waitUntilPlaying(page)
  assert.deepEqual(complaints, [])

  await page.goto(`${server.urls['http']}/library?search=nothing-of-that-kind`)
  await page.getByRole('heading', { name: 'Nothing found' }).waitFor()
})

test('folders lead to their films, by keyboard too, and fit a phone', async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  const browser = await openBrowser(t)
  if (ffmpeg === undefined || browser === undefined) return
  const film = await makeMedia(ffmpeg, { container: 'mp4', seconds: 30 })
  const names = Array.from({ length: 6 }, (_, at) => [`A series/Season 1/Part ${at + 5}.mp4`, film] as const)
  const media = mediaFolder(t, Object.fromEntries(names))
  const server = await startServer({ args: ['--media', media] })
  t.after(() => server.stop())
  const { page } = await openPage(browser, `${server.urls['http']}/library`, { width: 360, height: 740, dark: true })

  await page.getByRole('link', { name: 'A series' }).press('Enter')
  await page.getByRole('link', { name: 'Season 1' }).click()
  await page.waitForFunction(() => document.querySelectorAll('.poster img.there').length > 0)
  await page.locator('.film').first().focus()
  for (const key of ['ArrowRight', 'ArrowDown', 'ArrowLeft']) await page.keyboard.press(key)

  assert.deepEqual(await shown(page), ['Part 5', 'Part 6', 'Part 7', 'Part 8', 'Part 9', 'Part 10'])
  assert.equal(await page.evaluate(() => document.activeElement?.querySelector('strong')?.textContent), 'Part 7')
  assert.equal(await page.locator('h1').textContent(), 'Library/A series/Season 1')
  await screenshot(page, 'library-phone-dark')
  const overflow = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  )
  assert.ok(overflow <= 0, `${overflow} px wider than the screen`)
  await page.getByRole('link', { name: 'Library' }).last().click()
  await page.getByRole('link', { name: 'A series' }).waitFor()
})

test('an empty library says where films go; films that need a key come with it', async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  const browser = await openBrowser(t)
  if (ffmpeg === undefined || browser === undefined) return
  const film = await makeMedia(ffmpeg, { container: 'mp4', seconds: 30 })
  const media = mediaFolder(t, { 'private/Secret.mp4': film })
  const config = join(media, '.headend.yaml')
  writeFileSync(config, 'paths:\n  vod/private/**:\n    play: key\n')
  const server = await startServer({ args: ['--media', media, '--config', config] })
  t.after(() => server.stop())
  const { page } = await openPage(browser, `${server.urls['http']}/library`)

  await page.getByRole('heading', { name: 'The library is empty' }).waitFor()
  await screenshot(page, 'library-empty')
  const { playKey } = server.secrets
  await page.goto(`${server.urls['http']}/library?key=${playKey}`)
  await page.getByRole('link', { name: 'private' }).click()
  await page.waitForFunction(() => document.querySelectorAll('.poster img.there').length === 1)
  await page.getByText('Secret').click()
  await waitUntilPlaying(page)

  assert.equal((await fetch(`${server.urls['http']}/vod/private/Secret.mp4/poster.jpg`)).status, 401)
})
