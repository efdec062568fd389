/** Films of protected paths, encrypted while they are watched: with a token they play, in the players of other sites and on the watch page. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { createToken, revokeToken } from '../../src/index.ts'
import { issueToken, ownTokenKey } from '../../src/services/auth/tokens/own-tokens.ts'
import { makeMedia } from '../support/media.ts'
import { run } from '../support/process.ts'
import { type RunningServer, startServer } from '../support/server.ts'
import { repository } from '../support/sources.ts'
import { requireTool } from '../support/tools.ts'
import { openBrowser, openPage, screenshot } from './browser.ts'
import { mediaFolder } from './media-folder.ts'
import { DASH_JS, HLS_JS, openPlayerSite, SHAKA, type SitePlayer } from './player-site.ts'
import { shownCounter } from './shown-counter.ts'

const RATE = 25
const SIZE = { width: 640, height: 360 }
const SECONDS = 12
const SCHEMES = ['cenc', 'cbcs'] as const

interface Player extends SitePlayer {
  readonly manifest: string
}

const PLAYERS: Readonly<Record<string, Player>> = {
  'hls.js': { ...HLS_JS, manifest: 'index.m3u8?' },
  'shaka on DASH': { ...SHAKA, manifest: 'manifest.mpd?' },
  'shaka on HLS': { ...SHAKA, manifest: 'index.m3u8?keys=identity&' },
  'dash.js': { ...DASH_JS, manifest: 'manifest.mpd?' },
}

test('films of protected paths', { timeout: 180_000 }, async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  const browser = await openBrowser(t)
  if (ffmpeg === undefined || browser === undefined) return
  const server = await serveFilms(t, ffmpeg)
  const { token } = await createToken({ data: server.data }, { path: 'vod/*', expiresSeconds: 600 })
  const base = server.urls['http'] ?? ''
  const site = await openPlayerSite(t, {
    size: SIZE,
    pageOf: (asked) => {
      const player = PLAYERS[asked.get('name') ?? '']
      const url = `${base}/vod/${asked.get('film')}/${player?.manifest}token=${token}`
      return player && { player, url, license: `${base}/license/clearkey?token=${token}` }
    },
  })

  for (const name of Object.keys(PLAYERS)) {
    for (const scheme of SCHEMES) {
      await t.test(`${name} plays ${scheme}`, async () => {
        const { page } = await openPage(browser, `${site}/?name=${encodeURIComponent(name)}&film=${scheme}.mp4`, SIZE)
        await assertPlays(page)
        await screenshot(page, `protected-${name}-${scheme}`.replaceAll(/[^a-z0-9]+/gi, '-'))
        await page.close()
      })
    }
  }
  await t.test('a link with a token leads to the watch page, which plays', async () => {
    for (const [scheme, by] of [
      ['cenc', 'hls'],
      ['cbcs', 'dash'],
    ] as const) {
      const { page, complaints } = await openPage(browser, `${await linkTo(server, `vod/${scheme}.mp4`)}&by=${by}`)
      await assertPlays(page)
      await screenshot(page, `protected-watch-${scheme}-${by}`)

      const ways = await page.locator('headend-player fieldset label:visible').allTextContents()
      assert.deepEqual(ways, ['Automatic', 'HLS', 'DASH'])
      const addresses = (await page.locator('#recipes code').allTextContents()).map((text) => text.split('?')[0])
      assert.deepEqual(addresses, [
        `${server.urls['http']}/vod/${scheme}.mp4/index.m3u8`,
        `${server.urls['http']}/vod/${scheme}.mp4/manifest.mpd`,
        `headend play "${server.urls['http']}/vod/${scheme}.mp4/index.m3u8`,
      ])
      assert.deepEqual(complaints, [])
      await page.close()
    }
  })
  await t.test('without a token that opens it the watch page says so', async () => {
    const said = await wordsFor(browser, server)

    assert.match(said.without, /^Licence needed: /)
    assert.match(said.expired, /^Licence expired: /)
    assert.match(said.revoked, /^Licence refused: /)
    assert.match(
      said.elsewhere,
      /^This browser cannot play protected streams here: .* HTTPS, or from http:\/\/localhost/,
    )
  })
  await t.test('what was playing says so when its token is revoked and it is to be played again', async () => {
    const link = await linkTo(server, 'vod/cenc.mp4', '--json')
    const { id, links } = JSON.parse(link) as { id: string; links: { Watch: string } }
    const { page } = await openPage(browser, links.Watch)
    await assertPlays(page)

    await revokeToken({ data: server.data }, id)
    await page.locator('headend-player input[value="dash"]').check()

    await page.waitForFunction(() => document.querySelector('.message')?.textContent?.startsWith('Licence refused: '))
    await page.close()
  })
})

async function serveFilms(t: TestContext, ffmpeg: string): Promise<RunningServer> {
  const options = { container: 'mp4', seconds: SECONDS, rate: RATE, gop: RATE, bFrames: 2, ...SIZE }
  const film = await makeMedia(ffmpeg, options)
  const folder = mediaFolder(t, Object.fromEntries(SCHEMES.map((scheme) => [`${scheme}.mp4`, film])))
  const config = join(folder, '.headend.yaml')
  const lines = SCHEMES.map((scheme) => `  vod/${scheme}.mp4: { play: token, protect: { scheme: ${scheme} } }\n`)
  writeFileSync(config, `paths:\n${lines.join('')}`)
  const server = await startServer({ args: ['--media', folder, '--config', config] })
  t.after(() => server.stop())
  return server
}

/** As `headend token` prints it. */
async function linkTo({ data, urls }: RunningServer, path: string, form = '--url'): Promise<string> {
  const places = ['--data', data, '--base', urls['http'] ?? '']
  const { stdout } = await run(process.execPath, [join(repository, 'bin/headend.js'), 'token', path, form, ...places])
  return stdout.toString().trim()
}

/** What the player says on pages that cannot play. */
async function wordsFor(browser: Browser, server: RunningServer) {
  const { data, urls } = server
  const request = { path: 'vod/cenc.mp4', expiresSeconds: 60 }
  const { masterKey } = JSON.parse(readFileSync(join(data, 'secrets.json'), 'utf8')) as { masterKey: string }
  const expired = await issueToken(ownTokenKey(masterKey), request, Date.now() - 3_600_000)
  const revoked = await createToken({ data }, request)
  await revokeToken({ data }, revoked.id)
  const good = await createToken({ data }, request)
  const watch = `${urls['http']}/watch/vod/cenc.mp4`
  const words = async (url: string, prepare?: (page: Page) => Promise<void>) => {
    const { page } = await openPage(browser, 'about:blank')
    await prepare?.(page)
    await page.goto(url)
    await page.waitForFunction(() => document.querySelector('.frame')?.hasAttribute('data-failed'))
    const text = await page.locator('headend-player .message').innerText()
    await page.close()
    return text
  }
  return {
    without: await words(watch),
    expired: await words(`${watch}?token=${expired.token}`),
    revoked: await words(`${watch}?token=${revoked.token}`),
    // The same server under a name that is not of this machine, over plain HTTP.
    elsewhere: await words(`http://tv.example/watch/vod/cenc.mp4?token=${good.token}`, async (page) => {
      await page.route('http://tv.example/**', async (route) => {
        const { pathname, search } = new URL(route.request().url())
        await route.fulfill({ response: await route.fetch({ url: `${urls['http']}${pathname}${search}` }) })
      })
    }),
  }
}

/** A second, with the picture that belongs to the time. */
async function assertPlays(page: Page): Promise<void> {
  await page.waitForFunction(() => {
    const { failure } = window as unknown as { failure?: string }
    if (failure !== undefined) throw new Error(failure)
    return (document.querySelector('video')?.currentTime ?? 0) > 1
  })
  const { counter, from, to } = await shownCounter(page, SIZE)
  assert.ok(counter >= from * RATE - 3 && counter <= to * RATE + 2, `picture ${counter}, from ${from} s to ${to} s`)
}
