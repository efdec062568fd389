/** What a video element in a page does over a while, and what its picture says. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { runOrThrow } from '../support/process.ts'

export interface Playing {
  /** Seconds the media time went forward. */
  readonly advanced: number
  /** Seconds of the clock meanwhile. */
  readonly elapsed: number
  /** Times playing stopped for want of data. */
  readonly stalls: number
  readonly frames: number
  readonly dropped: number
}

/** Resolves when the page's video plays; rejects after `timeoutMs`. */
export async function waitUntilPlaying(page: Page, timeoutMs = 20_000): Promise<void> {
  const playing = () => {
    const video = document.querySelector('video')
    return video !== null && video.currentTime > 0 && !video.paused && video.readyState >= 3
  }
  await page.waitForFunction(playing, undefined, { timeout: timeoutMs })
}

/** Watches the page's video. */
export async function watchVideo(page: Page, seconds: number): Promise<Playing> {
  return page.evaluate(async (duration) => {
    const video = document.querySelector('video') as HTMLVideoElement
    let stalls = 0
    const onWaiting = () => {
      stalls++
    }
    video.addEventListener('waiting', onWaiting)
    const before = { time: video.currentTime, clock: performance.now(), ...counts(video) }
    await new Promise((resolve) => setTimeout(resolve, duration * 1000))
    const after = counts(video)
    video.removeEventListener('waiting', onWaiting)
    return {
      advanced: video.currentTime - before.time,
      elapsed: (performance.now() - before.clock) / 1000,
      stalls,
      frames: after.frames - before.frames,
      dropped: after.dropped - before.dropped,
    }

    function counts(element: HTMLVideoElement) {
      const { totalVideoFrames, droppedVideoFrames } = element.getVideoPlaybackQuality()
      return { frames: totalVideoFrames, dropped: droppedVideoFrames }
    }
  }, seconds)
}

/** True when sound is decoded: bytes of it were, and the element is not silent of itself. */
export async function decodesAudio(page: Page): Promise<boolean> {
  return page.evaluate(() => {
    const video = document.querySelector('video') as HTMLVideoElement & { webkitAudioDecodedByteCount?: number }
    return (video.webkitAudioDecodedByteCount ?? 0) > 0
  })
}

/** Where the clock of the test channel is in its 1280 × 720 picture. */
const CLOCK = { x: 64, y: 176, width: 1152, height: 192 } as const
const DAY_MS = 86_400_000

export interface ClockReading {
  /** As read: `12:34:56.7`. */
  readonly text: string
  /** Milliseconds from the picture's clock to the moment it was taken from the video element. */
  readonly delayMs: number
}

/** Reads the test channel's clock from the page's picture by text recognition. Throws when it cannot be read. */
export async function readClock(page: Page, tesseract: string, folder: string): Promise<ClockReading> {
  const grab = await page.evaluate((clock) => {
    const video = document.querySelector('video') as HTMLVideoElement
    const canvas = document.createElement('canvas')
    canvas.width = clock.width / 2
    canvas.height = clock.height / 2
    const context = canvas.getContext('2d') as CanvasRenderingContext2D
    // Dark on light, with a margin: what text recognition is best at.
    context.filter = 'invert(1) grayscale(1)'
    const scale = video.videoWidth / 1280
    const { x, y, width, height } = clock
    context.drawImage(video, x * scale, y * scale, width * scale, height * scale, 0, 0, canvas.width, canvas.height)
    return { now: Date.now(), png: canvas.toDataURL('image/png') }
  }, CLOCK)
  const file = join(folder, `clock-${grab.now}.png`)
  writeFileSync(file, Buffer.from(grab.png.split(',')[1] ?? '', 'base64'))
  const options = ['stdout', '--psm', '7', '-c', 'tessedit_char_whitelist=0123456789:.']
  const text = (await runOrThrow(tesseract, [file, ...options])).toString().trim()
  const match = /^(\d\d):(\d\d):(\d\d)[.:]?(\d)$/.exec(text)
  if (match === null) throw new Error(`expected a clock like 12:34:56.7 in ${file}, found ${JSON.stringify(text)}`)
  const [hours = 0, minutes = 0, seconds = 0, tenths = 0] = match.slice(1).map(Number)
  const shown = ((hours * 60 + minutes) * 60 + seconds) * 1000 + tenths * 100
  const delayMs = (((grab.now % DAY_MS) - shown + DAY_MS + DAY_MS / 2) % DAY_MS) - DAY_MS / 2
  return { text, delayMs }
}
