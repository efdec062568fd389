/** Live streams of protected paths in the players of other sites: across a change of the key, and not without a licence. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { createToken } from '../../src/index.ts'
import { publishUrl, waitOnAir, waitUntil } from '../interop/peers.ts'
import { makeMedia } from '../support/media.ts'
import { killGroup, start } from '../support/process.ts'
import { type RunningServer, startServer } from '../support/server.ts'
import { requireTool } from '../support/tools.ts'
import { openBrowser, openPage, screenshot } from './browser.ts'
import { mediaFolder } from './media-folder.ts'
import { DASH_JS, failureOf, HLS_JS, openPlayerSite, SHAKA, type SitePlayer } from './player-site.ts'
import { type ShownCounter, shownCounter } from './shown-counter.ts'

const RATE = 25
const SIZE = { width: 640, height: 360 }
const SCHEMES = ['cenc', 'cbcs'] as const
/** Longer than any test here: counters do not begin again. */
const SECONDS = 180
const ROTATE_SECONDS = 4
/** The key changes while a player is watched, once at least. */
const WATCHED_SECONDS = 6

interface Player extends SitePlayer {
  readonly manifest: string
}

const PLAYERS: Readonly<Record<string, Player>> = {
  'hls.js': { ...HLS_JS, manifest: 'index.m3u8?' },
  // Over HLS it finds now and then that it has no key of the next segments, and gives up: not where keys change.
  'shaka on DASH': { ...SHAKA, manifest: 'manifest.mpd?' },
  'dash.js': { ...DASH_JS, manifest: 'manifest.mpd?' },
}

const WATCH_PAGES = ['watch page by hls', 'watch page by dash']

test('live streams of protected paths', { timeout: 240_000, concurrency: 4 }, async (t) => {
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
  const base = server.urls['http'] ?? ''
  const site = await openPlayerSite(t, {
    size: SIZE,
    pageOf: (asked) => {
      const player = PLAYERS[asked.get('name') ?? '']
      const url = `${base}/live/${asked.get('scheme')}/${player?.manifest}token=${asked.get('token')}`
      return player && { player, url, license: `${base}/license/clearkey?token=${asked.get('token')}` }
    },
  })
  const urlOf = (name: string, scheme: string, token: string) => {
    const [, by] = /^watch page by (\w+)$/.exec(name) ?? []
    if (by !== undefined) return `${base}/watch/live/${scheme}?${query({ by, token })}`
    return `${site}/?${query({ name, scheme, token })}`
  }

  const ways = [...Object.keys(PLAYERS), ...WATCH_PAGES]
  // Four pages at the same time: two cores decode and draw them without a stall, and most of the time is waiting for keys to change.
  for (const pair of [ways.slice(0, 2), ways.slice(2, 4), ways.slice(4)]) {
    const playing = pair.flatMap((name) =>
      SCHEMES.map((scheme) =>
        t.test(`${name} plays ${scheme} across changes of the key`, async (t) => {
          const { page, keyIds, refusals } = await watch(browser, urlOf(name, scheme, token))
          const facts = await watchOn(page).catch((error: unknown) => {
            throw new Error(`${name}, ${scheme}: ${refusals.join(', ')}`, { cause: error })
          })
          await screenshot(page, `protected-live-${name}-${scheme}`.replaceAll(/[^a-z0-9]+/gi, '-'))
          t.diagnostic(`${name} ${scheme}: ${JSON.stringify({ ...facts, keys: keyIds.size })}`)
          await page.close()

          assert.ok(Math.abs(facts.pictures - facts.advanced * RATE) < RATE / 2, JSON.stringify(facts))
          assert.ok(keyIds.size >= 2, `${keyIds.size} keys were asked for`)
        }),
      ),
    )
    await Promise.all(playing)
  }
  const refused = Object.keys(PLAYERS).map((name) =>
    t.test(`${name} shows nothing without a licence`, async () => {
      const { page, keyIds, refusals } = await watch(browser, urlOf(name, 'cenc', keyless.token))
      // Some players say so at once, others go on asking as long as the stream is live.
      await waitUntil(`${name} is refused`, async () => refusals.length >= 3 || (await failureOf(page)) !== undefined)
      const pictures = await page.evaluate(
        () => document.querySelector('video')?.getVideoPlaybackQuality().totalVideoFrames,
      )
      await page.close()

      assert.ok(keyIds.size > 0)
      assert.ok(
        refusals.every((refusal) => refusal.startsWith('403 ')),
        refusals.join(', '),
      )
      assert.equal(pictures, 0)
    }),
  )
  await Promise.all(refused)
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
  // One machine with many players.
  writeFileSync(config, `license: { perAddress: 10000, perToken: 10000 }\npaths:\n${lines.join('')}`)
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

const query = (parameters: Readonly<Record<string, string>>) => new URLSearchParams(parameters).toString()

/** The page, and the ids of the keys that it asks for. */
async function watch(browser: Browser, url: string) {
  const { page } = await openPage(browser, 'about:blank')
  const keyIds = new Set<string>()
  page.on('request', (request) => {
    if (!request.url().includes('/license/clearkey') || request.method() !== 'POST') return
    const { kids = [] } = (request.postDataJSON() ?? {}) as { kids?: readonly string[] }
    for (const kid of kids) keyIds.add(kid)
  })
  const refusals: string[] = []
  page.on('response', (response) => {
    if (response.status() >= 400) refusals.push(`${response.status()} ${response.url().split('?')[0]}`)
  })
  await page.goto(url)
  return { page, keyIds, refusals }
}

/** From the first second on, how far the element and the pictures themselves come in the time. */
async function watchOn(page: Page): Promise<{ advanced: number; pictures: number }> {
  await waitBeyond(page, 0, 1)
  // On the watch page it lies over the number.
  const soundOn = page.locator('headend-player .unmute')
  if (await soundOn.isVisible()) await soundOn.click()
  const from = await shownCounter(page, SIZE)
  await waitBeyond(page, from.from, WATCHED_SECONDS)
  const to = await shownCounter(page, SIZE)
  return { advanced: middleOf(to) - middleOf(from), pictures: to.counter - from.counter }
}

function middleOf({ from, to }: ShownCounter): number {
  return (from + to) / 2
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
