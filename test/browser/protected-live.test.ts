/** Live streams of protected paths in the players of other sites: across a change of the key, and not without a licence. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { createToken } from '../../src/index.ts'
import { publishUrl, waitOnAir } from '../interop/peers.ts'
import { makeMedia } from '../support/media.ts'
import { killGroup, start } from '../support/process.ts'
import { type RunningServer, startServer } from '../support/server.ts'
import { repository } from '../support/sources.ts'
import { requireTool } from '../support/tools.ts'
import { openBrowser, openPage, screenshot } from './browser.ts'
import { mediaFolder } from './media-folder.ts'
import { shownCounter } from './shown-counter.ts'

const RATE = 25
const SIZE = { width: 640, height: 360 }
const SCHEMES = ['cenc', 'cbcs'] as const
/** Longer than any test here: counters do not begin again. */
const SECONDS = 180
const ROTATE_SECONDS = 4
/** The key changes while a player is watched, once at least. */
const WATCHED_SECONDS = 6
/** Pages at the same time: two cores decode and draw them without a stall. */
const PAIRS = [
  ['hls.js', 'shaka on DASH'],
  ['shaka on HLS', 'dash.js'],
] as const

interface Player {
  readonly script: string
  readonly manifest: string
  /** Plays `url` in `video`; `license` is the address with the token, for players that manifests cannot tell it. */
  readonly code: string
}

const SHAKA = {
  script: 'shaka-player/dist/shaka-player.compiled.js',
  code: `const player = new shaka.Player()
    player.addEventListener('error', ({ detail }) => { window.failure = String(detail.code) })
    player.attach(video).then(() => player.load(url)).catch((error) => { window.failure = String(error.code) })`,
}
const PLAYERS: Readonly<Record<string, Player>> = {
  'hls.js': {
    script: 'hls.js/dist/hls.min.js',
    manifest: 'index.m3u8?',
    code: `const hls = new Hls({ emeEnabled: true, drmSystems: { 'org.w3.clearkey': { licenseUrl: license } } })
      hls.on(Hls.Events.ERROR, (_, data) => { if (data.fatal) window.failure = data.details })
      hls.loadSource(url); hls.attachMedia(video)`,
  },
  'shaka on DASH': { ...SHAKA, manifest: 'manifest.mpd?' },
  'shaka on HLS': { ...SHAKA, manifest: 'index.m3u8?keys=identity&' },
  'dash.js': {
    script: 'dashjs/dist/modern/umd/dash.all.min.js',
    manifest: 'manifest.mpd?',
    code: `const player = dashjs.MediaPlayer().create(); player.initialize(video, null, true)
      player.on('error', ({ error }) => { window.failure = String(error.code) }); player.attachSource(url)`,
  },
}

test('live streams of protected paths', { timeout: 240_000 }, async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  const browser = await openBrowser(t)
  if (ffmpeg === undefined || browser === undefined) return
  const server = await serveLive(t, ffmpeg)
  const { token } = await createToken({ data: server.data }, { path: 'live/*', expiresSeconds: 600 })
  // It opens the stream, and a key that nobody has.
  const keyless = await createToken(
    { data: server.data },
    { path: 'live/*', expiresSeconds: 600, keyIds: ['00112233445566778899aabbccddeeff'] },
  )
  const site = await playerSite(t, server)

  for (const pair of PAIRS) {
    // Most of the time is waiting for keys to change.
    const playing = pair.flatMap((name) =>
      SCHEMES.map((scheme) =>
        t.test(`${name} plays ${scheme} across changes of the key`, async (t) => {
          const { page, keyIds } = await watch(browser, site, { name, scheme, token })
          const facts = await watchOn(page)
          await screenshot(page, `protected-live-${name}-${scheme}`.replaceAll(/[^a-z0-9]+/gi, '-'))
          t.diagnostic(`${name} ${scheme}: ${JSON.stringify({ ...facts, keys: keyIds.size })}`)
          await page.close()

          assert.ok(Math.abs(facts.pictures - facts.advanced * RATE) < RATE / 2, JSON.stringify(facts))
          assert.ok(keyIds.size >= 2, `${keyIds.size} keys were asked for`)
        }),
      ),
    )
    await Promise.all(playing)
    const refused = pair.map((name) =>
      t.test(`${name} shows nothing without a licence`, async () => {
        const { page, keyIds } = await watch(browser, site, { name, scheme: 'cenc', token: keyless.token })
        await page.waitForFunction(() => (window as unknown as { failure?: string }).failure !== undefined)
        const pictures = await page.evaluate(
          () => document.querySelector('video')?.getVideoPlaybackQuality().totalVideoFrames,
        )
        await page.close()

        assert.ok(keyIds.size > 0)
        assert.equal(pictures, 0)
      }),
    )
    await Promise.all(refused)
  }
})

async function serveLive(t: TestContext, ffmpeg: string): Promise<RunningServer> {
  const film = await makeMedia(ffmpeg, {
    container: 'flv',
    seconds: SECONDS,
    rate: RATE,
    gop: RATE,
    bFrames: 2,
    ...SIZE,
  })
  const config = join(mediaFolder(t, {}), 'headend.yaml')
  const lines = SCHEMES.map(
    (scheme) => `  live/${scheme}: { play: token, protect: { scheme: ${scheme}, rotateSeconds: ${ROTATE_SECONDS} } }\n`,
  )
  writeFileSync(config, `paths:\n${lines.join('')}`)
  const server = await startServer({ args: ['--config', config] })
  t.after(() => server.stop())
  for (const scheme of SCHEMES) {
    const args = ['-v', 'error', '-re', '-i', film, '-c', 'copy', '-f', 'flv', publishUrl(server, scheme)]
    const publisher = start(ffmpeg, args)
    t.after(() => killGroup(publisher, 'SIGKILL'))
  }
  for (const scheme of SCHEMES) await waitOnAir(server, scheme)
  return server
}

interface Watched {
  readonly name: string
  readonly scheme: string
  readonly token: string
}

/** The page, and the ids of the keys that it asks for: with licences, or one by one. */
async function watch(browser: Browser, site: string, { name, scheme, token }: Watched) {
  const { page } = await openPage(browser, 'about:blank', SIZE)
  const keyIds = new Set<string>()
  page.on('request', (request) => {
    const [, single] = /\/key\/aes128\/([^?]+)/.exec(request.url()) ?? []
    if (single !== undefined) keyIds.add(single)
    if (!request.url().includes('/license/clearkey') || request.method() !== 'POST') return
    const { kids = [] } = (request.postDataJSON() ?? {}) as { kids?: readonly string[] }
    for (const kid of kids) keyIds.add(kid)
  })
  const query = new URLSearchParams({ name, scheme, token })
  await page.goto(`${site}/?${query.toString()}`)
  return { page, keyIds }
}

/** From the first second on, how far the element and the pictures themselves come in the time. */
async function watchOn(page: Page): Promise<{ advanced: number; pictures: number }> {
  await waitBeyond(page, 0, 1)
  const from = await shownCounter(page, SIZE)
  await waitBeyond(page, from.time, WATCHED_SECONDS)
  const to = await shownCounter(page, SIZE)
  return { advanced: to.time - from.time, pictures: to.counter - from.counter }
}

/** Until the element has played so many seconds more than `from`; where `from` is 0 from where it is when it begins to play. */
async function waitBeyond(page: Page, from: number, seconds: number): Promise<void> {
  await page.waitForFunction(
    ({ from, seconds }) => {
      const state = window as unknown as { failure?: string; began?: number }
      if (state.failure !== undefined) throw new Error(state.failure)
      const video = document.querySelector('video')
      if (video === null || video.readyState < 2 || video.seeking) return false
      state.began ??= video.currentTime
      return video.currentTime > (from === 0 ? state.began : from) + seconds
    },
    { from, seconds },
    { timeout: 40_000 },
  )
}

/** Another site, whose pages play from the server. */
async function playerSite(t: TestContext, { urls }: RunningServer): Promise<string> {
  const base = urls['http'] ?? ''
  const site = createServer((request, response) => {
    const { pathname, search, searchParams } = new URL(request.url ?? '/', 'http://localhost')
    const player = PLAYERS[searchParams.get('name') ?? '']
    if (player === undefined) return response.writeHead(404).end()
    if (pathname === '/player.js') {
      response.setHeader('content-type', 'text/javascript')
      return response.end(readFileSync(join(repository, 'node_modules', player.script)))
    }
    const token = searchParams.get('token') ?? ''
    const url = `${base}/live/${searchParams.get('scheme')}/${player.manifest}token=${token}`
    const license = `${base}/license/clearkey?token=${token}`
    response.setHeader('content-type', 'text/html')
    return response.end(
      `<!doctype html><meta charset="utf-8"><style>body{margin:0}</style><video muted autoplay playsinline width="${SIZE.width}" height="${SIZE.height}"></video><script src="/player.js${search}"></script><script>const video = document.querySelector('video'), url = ${JSON.stringify(url)}, license = ${JSON.stringify(license)}; ${player.code}</script>`,
    )
  }).listen(0, 'localhost')
  await once(site, 'listening')
  t.after(() => site.close())
  return `http://localhost:${(site.address() as AddressInfo).port}`
}
