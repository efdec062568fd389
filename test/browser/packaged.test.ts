/** Packaged films, encrypted, in the players of other sites: with a licence they play, without one they do not. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Page } from 'playwright-core'
import {
  type KeyScope,
  keysOfFile,
  newContentKey,
  type PackageEncryption,
  packageMedia,
  readKeyFile,
} from '../../src/index.ts'
import { formatUuid } from '../../src/media/protection/systems.ts'
import { makeMedia } from '../support/media.ts'
import { type RunningServer, startServer } from '../support/server.ts'
import { requireTool } from '../support/tools.ts'
import { openBrowser, openPage, screenshot } from './browser.ts'
import { failureOf, HLS_JS, hlsJs, openPlayerSite, type SitePlayer } from './player-site.ts'
import { shownCounter } from './shown-counter.ts'

const RATE = 25
const SIZE = { width: 640, height: 360 }
const SECONDS = 12
/** Of the package whose keys change: where they do, and up to where it is in the clear. */
const ROTATE_SECONDS = 4
const CLEAR_LEAD_SECONDS = 2
/** Not to wait long for the next key. */
const FAST = 2

interface Player extends SitePlayer {
  readonly manifest: 'index.m3u8' | 'manifest.mpd'
  /** The packages with keys that change that it plays. */
  readonly rotated: readonly ('rotated' | 'rotated-kinds')[]
}

const PLAYERS: Readonly<Record<string, Player>> = {
  'hls.js': {
    script: HLS_JS.script,
    manifest: 'index.m3u8',
    code: hlsJs('{ licenseUrl: license }'),
    // It asks with what it finds in segments, and may take the answer for another key's.
    rotated: [],
  },
  'hls.js that asks by key id': { ...HLS_JS, manifest: 'index.m3u8', rotated: ['rotated', 'rotated-kinds'] },
  'shaka on DASH': {
    script: 'shaka-player/dist/shaka-player.compiled.js',
    manifest: 'manifest.mpd',
    code: `const player = new shaka.Player()
      player.addEventListener('error', ({ detail }) => { window.failure = String(detail.code) })
      player.configure({ drm: { servers: { 'org.w3.clearkey': license } } })
      player.attach(video).then(() => player.load(url)).catch((error) => { window.failure = String(error.code) })`,
    rotated: ['rotated-kinds'],
  },
  'dash.js': {
    script: 'dashjs/dist/modern/umd/dash.all.min.js',
    manifest: 'manifest.mpd',
    code: `const player = dashjs.MediaPlayer().create(); player.initialize(video, null, true)
      player.on('error', ({ error }) => { window.failure = String(error.code) })
      player.setProtectionData({ 'org.w3.clearkey': { serverURL: license } }); player.attachSource(url)`,
    rotated: ['rotated-kinds'],
  },
}

test('encrypted packages play with a licence and not without', { timeout: 180_000 }, async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  const browser = await openBrowser(t)
  if (ffmpeg === undefined || browser === undefined) return
  const { media, film, server, license } = await packageServer(t, ffmpeg)
  for (const name of ['known', 'unknown']) {
    const key = newContentKey()
    const encryption = { scheme: 'cbcs', key, licenseUrl: license } as const
    await packageMedia({ inputs: [film], out: join(media, name), segmentSeconds: 2, encryption })
    if (name === 'known') await importKey(server, `vod/${name}`, key)
  }
  for (const [name, scope] of [
    ['rotated', 'package'],
    ['rotated-kinds', 'kind'],
  ] as const) {
    await packageWithRotation(server, name, { media, film }, scope, { scheme: 'cenc', licenseUrl: license })
  }
  // Players get the keys from the server, as they are.
  const keyUrl = `${server.urls['http']}/key/aes128/{kid}`
  await packageWithRotation(server, 'aes-128', { media, film }, 'kind', { scheme: 'aes-128', keyUrl })
  const site = await openPlayerSite(t, {
    size: SIZE,
    pageOf: (asked) => {
      const player = PLAYERS[asked.get('name') ?? '']
      return player && { player, url: `${server.urls['http']}/vod/${asked.get('film')}/${player.manifest}`, license }
    },
  })

  for (const [name, { rotated }] of Object.entries(PLAYERS)) {
    const open = async (folder: string) => {
      const { page } = await openPage(browser, `${site}/?name=${encodeURIComponent(name)}&film=${folder}`, SIZE)
      return page
    }
    await t.test(`${name} plays cbcs`, async () => {
      const page = await open('known')
      await playBeyond(page, 3)

      await assertShown(page, name, 'cbcs')

      await page.close()
    })
    for (const folder of rotated) {
      await t.test(`${name} plays cenc out of the clear beginning and across a change of keys, ${folder}`, async () => {
        const page = await open(folder)
        await playBeyond(page, ROTATE_SECONDS + 1)

        await assertShown(page, name, folder)

        await page.close()
      })
    }
    await t.test(`${name} is refused a licence for a key that the server does not have`, async () => {
      const page = await open('unknown')
      await page.waitForFunction(() => (window as unknown as { failure?: string }).failure !== undefined)

      const played = await page.evaluate(
        () => document.querySelector('video')?.getVideoPlaybackQuality().totalVideoFrames,
      )

      assert.equal(played, 0)
      await page.close()
    })
  }
  await t.test('hls.js plays segments that are encrypted whole, across a change of keys', async () => {
    const { page } = await openPage(browser, `${site}/?name=hls.js&film=aes-128`, SIZE)
    await playBeyond(page, ROTATE_SECONDS + 1)

    await assertShown(page, 'hls.js', 'aes-128')

    await page.close()
  })
})

async function packageServer(t: TestContext, ffmpeg: string) {
  const media = mkdtempSync(join(tmpdir(), 'headend-packaged-'))
  t.after(() => rmSync(media, { recursive: true, force: true }))
  const film = await makeMedia(ffmpeg, {
    container: 'mp4',
    seconds: SECONDS,
    rate: RATE,
    gop: RATE,
    bFrames: 2,
    ...SIZE,
  })
  const server = await startServer({ args: ['--media', media] })
  t.after(() => server.stop())
  return { media, film, server, license: `${server.urls['http']}/license/clearkey` }
}

interface Package {
  readonly media: string
  readonly film: string
}

/** The server knows its keys. */
async function packageWithRotation(
  server: RunningServer,
  name: string,
  { media, film }: Package,
  scope: KeyScope,
  how: Pick<PackageEncryption, 'scheme' | 'licenseUrl' | 'keyUrl'>,
): Promise<void> {
  const keyFile = join(media, `${name}.keys`)
  const encryption: PackageEncryption = {
    ...how,
    key: keysOfFile(keyFile, { scope }),
    rotateSeconds: ROTATE_SECONDS,
    clearLeadSeconds: CLEAR_LEAD_SECONDS,
  }
  await packageMedia({ inputs: [film], out: join(media, name), segmentSeconds: 2, encryption })
  for (const key of (await readKeyFile(keyFile)) ?? []) await importKey(server, `vod/${name}`, key)
}

/** Without a jump. */
async function playBeyond(page: Page, seconds: number): Promise<void> {
  await page.evaluate((rate) => {
    const video = document.querySelector('video')
    if (video !== null) video.playbackRate = rate
  }, FAST)
  await page.waitForFunction(
    (until) =>
      (document.querySelector('video')?.currentTime ?? 0) > until ||
      (window as unknown as { failure?: string }).failure !== undefined,
    seconds,
  )
}

async function assertShown(page: Page, player: string, what: string): Promise<void> {
  const { counter, from, to } = await shownCounter(page, SIZE)
  assert.equal(await failureOf(page), undefined)
  assert.ok(counter >= from * RATE - 5 && counter <= to * RATE + 4, `picture ${counter}, from ${from} s to ${to} s`)
  await screenshot(page, `packaged-${player}-${what}`.replaceAll(/[^a-z0-9]+/gi, '-'))
}

async function importKey(
  server: RunningServer,
  path: string,
  { id, key }: { readonly id: Uint8Array; readonly key: Uint8Array },
): Promise<void> {
  const response = await fetch(`${server.urls['http']}/api/v1/keys`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.secrets.adminToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ keys: [{ id: formatUuid(id), key: Buffer.from(key).toString('hex'), path }] }),
  })
  assert.equal(response.status, 204, await response.text())
}
