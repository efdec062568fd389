/** Another site, whose pages play from the server with players of others and say in `window.failure` why not. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Page } from 'playwright-core'
import { repository } from '../support/sources.ts'

export interface SitePlayer {
  /** Below node_modules. */
  readonly script: string
  /** Plays `url` in `video` with licences of `license`. */
  readonly code: string
}

/** With an expression for how it is to ask for licences. */
export function hlsJs(clearKey: string): string {
  return `const hls = new Hls({ emeEnabled: true, drmSystems: { 'org.w3.clearkey': ${clearKey} } })
    hls.on(Hls.Events.ERROR, (_, data) => { if (data.fatal) window.failure = data.details })
    hls.loadSource(url); hls.attachMedia(video)`
}

/** Licences are where the page says, for the key ids of the playlist. */
export const HLS_JS: SitePlayer = {
  script: 'hls.js/dist/hls.min.js',
  code: `const base64url = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
    ${hlsJs(`{
      licenseUrl: license,
      generateRequest: (type, data, { decryptdata }) => ({
        initDataType: 'keyids',
        initData: new TextEncoder().encode(JSON.stringify({ kids: [base64url(decryptdata.keyId)] })).buffer,
      }),
    }`)}`,
}
/** Licences are where the manifest says. */
export const SHAKA: SitePlayer = {
  script: 'shaka-player/dist/shaka-player.compiled.js',
  code: `const player = new shaka.Player()
    player.addEventListener('error', ({ detail }) => { window.failure = String(detail.code) })
    player.attach(video).then(() => player.load(url)).catch((error) => { window.failure = String(error.code) })`,
}
/** The same. */
export const DASH_JS: SitePlayer = {
  script: 'dashjs/dist/modern/umd/dash.all.min.js',
  code: `const player = dashjs.MediaPlayer().create(); player.initialize(video, null, true)
    player.on('error', ({ error }) => { window.failure = String(error.code) }); player.attachSource(url)`,
}

/** What a page plays. */
export interface SitePage {
  readonly player: SitePlayer
  readonly url: string
  readonly license: string
}

export interface SiteOptions {
  /** Of the element. */
  readonly size: { readonly width: number; readonly height: number }
  /** By the query of the page; `undefined`: there is no such page. */
  readonly pageOf: (query: URLSearchParams) => SitePage | undefined
}

/** Its address, without a slash at the end: of `localhost`, where browsers decrypt without TLS. */
export async function openPlayerSite(t: TestContext, { size, pageOf }: SiteOptions): Promise<string> {
  const site = createServer((request, response) => {
    const { pathname, search, searchParams } = new URL(request.url ?? '/', 'http://localhost')
    const page = pageOf(searchParams)
    if (page === undefined) return response.writeHead(404).end()
    const { player, url, license } = page
    if (pathname === '/player.js') {
      response.setHeader('content-type', 'text/javascript')
      return response.end(readFileSync(join(repository, 'node_modules', player.script)))
    }
    response.setHeader('content-type', 'text/html')
    return response.end(
      `<!doctype html><meta charset="utf-8"><style>body{margin:0}</style><video muted autoplay playsinline width="${size.width}" height="${size.height}"></video><script src="/player.js${search}"></script><script>const video = document.querySelector('video'), url = ${JSON.stringify(url)}, license = ${JSON.stringify(license)}; ${player.code}</script>`,
    )
  }).listen(0, 'localhost')
  await once(site, 'listening')
  t.after(() => site.close())
  return `http://localhost:${(site.address() as AddressInfo).port}`
}

/** What the player gave up for; `undefined`: it has not. */
export function failureOf(page: Page): Promise<string | undefined> {
  return page.evaluate(() => (window as unknown as { failure?: string }).failure)
}
