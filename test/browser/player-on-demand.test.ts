import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { makeMedia } from '../support/media.ts'
import { startServer } from '../support/server.ts'
import { requireTool } from '../support/tools.ts'
import { openBrowser, openPage, screenshot } from './browser.ts'
import { FILM, makeFilm } from './film.ts'
import { mediaFolder } from './media-folder.ts'
import { changedArea, pause, readCounter, seekDone, toneOf, waitUntilPlaying } from './video.ts'

/** Machines that do other things meanwhile take long to begin. */
const START_MS = 40_000
/** Seconds that a click on a bar of a thousand pixels may be off. */
const BAR_TOLERANCE = 0.5

/** The picture is that of the element's time: the counter says so. */
async function assertPicture(page: Page, seconds: number, tolerance: number): Promise<void> {
  await seekDone(page)
  const time = await page.evaluate(() => document.querySelector('video')?.currentTime ?? -1)
  const counter = await readCounter(page)
  const facts = `expected ${seconds} s, found ${time} s with picture ${counter}`
  assert.ok(Math.abs(time - seconds) <= tolerance, facts)
  assert.ok(counter !== undefined && Math.abs(counter - Math.floor(time * FILM.rate + 0.01)) <= 1, facts)
}

async function pressBar(page: Page, part: number): Promise<void> {
  const box = await page.locator('.seek input').boundingBox()
  assert.ok(box !== null)
  await page.mouse.click(box.x + 7 + part * (box.width - 14), box.y + box.height / 2)
}

test('a film is gone through by the bar, by keys and by its address, in every way of playing', async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  const browser = await openBrowser(t)
  if (ffmpeg === undefined || browser === undefined) return
  const server = await startServer({ args: ['--media', await makeFilm(t, ffmpeg)] })
  t.after(() => server.stop())

  for (const kind of ['hls', 'dash', 'file']) {
    const { page, complaints } = await openPage(browser, `${server.urls['http']}/watch/vod/Film.mp4?by=${kind}&t=20`)
    await waitUntilPlaying(page, START_MS)
    assert.equal(await page.locator('headend-player').getAttribute('data-by'), kind)
    assert.ok((await page.evaluate(() => document.querySelector('video')?.currentTime ?? 0)) >= 20, kind)
    await pause(page)

    await pressBar(page, 0.75)
    await assertPicture(page, 30, BAR_TOLERANCE)
    await page.locator('.time').click()
    const start = await page.evaluate(() => document.querySelector('video')?.currentTime ?? 0)
    for (const [key, moved] of [
      ['ArrowLeft', -5],
      ['j', -15],
      ['l', -5],
      ['ArrowRight', 0],
    ] as const) {
      await page.keyboard.press(key)
      await assertPicture(page, start + moved, 0.1)
    }
    await page.keyboard.press('Home')
    await assertPicture(page, 0, 0.1)
    await page.keyboard.press('5')
    await assertPicture(page, FILM.seconds / 2, 0.1)
    await page.keyboard.press('End')
    await page.getByRole('button', { name: /^Play/ }).waitFor()
    await page.keyboard.press('f')
    await page.waitForFunction(() => document.fullscreenElement?.className === 'frame')
    await page.keyboard.press('f')
    await page.waitForFunction(() => document.fullscreenElement === null)
    assert.deepEqual(complaints, [], kind)
    await page.close()
  }
})

test('the seek bar shows the picture of the moment under the pointer', async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  const browser = await openBrowser(t)
  if (ffmpeg === undefined || browser === undefined) return
  const server = await startServer({ args: ['--media', await makeFilm(t, ffmpeg)] })
  t.after(() => server.stop())
  const { page } = await openPage(browser, `${server.urls['http']}/watch/vod/Film.mp4`)
  await waitUntilPlaying(page, START_MS)
  const box = await page.locator('.seek input').boundingBox()
  assert.ok(box !== null)

  for (const [part, frame, time] of [
    [0.26, 250, '0:10'],
    [0.76, 750, '0:30'],
  ] as const) {
    await page.mouse.move(box.x + 7 + part * (box.width - 14), box.y + box.height / 2)
    await page.locator(`.preview img.there[src*="thumbnails-${frame / 50}."]`).waitFor()

    assert.equal(await readCounter(page, '.preview img'), frame)
    assert.equal(await page.locator('.preview span').textContent(), time)
  }
  await screenshot(page, 'player-preview')
})

test('subtitles and sound are chosen by language, seen and heard, and remembered', async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  const browser = await openBrowser(t)
  if (ffmpeg === undefined || browser === undefined) return
  const server = await startServer({ args: ['--media', await makeFilm(t, ffmpeg)] })
  t.after(() => server.stop())
  const { page, complaints } = await openPage(browser, `${server.urls['http']}/watch/vod/Film.mp4?t=8`)
  await waitUntilPlaying(page, START_MS)
  assert.ok(Math.abs((await toneOf(page)) - FILM.tones.English) < 20)

  await page.getByRole('button', { name: 'Sound track' }).click()
  await page.getByRole('menuitemradio', { name: 'German' }).click()
  await page.waitForTimeout(1500)
  assert.ok(Math.abs((await toneOf(page)) - FILM.tones.German) < 20)

  await pause(page)
  await page.keyboard.press('1')
  await page.keyboard.press('l')
  await seekDone(page)
  const before = await page.screenshot()
  await page.getByRole('button', { name: 'Subtitles' }).click()
  await page.getByRole('menuitemradio', { name: 'German' }).press('Enter')
  await page.waitForFunction(() =>
    [...(document.querySelector('video')?.textTracks ?? [])].some(
      ({ mode, activeCues }) => mode === 'showing' && (activeCues?.[0] as VTTCue)?.text === 'Guten Abend – schön',
    ),
  )
  await page.waitForTimeout(400)
  const after = await page.screenshot()
  await screenshot(page, 'player-subtitles')
  const changed = await changedArea(page, before, after, 'video')
  const facts = JSON.stringify(changed)
  assert.ok(changed.left > 0.3 && changed.right < 0.7 && changed.left < 0.5 && changed.right > 0.5, facts)
  assert.ok(changed.top > 0.6, facts)

  await page.reload()
  await waitUntilPlaying(page, START_MS)
  await page.waitForFunction(() =>
    [...(document.querySelector('video')?.textTracks ?? [])].some(
      ({ mode, language }) => mode === 'showing' && language.startsWith('de'),
    ),
  )
  await page.waitForTimeout(1000)
  assert.ok(Math.abs((await toneOf(page)) - FILM.tones.German) < 20)
  assert.deepEqual(complaints, [])
})

test('quality and speed are chosen; every control has a name and works by keyboard', async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  const browser = await openBrowser(t)
  if (ffmpeg === undefined || browser === undefined) return
  const server = await startServer({ args: ['--media', await makeFilm(t, ffmpeg)] })
  t.after(() => server.stop())
  const { page } = await openPage(browser, `${server.urls['http']}/watch/vod/Two`, {
    width: 390,
    height: 800,
    dark: true,
    touch: true,
  })
  await waitUntilPlaying(page, START_MS)
  await screenshot(page, 'player-phone-dark')
  await page.locator('.frame[data-idle]').waitFor()
  await page.locator('video').tap()
  await page.locator('.frame:not([data-idle])').waitFor()
  assert.equal(await page.evaluate(() => document.querySelector('video')?.paused), false)
  await page.getByRole('button', { name: 'Pause' }).tap()
  await page.getByRole('button', { name: 'Play', exact: true }).tap()

  for (const height of [FILM.smallHeight, FILM.height]) {
    await page.getByRole('button', { name: 'Quality and speed' }).press('Enter')
    await page.getByRole('menuitemradio', { name: `${height}p` }).press('Enter')
    await page.waitForFunction((wanted) => document.querySelector('video')?.videoHeight === wanted, height)
  }
  await page.getByRole('button', { name: 'Quality and speed' }).press('Enter')
  await page.keyboard.press('End')
  await page.keyboard.press('Enter')
  await page.keyboard.press('m')

  assert.equal(await page.evaluate(() => document.querySelector('video')?.playbackRate), 2)
  assert.equal(await page.evaluate(() => document.querySelector('video')?.muted), true)
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('aria-label')), 'Quality and speed')
  const nameless = await page.evaluate(
    () =>
      [...document.querySelectorAll('.control-bar button, .control-bar input')].filter(
        (control) => !(control.getAttribute('aria-label') ?? control.textContent),
      ).length,
  )
  assert.equal(nameless, 0)
  assert.match((await page.locator('.seek input').getAttribute('aria-valuetext')) ?? '', /seconds? of 40 seconds$/)
  const overflow = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  )
  assert.ok(overflow <= 0, `${overflow} px wider than the screen`)
})

test('what cannot be played is told in words, with what helps', async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  const browser = await openBrowser(t)
  if (ffmpeg === undefined || browser === undefined) return
  const old = await makeMedia(ffmpeg, { container: 'wmv', seconds: 4, video: 'wmv2', audio: 'wmav2' })
  const args = ['--media', mediaFolder(t, { 'Old tape.wmv': old }), '--transcode-ffmpeg', '/nowhere/ffmpeg']
  const server = await startServer({ args })
  t.after(() => server.stop())
  const library = await openPage(browser, `${server.urls['http']}/library`)
  await library.page.locator('.badge.encoded').waitFor()
  assert.deepEqual(library.complaints, [])
  await screenshot(library.page, 'library-without-ffmpeg')
  const message = async (path: string) => {
    const { page } = await openPage(browser, `${server.urls['http']}/watch/${path}`)
    await page.getByRole('button', { name: 'Try again' }).waitFor()
    const text = await page.locator('.message').textContent()
    if (path.includes('Old')) await screenshot(page, 'player-failure')
    await page.close()
    return text ?? ''
  }

  assert.equal(await message('vod/None.mp4'), 'This film is not in the library.')
  assert.match(await message('vod/Old%20tape.wmv'), /ffmpeg/)
})
