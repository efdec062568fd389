/** Reads the frame number that test/support/counter.ts burnt into a picture from the video element of a page. */
import type { Page } from 'playwright-core'
import { COUNTER_SIZE, readCounters } from '../support/counter.ts'

/** Of the picture that is shown now; `undefined`: none can be read. The video has the size it was encoded with. */
export async function readPictureCounter(page: Page): Promise<number | undefined> {
  const luma = await page.evaluate(({ width, height }) => {
    const video = document.querySelector('video') as HTMLVideoElement
    const canvas = document.createElement('canvas')
    canvas.width = width
    canvas.height = height
    const context = canvas.getContext('2d') as CanvasRenderingContext2D
    context.drawImage(video, 0, 0)
    const { data } = context.getImageData(0, 0, width, height)
    return Array.from({ length: width * height }, (_, pixel) => data[4 * pixel + 1] ?? 0)
  }, COUNTER_SIZE)
  return readCounters(Uint8Array.from(luma))[0]
}

/** Seeks to the middle of a picture and returns the number of the one that is shown then. */
export async function counterAt(page: Page, seconds: number): Promise<number | undefined> {
  await page.evaluate(async (time) => {
    const video = document.querySelector('video') as HTMLVideoElement
    video.pause()
    // After a seek the key picture may be shown a moment before the one that was asked for: its successor comes within this time.
    const TOO_LATE_MS = 1000
    const LONGEST_PICTURE = 0.05
    let waiting = true
    const presented = new Promise<void>((resolve) => {
      const look = (_: number, { mediaTime }: VideoFrameCallbackMetadata) => {
        if (mediaTime <= time && time < mediaTime + LONGEST_PICTURE / 2) resolve()
        else if (waiting) video.requestVideoFrameCallback(look)
      }
      video.requestVideoFrameCallback(look)
    })
    const seeked = new Promise((resolve) => video.addEventListener('seeked', resolve, { once: true }))
    video.currentTime = time
    await seeked
    await Promise.race([presented, new Promise((resolve) => setTimeout(resolve, TOO_LATE_MS))])
    waiting = false
  }, seconds)
  return readPictureCounter(page)
}
