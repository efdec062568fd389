/** What a video element in a page does over a while, and what its picture says. */
import type { Page } from 'playwright-core'
import { CLOCK_PICTURE, readClockFrom } from '../support/clock.ts'
import { COUNTER_SIZE, readCounters } from '../support/counter.ts'

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
    // Shaka holds the picture at rate 0 until it has enough at hand.
    return video !== null && video.currentTime > 0 && !video.paused && video.playbackRate > 0 && video.readyState >= 3
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

const DAY_MS = 86_400_000

export interface ClockReading {
  /** As read: `12:34:56.7`. */
  readonly text: string
  /** Milliseconds from the picture's clock to the moment it was taken from the video element. */
  readonly delayMs: number
}

/** Reads the test channel's clock from the page's picture. Throws when it cannot be read. */
export async function readClock(page: Page): Promise<ClockReading> {
  const grab = await page.evaluate(({ width, height }) => {
    const video = document.querySelector('video') as HTMLVideoElement
    const canvas = document.createElement('canvas')
    canvas.width = width
    canvas.height = height
    const context = canvas.getContext('2d') as CanvasRenderingContext2D
    context.imageSmoothingQuality = 'high'
    context.drawImage(video, 0, 0, width, height)
    const now = Date.now()
    const { data } = context.getImageData(0, 0, width, height)
    // Green alone: the clock is white on near black.
    return { now, luma: Array.from({ length: width * height }, (_, pixel) => data[4 * pixel + 1] ?? 0) }
  }, CLOCK_PICTURE)
  const text = readClockFrom(Uint8Array.from(grab.luma))
  if (text === undefined) throw new Error('expected the test channel and its clock in the picture, found none')
  const [hours = 0, minutes = 0, seconds = 0, tenths = 0] = text.split(/[:.]/).map(Number)
  const shown = ((hours * 60 + minutes) * 60 + seconds) * 1000 + tenths * 100
  const delayMs = (((grab.now % DAY_MS) - shown + DAY_MS + DAY_MS / 2) % DAY_MS) - DAY_MS / 2
  return { text, delayMs }
}

/** Reads the frame number (see counter.ts) from what `selector` shows: a video or an image. `undefined`: there is none to read. */
export async function readCounter(page: Page, selector = 'video', width = 320): Promise<number | undefined> {
  const luma = await page.evaluate(
    ({ from, size, sourceWidth }) => {
      const source = document.querySelector(from) as HTMLVideoElement | HTMLImageElement
      const canvas = document.createElement('canvas')
      canvas.width = size.width
      canvas.height = size.height
      const context = canvas.getContext('2d') as CanvasRenderingContext2D
      const shownWidth = source instanceof HTMLVideoElement ? source.videoWidth : source.naturalWidth
      const scale = shownWidth / sourceWidth
      // Pictures of other sizes are brought to that in which the number was drawn.
      context.drawImage(source, 0, 0, size.width * scale, size.height * scale, 0, 0, size.width, size.height)
      const { data } = context.getImageData(0, 0, size.width, size.height)
      return Array.from({ length: size.width * size.height }, (_, pixel) => data[4 * pixel + 1] ?? 0)
    },
    { from: selector, size: COUNTER_SIZE, sourceWidth: width },
  )
  return readCounters(Uint8Array.from(luma))[0]
}

/** Pauses the page's video and waits until its picture stands. */
export async function pause(page: Page): Promise<void> {
  await page.evaluate(() => document.querySelector('video')?.pause())
  await seekDone(page)
}

/** Resolves when a seek is over and its picture is there. */
export async function seekDone(page: Page): Promise<void> {
  await page.waitForFunction(() => {
    const video = document.querySelector('video')
    return video !== null && !video.seeking && video.readyState >= 2
  })
  // The picture follows the element's state by a frame.
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))))
}

/** Frequency of the strongest tone that the page's video plays now, Hz. */
export async function toneOf(page: Page): Promise<number> {
  return page.evaluate(async () => {
    const video = document.querySelector('video') as HTMLVideoElement & { listener?: AnalyserNode }
    if (video.listener === undefined) {
      const context = new AudioContext()
      const analyser = context.createAnalyser()
      analyser.fftSize = 8192
      context.createMediaElementSource(video).connect(analyser)
      analyser.connect(context.destination)
      video.listener = analyser
    }
    const { listener } = video
    const powers = new Float32Array(listener.frequencyBinCount)
    for (let attempt = 0; attempt < 40; attempt++) {
      await new Promise((resolve) => setTimeout(resolve, 250))
      listener.getFloatFrequencyData(powers)
      if (Math.max(...powers) > -60) break
    }
    return (powers.indexOf(Math.max(...powers)) * listener.context.sampleRate) / listener.fftSize
  })
}

/** Where two screenshots differ, in parts of an element's box, 0 to 1. Throws when they do not. */
export async function changedArea(page: Page, before: Buffer, after: Buffer, selector: string) {
  const urls = [before, after].map((png) => `data:image/png;base64,${png.toString('base64')}`)
  const area = await page.evaluate(
    async ({ pictures, element }) => {
      const box = (document.querySelector(element) as HTMLElement).getBoundingClientRect()
      const pixels = await Promise.all(
        pictures.map(async (url) => {
          const image = new Image()
          image.src = url
          await image.decode()
          const canvas = document.createElement('canvas')
          canvas.width = Math.round(box.width)
          canvas.height = Math.round(box.height)
          const context = canvas.getContext('2d') as CanvasRenderingContext2D
          context.drawImage(image, -box.left, -box.top)
          return context.getImageData(0, 0, canvas.width, canvas.height)
        }),
      )
      const [first, second] = pixels as [ImageData, ImageData]
      const found = { left: 1, right: 0, top: 1, bottom: 0 }
      // What lies below belongs to the controls.
      const rows = first.height - 95
      for (let y = 0; y < rows; y++) {
        for (let x = 0; x < first.width; x++) {
          const at = 4 * (y * first.width + x)
          if (Math.abs((first.data[at] ?? 0) - (second.data[at] ?? 0)) < 80) continue
          found.left = Math.min(found.left, x / first.width)
          found.right = Math.max(found.right, x / first.width)
          found.top = Math.min(found.top, y / first.height)
          found.bottom = Math.max(found.bottom, y / first.height)
        }
      }
      return found
    },
    { pictures: urls, element: selector },
  )
  if (area.right < area.left) throw new Error('expected a change in the picture, found none')
  return area
}
