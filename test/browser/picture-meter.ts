/** Measures by the picture alone whether it moves: what a page sees of a playback, whatever its player says. */
import type { Page } from 'playwright-core'

/** The page looks at its picture this often, milliseconds; what it measures is right to a few of these. */
const LOOK_MS = 50
const LOOKS = 5
/** A picture that stands still for less is one that plays, milliseconds. */
export const SHORTEST_STALL_MS = LOOK_MS * LOOKS

/** Times in milliseconds. */
export interface PictureMeter {
  played: number
  /** Of pictures that stood still for longer than `SHORTEST_STALL_MS`, behind the first that moved. */
  stalled: number
  stalls: number
  /** For how long it stands still now. */
  standing: number
  /** From the first look to the first picture that moved; `undefined`: none has. */
  startup: number | undefined
  /** Between `waiting` and `playing` of the element, behind the first `playing`, and how many times. */
  waited: number
  waits: number
  /** Jumps behind the first `playing`: players make some by themselves to get over a hole, and wait on. */
  seeks: number
}

interface MeterOptions {
  readonly every: number
  readonly shortest: number
}

const OPTIONS: MeterOptions = { every: LOOK_MS, shortest: SHORTEST_STALL_MS }

/** Of the page's video, from now on; for pages that bring it themselves: it needs nothing but itself and its options. */
export function meterPicture({ every, shortest }: MeterOptions): void {
  const video = document.querySelector('video') as HTMLVideoElement
  const meter: PictureMeter = {
    played: 0,
    stalled: 0,
    stalls: 0,
    standing: 0,
    startup: undefined,
    waited: 0,
    waits: 0,
    seeks: 0,
  }
  const began = performance.now()
  let position = video.currentTime
  let at = began
  let waiting: number | undefined
  let hasPlayed = position > 0
  Object.assign(window, { meter })
  video.addEventListener('waiting', () => {
    if (hasPlayed) waiting ??= performance.now()
  })
  video.addEventListener('seeking', () => {
    if (hasPlayed) meter.seeks++
  })
  video.addEventListener('playing', () => {
    if (waiting !== undefined) {
      meter.waited += performance.now() - waiting
      meter.waits++
    }
    waiting = undefined
    hasPlayed = true
  })
  window.setInterval(() => {
    const now = performance.now()
    const next = video.currentTime
    // A jump to the live edge before the start is no picture that moves.
    const moves = next > position && next - position < 1
    if (!moves) meter.standing += now - at
    else {
      if (meter.startup === undefined) meter.startup = now - began
      else if (meter.standing > shortest) {
        meter.stalled += meter.standing
        meter.stalls++
      } else meter.played += meter.standing
      meter.standing = 0
      meter.played += now - at
    }
    position = next
    at = now
  }, every)
}

/** The same as source text, for a page of a test. */
export const METER_SCRIPT = `(${meterPicture.toString()})(${JSON.stringify(OPTIONS)})`

/** On a page that plays already: what stood before does not count. */
export function startMeter(page: Page): Promise<void> {
  return page.evaluate(meterPicture, OPTIONS)
}

export function readMeter(page: Page): Promise<PictureMeter> {
  return page.evaluate(() => (window as unknown as { meter: PictureMeter }).meter)
}

/** Resolves when the meter has come so far, milliseconds. */
export async function untilMeter(page: Page, what: 'played' | 'stalled' | 'standing', above: number): Promise<void> {
  await page.waitForFunction(({ name, least }) => (window as unknown as { meter: PictureMeter }).meter[name] > least, {
    name: what,
    least: above,
  })
}
