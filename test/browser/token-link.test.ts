/** The link that `headend token PATH --url` prints, opened in a browser. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { run } from '../support/process.ts'
import { startServer } from '../support/server.ts'
import { repository } from '../support/sources.ts'
import { openBrowser, openPage, screenshot } from './browser.ts'
import { mediaFolder } from './media-folder.ts'
import { readClock, waitUntilPlaying } from './video.ts'

test('a link with a token plays by HLS, DASH and FLV', async (t) => {
  const browser = await openBrowser(t)
  if (browser === undefined) return
  const config = join(mediaFolder(t, {}), '.headend.yaml')
  writeFileSync(config, 'paths:\n  live/test:\n    play: token\n')
  const server = await startServer({ testChannel: true, args: ['--config', config] })
  t.after(() => server.stop())
  const command = [join(repository, 'bin/headend.js'), 'token', 'live/test', '--url']
  const places = ['--data', server.data, '--base', server.urls['http'] ?? '']
  const { stdout, stderr } = await run(process.execPath, [...command, ...places])
  const link = stdout.toString().trim()
  assert.match(link, /\/watch\/live\/test\?token=eyJ/, stderr)

  for (const kind of ['hls', 'dash', 'flv']) {
    const { page, complaints } = await openPage(browser, `${link}&by=${kind}`)
    await waitUntilPlaying(page)
    const clock = await readClock(page)
    await screenshot(page, `token-${kind}`)

    assert.ok(clock.delayMs > 0, kind)
    assert.deepEqual(complaints, [], kind)
    await page.close()
  }
  assert.equal((await fetch(`${server.urls['http']}/live/test/index.m3u8`)).status, 401)
})
