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

/** Seeks and returns the number of the picture that is shown then. */
export async function counterAt(page: Page, seconds: number): Promise<number | undefined> {
  await page.evaluate(async (time) => {
    const video = document.querySelector('video') as HTMLVideoElement
    video.pause()
    const presented = new Promise((resolve) => video.requestVideoFrameCallback(resolve))
    const seeked = new Promise((resolve) => video.addEventListener('seeked', resolve, { once: true }))
    video.currentTime = time
    await seeked
    // The picture may come a moment later than the event.
    await Promise.race([presented, new Promise((resolve) => setTimeout(resolve, 1000))])
  }, seconds)
  return readPictureCounter(page)
}
