/** The bridge from old to new: Windows Media from a file and from a live push, moving in Chromium. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { waitOnAir } from '../interop/peers.ts'
import { makeMedia } from '../support/media.ts'
import { killGroup, start } from '../support/process.ts'
import { startServer } from '../support/server.ts'
import { repository } from '../support/sources.ts'
import { requireTool } from '../support/tools.ts'
import { openBrowser, openPage, screenshot } from './browser.ts'
import { mediaFolder } from './media-folder.ts'
import { decodesAudio, readCounter, waitUntilPlaying, watchVideo } from './video.ts'

const RATE = 25
const WATCHED_S = 4
/** Pictures by which what is shown may differ from the time the element tells. */
const NEAR = 3
/** A seek is answered within this, milliseconds: another encoder begins there. */
const SEEK_MS = 15_000

function wmv(ffmpeg: string): Promise<string> {
  return makeMedia(ffmpeg, {
    container: 'wmv',
    video: 'wmv2',
    audio: 'wmav2',
    seconds: 60,
    rate: RATE,
    gop: 4 * RATE,
    width: 640,
    height: 480,
    extra: ['-b:v', '1M', '-ar', '44100'],
  })
}

test('a WMV file plays in Chromium by HLS and DASH, and seeks land on the right picture', async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  const browser = await openBrowser(t)
  if (ffmpeg === undefined || browser === undefined) return
  const server = await startServer({ args: ['--media', mediaFolder(t, { 'Old tape.wmv': await wmv(ffmpeg) })] })
  t.after(() => server.stop())

  for (const kind of ['hls', 'dash']) {
    const began = performance.now()
    const { page, complaints } = await openPage(browser, `${server.urls['http']}/watch/vod/Old%20tape.wmv?by=${kind}`)
    await waitUntilPlaying(page)
    t.diagnostic(`${kind}: first picture after ${Math.round(performance.now() - began)} ms`)
    const playing = await watchVideo(page, WATCHED_S)
    assert.ok(playing.advanced > WATCHED_S - 1.5, JSON.stringify(playing))
    assert.ok(playing.frames > WATCHED_S * RATE * 0.5, JSON.stringify(playing))
    assert.ok(await decodesAudio(page), `${kind}: no sound was decoded`)
    for (const seconds of [48.5, 21.3]) {
      await seek(page, seconds)
      const shown = await readCounter(page, 'video', 640)
      assert.ok(
        Math.abs((shown ?? -1000) - seconds * RATE) <= NEAR,
        `${kind}: at ${seconds} s picture ${shown} is shown`,
      )
    }
    if (kind === 'hls') await screenshot(page, 'bridge-file')
    assert.deepEqual(complaints, [], kind)
    await page.close()
  }
})

test('a live push of WMV is seen moving in Chromium by HLS and DASH', async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  const browser = await openBrowser(t)
  if (ffmpeg === undefined || browser === undefined) return
  const file = await wmv(ffmpeg)
  const server = await startServer()
  t.after(() => server.stop())
  const target = `${server.urls['http']?.replace('http:', 'wmhttp:')}/live/old?key=${server.secrets.publishKey}`
  const pushing = start(process.execPath, [join(repository, 'bin/headend.js'), 'push', file, target, '--loop'])
  t.after(() => killGroup(pushing, 'SIGKILL'))
  // A page that comes before the stream waits for it, and Chromium complains of each answer that it is not there.
  await waitOnAir(server, 'old')

  for (const kind of ['hls', 'dash']) {
    const { page, complaints } = await openPage(browser, `${server.urls['http']}/watch/live/old?by=${kind}`)
    await waitUntilPlaying(page, 30_000)
    const before = await readCounter(page, 'video', 640)
    const playing = await watchVideo(page, WATCHED_S)
    const after = await readCounter(page, 'video', 640)
    if (kind === 'hls') await screenshot(page, 'bridge-live')

    const facts = `${kind}: pictures ${before} to ${after}, ${JSON.stringify(playing)}`
    t.diagnostic(facts)
    assert.ok(playing.advanced > WATCHED_S - 1.5, facts)
    assert.ok(before !== undefined && after !== undefined, facts)
    const gone = (after - before + 60 * RATE) % (60 * RATE)
    assert.ok(Math.abs(gone - playing.advanced * RATE) < 1.5 * RATE, facts)
    assert.ok(await decodesAudio(page), `${kind}: no sound was decoded`)
    assert.deepEqual(complaints, [], kind)
    await page.close()
  }
})

test('without ffmpeg the page says what to install', async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  const browser = await openBrowser(t)
  if (ffmpeg === undefined || browser === undefined) return
  const media = mediaFolder(t, { 'Old tape.wmv': await wmv(ffmpeg) })
  const server = await startServer({ args: ['--media', media, '--transcode-ffmpeg', '/nowhere/ffmpeg'] })
  t.after(() => server.stop())

  const { page } = await openPage(browser, `${server.urls['http']}/watch/vod/Old%20tape.wmv`)

  await page.waitForFunction(() => document.querySelector('.message')?.textContent?.includes('ffmpeg'))
  await screenshot(page, 'bridge-no-ffmpeg')
})

/** Seeks, and waits for a picture that is there. */
async function seek(page: Page, seconds: number): Promise<void> {
  await page.evaluate((time) => {
    const video = document.querySelector('video') as HTMLVideoElement
    video.pause()
    video.currentTime = time
  }, seconds)
  const isThere = (time: number) => {
    const video = document.querySelector('video') as HTMLVideoElement
    return !video.seeking && video.readyState >= 2 && Math.abs(video.currentTime - time) < 0.1
  }
  await page.waitForFunction(isThere, seconds, { timeout: SEEK_MS })
}
