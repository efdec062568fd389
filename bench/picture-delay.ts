/** From an RTMP publisher to the picture in Chromium by LL-HLS and hls.js, key frames every second, read from the clock in the picture. */
import { setTimeout as sleep } from 'node:timers/promises'
import { openPage, startChromium } from '../test/browser/browser.ts'
import { readClock, waitUntilPlaying } from '../test/browser/video.ts'
import { start } from '../test/support/process.ts'
import { startServer } from '../test/support/server.ts'
import { findTool } from '../test/support/tools.ts'
import type { Row } from './support/report.ts'

/** hls.js settles on its distance to the live edge in this time. */
const SETTLE_S = 10
const READINGS = 5

export async function* pictureDelay(): AsyncGenerator<Row> {
  const [chromium, ffmpeg] = [findTool('chromium'), findTool('ffmpeg')]
  if (chromium === undefined || ffmpeg === undefined) {
    console.error('skipped: needs chromium and ffmpeg')
    return
  }
  const server = await startServer({ testChannel: true })
  const browser = await startChromium(chromium)
  try {
    const target = `${server.urls['rtmp']}/live/relayed?key=${server.secrets.publishKey}`
    start(ffmpeg, ['-v', 'error', '-i', `${server.urls['rtmp']}/live/test`, '-c', 'copy', '-f', 'flv', target])
    const { page } = await openPage(browser, `${server.urls['http']}/watch/live/relayed?by=hls`)
    await waitUntilPlaying(page, 30_000)
    await sleep(SETTLE_S * 1000)
    const delays: number[] = []
    for (let i = 0; i < READINGS; i++) {
      delays.push((await readClock(page)).delayMs / 1000)
      await sleep(1000)
    }
    delays.sort((a, b) => a - b)
    const note = `median of ${READINGS}, ${delays[0]?.toFixed(1)} to ${delays.at(-1)?.toFixed(1)} s`
    yield {
      work: 'LL-HLS, publisher to picture',
      value: delays[READINGS >> 1] ?? Number.NaN,
      unit: 's',
      gate: 2.5,
      note,
    }
  } finally {
    await browser.close()
    await server.stop()
  }
}
