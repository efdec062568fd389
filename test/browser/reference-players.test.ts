import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { startServer } from '../support/server.ts'
import { repository } from '../support/sources.ts'
import { openBrowser, openPage, screenshot } from './browser.ts'
import { decodesAudio, waitUntilPlaying, watchVideo } from './video.ts'

const WATCHED_S = 20

/** Players as other sites use them: from another origin, with their own defaults. */
const PLAYERS: Readonly<Record<string, { readonly script: string; readonly path: string; readonly code: string }>> = {
  'hls.js': {
    script: 'hls.js/dist/hls.min.js',
    path: 'live/test/index.m3u8',
    code: 'const hls = new Hls(); hls.loadSource(url); hls.attachMedia(video)',
  },
  'shaka on HLS': {
    script: 'shaka-player/dist/shaka-player.compiled.js',
    path: 'live/test/index.m3u8',
    code: 'const player = new shaka.Player(); player.attach(video).then(() => player.load(url))',
  },
  'shaka on DASH': {
    script: 'shaka-player/dist/shaka-player.compiled.js',
    path: 'live/test/manifest.mpd',
    code: 'const player = new shaka.Player(); player.attach(video).then(() => player.load(url))',
  },
  'dash.js': {
    script: 'dashjs/dist/modern/umd/dash.all.min.js',
    path: 'live/test/manifest.mpd',
    code: 'dashjs.MediaPlayer().create().initialize(video, url, true)',
  },
  'mpegts.js': {
    script: 'mpegts.js/dist/mpegts.js',
    path: 'live/test.flv',
    code: 'const player = mpegts.createPlayer({ type: "flv", isLive: true, url }); player.attachMediaElement(video); player.load(); player.play()',
  },
}

const TIMEOUT_MS = 240_000

test('hls.js, shaka, dash.js and mpegts.js play from another origin with their own defaults', {
  timeout: TIMEOUT_MS,
}, async (t) => {
  const browser = await openBrowser(t)
  if (browser === undefined) return
  const server = await startServer({ testChannel: true })
  t.after(() => server.stop())
  const site = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    if (url.pathname === '/player.js') {
      response.setHeader('content-type', 'text/javascript')
      response.end(
        readFileSync(join(repository, 'node_modules', PLAYERS[url.searchParams.get('name') ?? '']?.script ?? '')),
      )
      return
    }
    const player = PLAYERS[url.searchParams.get('name') ?? '']
    response.setHeader('content-type', 'text/html')
    response.end(
      player === undefined
        ? ''
        : `<!doctype html><video muted autoplay playsinline width="960" height="540"></video><script src="/player.js${url.search}"></script><script>const video = document.querySelector('video'), url = ${JSON.stringify(`${server.urls['http']}/${player.path}`)}; ${player.code}</script>`,
    )
  }).listen(0, '127.0.0.1')
  await once(site, 'listening')
  t.after(() => site.close())
  const { port } = site.address() as AddressInfo

  // One after the other: software decoding of several streams at once is more than two busy cores do without a stall.
  for (const name of Object.keys(PLAYERS)) {
    const { page } = await openPage(browser, `http://127.0.0.1:${port}/?name=${encodeURIComponent(name)}`, {
      width: 960,
      height: 540,
    })
    await waitUntilPlaying(page)
    // Players settle on their distance to the live edge first.
    await page.waitForTimeout(6000)
    const playing = await watchVideo(page, WATCHED_S)
    await screenshot(page, `reference-${name.replaceAll(/[^a-z0-9]+/gi, '-')}`)

    const facts = `${name}: ${JSON.stringify(playing)}`
    t.diagnostic(facts)
    assert.ok(playing.advanced > playing.elapsed - 1, facts)
    assert.equal(playing.stalls, 0, facts)
    assert.ok(await decodesAudio(page), `${name}: no sound was decoded`)
    await page.close()
  }
})
