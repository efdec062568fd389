import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { makeMedia } from '../support/media.ts'
import { start } from '../support/process.ts'
import { startServer } from '../support/server.ts'
import { repository } from '../support/sources.ts'
import { requireTool } from '../support/tools.ts'
import { openBrowser, openPage, screenshot } from './browser.ts'
import { decodesAudio, readClock, waitUntilPlaying, watchVideo } from './video.ts'

const WATCHED_S = 20
/** From an RTMP publisher to the picture, with key frames every second. */
const MAX_HLS_DELAY_MS = 2500

test('the watch page plays by HLS, DASH and FLV for 20 s without a stall, and its clock can be read', async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  const browser = await openBrowser(t)
  if (ffmpeg === undefined || browser === undefined) return
  const server = await startServer({ testChannel: true })
  t.after(() => server.stop())
  // The test channel again, as an RTMP publisher from outside would send it.
  const target = `${server.urls['rtmp']}/live/relayed?key=${server.secrets.publishKey}`
  start(ffmpeg, ['-v', 'error', '-i', `${server.urls['rtmp']}/live/test`, '-c', 'copy', '-f', 'flv', target])

  while (!(await (await fetch(`${server.urls['http']}/live.json`)).text()).includes('"live/relayed"')) await delay(100)

  // One after the other: software decoding of several streams at once is more than two busy cores do without a stall.
  for (const kind of ['hls', 'dash', 'flv']) {
    const { page, complaints } = await openPage(browser, `${server.urls['http']}/watch/live/relayed?by=${kind}`)
    await waitUntilPlaying(page)
    const playing = await watchVideo(page, WATCHED_S)
    const clock = await readClock(page)
    await screenshot(page, `watch-${kind}`)

    const facts = `${kind}: ${JSON.stringify({ ...playing, ...clock })}`
    t.diagnostic(facts)
    assert.equal(await page.locator('headend-player').getAttribute('data-by'), kind)
    assert.ok(playing.advanced > playing.elapsed - 1 && playing.advanced < playing.elapsed + 1.5, facts)
    assert.equal(playing.stalls, 0, facts)
    assert.ok(playing.frames > WATCHED_S * 20, facts)
    assert.ok(await decodesAudio(page), `${kind}: no sound was decoded`)
    assert.ok(clock.delayMs > 0, facts)
    if (kind === 'hls') assert.ok(clock.delayMs <= MAX_HLS_DELAY_MS, facts)
    assert.deepEqual(complaints, [], kind)
    await page.close()
  }
})

test('the way of playing is switched by hand, by keyboard, while playing', async (t) => {
  const browser = await openBrowser(t)
  if (browser === undefined) return
  const server = await startServer({ testChannel: true })
  t.after(() => server.stop())
  const { page, complaints } = await openPage(browser, `${server.urls['http']}/watch/live/test`, { dark: true })
  await waitUntilPlaying(page)
  assert.equal(await page.locator('headend-player').getAttribute('data-by'), 'hls')

  await page.locator('input[name=playback][value=auto]').focus()
  for (const kind of ['hls', 'dash', 'flv']) {
    await page.keyboard.press('ArrowDown')
    await page.waitForSelector(`headend-player[data-by=${kind}]`)
    await waitUntilPlaying(page)
  }

  await page.waitForFunction(() => document.querySelector('dd[data-name=picture]')?.textContent?.startsWith('1280×720'))
  await page.waitForFunction(() => document.querySelector('dd[data-name=buffer]')?.textContent?.endsWith(' s'))
  await page.getByRole('button', { name: 'Turn sound on' }).click()
  assert.equal(await page.evaluate(() => document.querySelector('video')?.muted), false)
  await screenshot(page, 'watch-dark')
  assert.deepEqual(complaints, [])
})

test('a stream that is not on air is said to be so, and plays when it comes', async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  const browser = await openBrowser(t)
  if (ffmpeg === undefined || browser === undefined) return
  const server = await startServer({ testChannel: true })
  t.after(() => server.stop())
  const { page } = await openPage(browser, `${server.urls['http']}/watch/live/later?by=hls`)
  await page.waitForFunction(() =>
    /not on air|Trying again/.test(document.querySelector('.message')?.textContent ?? ''),
  )

  const target = `${server.urls['rtmp']}/live/later?key=${server.secrets.publishKey}`
  start(ffmpeg, ['-v', 'error', '-i', `${server.urls['rtmp']}/live/test`, '-c', 'copy', '-f', 'flv', target])

  await waitUntilPlaying(page, 30_000)
})

test('a stream whose codecs no browser knows says so where nothing is encoded, by HLS and by DASH', async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  const browser = await openBrowser(t)
  if (ffmpeg === undefined || browser === undefined) return
  const file = await makeMedia(ffmpeg, { container: 'wmv', seconds: 4, video: 'wmv2', audio: 'wmav2' })
  const server = await startServer({ args: ['--no-transcode-enabled'] })
  t.after(() => server.stop())
  const target = `${server.urls['http']?.replace('http:', 'wmhttp:')}/live/old?key=${server.secrets.publishKey}`
  const pushing = start(process.execPath, [join(repository, 'bin/headend.js'), 'push', file, target, '--loop'])
  // It would go on trying to reach a server that is gone.
  t.after(() => pushing.kill())

  for (const kind of ['hls', 'dash']) {
    const { page } = await openPage(browser, `${server.urls['http']}/watch/live/old?by=${kind}`)
    await page.waitForFunction(() =>
      document.querySelector('.message')?.textContent?.startsWith('Browsers do not know the codecs of this stream'),
    )
    if (kind === 'hls') await screenshot(page, 'watch-old-codecs')
    await page.close()
  }
})
