/** Key points as they are found, in bounded memory. */
import type { KeyPoint } from './reader.ts'
import type { Micros } from './time.ts'

/** Of one file: more than a day of a picture that is a key each half second. */
const MAX_KEY_POINTS = 200_000
const FIRST_SPACING: Micros = 500_000

/** Keeps every point until there are too many; then only such as are some time apart. */
export class KeyPointList {
  #points: KeyPoint[] = []
  #spacing: Micros = 0

  get points(): readonly KeyPoint[] {
    return this.#points
  }

  /** Points come in the order of their decode times. */
  add(point: KeyPoint): void {
    if (!this.#isFar(this.#points.at(-1), point)) return
    this.#points.push(point)
    while (this.#points.length >= MAX_KEY_POINTS) this.#thin()
  }

  #isFar(before: KeyPoint | undefined, point: KeyPoint): boolean {
    return before === undefined || point.dts - before.dts >= this.#spacing
  }

  #thin(): void {
    this.#spacing = Math.max(FIRST_SPACING, this.#spacing * 2)
    const kept: KeyPoint[] = []
    for (const point of this.#points) if (this.#isFar(kept.at(-1), point)) kept.push(point)
    // Times that do not grow would never be far apart.
    this.#points = kept.length < MAX_KEY_POINTS ? kept : kept.slice(0, MAX_KEY_POINTS / 2)
  }
}

/** The last point that is shown at `time` or before; `undefined` when there is none. Points are in order. */
export function keyPointAt(points: readonly KeyPoint[], time: Micros): KeyPoint | undefined {
  let low = 0
  let high = points.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((points[middle] as KeyPoint).pts <= time) low = middle + 1
    else high = middle
  }
  return points[low - 1]
}
