/** The number in the picture that a page shows, of protected pictures too, which no canvas may read: from a screenshot of the page. */
import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import { COUNTER_SIZE, readCounters } from '../support/counter.ts'

export interface ShownCounter {
  readonly counter: number
  /** Of the media element before the screenshot and after it, seconds. */
  readonly from: number
  readonly to: number
}

/** `size`: of the picture as it was encoded; the element may be shown in another. Fails when the number cannot be read. */
export async function shownCounter(page: Page, { width }: { readonly width: number }): Promise<ShownCounter> {
  const time = () => page.evaluate(() => document.querySelector('video')?.currentTime ?? 0)
  const box = (await page.locator('video').boundingBox()) ?? assert.fail('there is no picture')
  const scale = box.width / width
  const clip = { x: box.x, y: box.y, width: COUNTER_SIZE.width * scale, height: COUNTER_SIZE.height * scale }
  const from = await time()
  const png = await page.screenshot({ clip })
  const to = await time()
  const luma = await page.evaluate(
    async ({ base64, width, height }) => {
      const image = new Image()
      image.src = `data:image/png;base64,${base64}`
      await image.decode()
      const canvas = document.createElement('canvas')
      canvas.width = width
      canvas.height = height
      const context = canvas.getContext('2d') as CanvasRenderingContext2D
      context.drawImage(image, 0, 0, width, height)
      const { data } = context.getImageData(0, 0, width, height)
      return Array.from({ length: width * height }, (_, pixel) => data[4 * pixel + 1] ?? 0)
    },
    { base64: png.toString('base64'), ...COUNTER_SIZE },
  )
  const [counter] = readCounters(Uint8Array.from(luma))
  return { counter: counter ?? assert.fail('no number can be read'), from, to }
}
