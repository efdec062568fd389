/** After the disk refused: how long nothing is recorded, and when to try again. */
import { type Disk, nodeDisk } from './disk.ts'

/** First and longest pause, milliseconds. */
const FIRST_MS = 1_000
const LONGEST_MS = 30_000
/** Less free space than this is as good as none: a new file would be full at once. */
export const MIN_FREE_BYTES = 16 * 1024 * 1024

/** Ends when a folder's file system has room; other faults are over when the next file can be written. */
export class Suspension {
  readonly #disk: Disk
  readonly #folder: string
  readonly #onEnd: () => void
  #pauseMs = FIRST_MS
  #timer: NodeJS.Timeout | undefined

  constructor(folder: string, onEnd: () => void, disk: Disk = nodeDisk) {
    this.#folder = folder
    this.#onEnd = onEnd
    this.#disk = disk
  }

  get active(): boolean {
    return this.#timer !== undefined
  }

  /** The disk has refused. Each time in a row the pause is longer. */
  begin(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#check(), this.#pauseMs)
    this.#timer.unref()
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_MS)
  }

  /** Something was written: the next fault is a new one. */
  recovered(): void {
    this.#pauseMs = FIRST_MS
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  async #check(): Promise<void> {
    const free = await this.#disk.free(this.#folder).catch(() => Number.POSITIVE_INFINITY)
    if (this.#timer === undefined) return
    if (free < MIN_FREE_BYTES) {
      this.#pauseMs = FIRST_MS
      this.begin()
      return
    }
    this.#timer = undefined
    this.#onEnd()
  }
}
