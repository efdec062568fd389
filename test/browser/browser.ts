/** Chromium for tests: without a window, without a network beyond the loopback, with everything a page complains about collected. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type Browser, chromium, type Page } from 'playwright-core'
import { repository } from '../support/sources.ts'
import { requireTool } from '../support/tools.ts'

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--autoplay-policy=no-user-gesture-required',
]
const ARTIFACTS = join(repository, 'test/artifacts')

/** `undefined` after the test was skipped because there is no Chromium. */
export async function openBrowser(t: TestContext): Promise<Browser | undefined> {
  const executablePath = requireTool(t, 'chromium')
  if (executablePath === undefined) return undefined
  const browser = await startChromium(executablePath)
  t.after(() => browser.close())
  return browser
}

/** The caller closes it. */
export function startChromium(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, args: ARGUMENTS })
}

export interface WatchedPage {
  readonly page: Page
  /** What the page logged as an error, and requests to hosts other than the loopback. */
  readonly complaints: string[]
}

export async function openPage(
  browser: Browser,
  url: string,
  options: {
    readonly width?: number
    readonly height?: number
    readonly dark?: boolean
    readonly touch?: boolean
  } = {},
): Promise<WatchedPage> {
  const { width = 1280, height = 900, dark = false, touch = false } = options
  const context = await browser.newContext({
    viewport: { width, height },
    hasTouch: touch,
    isMobile: touch,
    colorScheme: dark ? 'dark' : 'light',
  })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`${message.text()} ${message.location().url}`)
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('request', (request) => {
    const { protocol, hostname } = new URL(request.url())
    if (/^(https?|wss?):$/.test(protocol) && hostname !== '127.0.0.1') complaints.push(`request to ${hostname}`)
  })
  await page.goto(url)
  return { page, complaints }
}

/** Keeps a picture of the page under test/artifacts and returns its path. */
export async function screenshot(page: Page, name: string): Promise<string> {
  mkdirSync(ARTIFACTS, { recursive: true })
  const path = join(ARTIFACTS, `${name}.png`)
  await page.screenshot({ path })
  return path
}
