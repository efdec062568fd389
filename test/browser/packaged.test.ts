/** Packaged films, encrypted, in the players of other sites: with a licence they play, without one they do not. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
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
import { COUNTER_SIZE, readCounters } from '../support/counter.ts'
import { makeMedia } from '../support/media.ts'
import { type RunningServer, startServer } from '../support/server.ts'
import { repository } from '../support/sources.ts'
import { requireTool } from '../support/tools.ts'
import { openBrowser, openPage, screenshot } from './browser.ts'

const RATE = 25
const SIZE = { width: 640, height: 360 }
const SECONDS = 12
/** Of the package whose keys change: where they do, and up to where it is in the clear. */
const ROTATE_SECONDS = 4
const CLEAR_LEAD_SECONDS = 2
/** Not to wait long for the next key. */
const FAST = 2

interface Player {
  readonly script: string
  readonly manifest: 'index.m3u8' | 'manifest.mpd'
  /** Plays `url` in `video` with licences of `license`. */
  readonly code: string
  /** The package with keys that change that it plays. */
  readonly rotated: 'rotated' | 'rotated-kinds'
}

const HLS_SCRIPT = 'hls.js/dist/hls.min.js'
const HLS_CODE = `const hls = new Hls({ emeEnabled: true, drmSystems: { 'org.w3.clearkey': clearKey } })
      hls.on(Hls.Events.ERROR, (_, data) => { if (data.fatal) window.failure = data.details })
      hls.loadSource(url); hls.attachMedia(video)`
const PLAYERS: Readonly<Record<string, Player>> = {
  'hls.js': {
    script: HLS_SCRIPT,
    manifest: 'index.m3u8',
    code: `const clearKey = { licenseUrl: license }; ${HLS_CODE}`,
    rotated: 'rotated',
  },
  // By itself it asks for the key of the pictures only.
  'hls.js that asks by key id': {
    script: HLS_SCRIPT,
    manifest: 'index.m3u8',
    code: `const base64url = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
      const clearKey = {
        licenseUrl: license,
        generateRequest: (type, data, { decryptdata }) => ({
          initDataType: 'keyids',
          initData: new TextEncoder().encode(JSON.stringify({ kids: [base64url(decryptdata.keyId)] })).buffer,
        }),
      }
      ${HLS_CODE}`,
    rotated: 'rotated-kinds',
  },
  'shaka on DASH': {
    script: 'shaka-player/dist/shaka-player.compiled.js',
    manifest: 'manifest.mpd',
    code: `const player = new shaka.Player()
      player.addEventListener('error', ({ detail }) => { window.failure = String(detail.code) })
      player.configure({ drm: { servers: { 'org.w3.clearkey': license } } })
      player.attach(video).then(() => player.load(url)).catch((error) => { window.failure = String(error.code) })`,
    rotated: 'rotated-kinds',
  },
  'dash.js': {
    script: 'dashjs/dist/modern/umd/dash.all.min.js',
    manifest: 'manifest.mpd',
    code: `const player = dashjs.MediaPlayer().create(); player.initialize(video, null, true)
      player.on('error', ({ error }) => { window.failure = String(error.code) })
      player.setProtectionData({ 'org.w3.clearkey': { serverURL: license } }); player.attachSource(url)`,
    rotated: 'rotated-kinds',
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
  const site = await playerSite(t, server.urls['http'] ?? '', license)

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
    await t.test(`${name} plays cenc out of the clear beginning and across a change of keys`, async () => {
      const page = await open(rotated)
      await playBeyond(page, ROTATE_SECONDS + 1)

      await assertShown(page, name, rotated)

      await page.close()
    })
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
  const { shown, from, to } = await pictureShown(page)
  assert.equal(await failureOf(page), undefined)
  assert.ok(shown !== undefined && shown >= from - 4 && shown <= to + 4, `picture ${shown}, from ${from} to ${to}`)
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

/** Protected pictures cannot be read from a canvas, but a picture of the page can: its number, and what may be shown at that moment. */
async function pictureShown(page: Page): Promise<{ shown: number | undefined; from: number; to: number }> {
  const time = () =>
    page.evaluate((rate) => Math.floor((document.querySelector('video')?.currentTime ?? 0) * rate), RATE)
  const from = await time()
  const png = await page.screenshot({ clip: { x: 0, y: 0, ...COUNTER_SIZE } })
  const to = await time()
  const luma = await page.evaluate(
    async ({ base64, width, height }) => {
      const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${base64}`)).blob())
      const canvas = document.createElement('canvas')
      canvas.width = width
      canvas.height = height
      const context = canvas.getContext('2d') as CanvasRenderingContext2D
      context.drawImage(image, 0, 0)
      const { data } = context.getImageData(0, 0, width, height)
      return Array.from({ length: width * height }, (_, pixel) => data[4 * pixel + 1] ?? 0)
    },
    { base64: png.toString('base64'), ...COUNTER_SIZE },
  )
  return { shown: readCounters(Uint8Array.from(luma))[0], from, to }
}

function failureOf(page: Page): Promise<string | undefined> {
  return page.evaluate(() => (window as unknown as { failure?: string }).failure)
}

/** Another site, whose pages play from the server. */
async function playerSite(t: TestContext, base: string, license: string): Promise<string> {
  const site = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    const player = PLAYERS[url.searchParams.get('name') ?? '']
    if (player === undefined) return response.writeHead(404).end()
    if (url.pathname === '/player.js') {
      response.setHeader('content-type', 'text/javascript')
      return response.end(readFileSync(join(repository, 'node_modules', player.script)))
    }
    const film = `${base}/vod/${url.searchParams.get('film')}/${player.manifest}`
    response.setHeader('content-type', 'text/html')
    return response.end(
      `<!doctype html><meta charset="utf-8"><style>body{margin:0}</style><video muted autoplay playsinline width="${SIZE.width}" height="${SIZE.height}"></video><script src="/player.js${url.search}"></script><script>const video = document.querySelector('video'), url = ${JSON.stringify(film)}, license = ${JSON.stringify(license)}; ${player.code}</script>`,
    )
  }).listen(0, 'localhost')
  await once(site, 'listening')
  t.after(() => site.close())
  return `http://localhost:${(site.address() as AddressInfo).port}`
}
