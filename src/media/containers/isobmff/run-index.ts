/** Finds the run of a sample in a table of runs by bisection (`stts`, `ctts`, `stsc`: ISO/IEC 14496-12 section 8.6.1 and 8.7.4). */

/** Runs between two sums that are kept: a search ends with as many steps, and a table takes a sixteenth of its bytes more. */
const STRIDE = 64

/** A table of runs: how many samples each has, and how much it adds to a second measure (ticks). */
export interface Runs {
  readonly count: number
  samplesOf(run: number): number
  ticksOf(run: number): number
}

/** A run, and what stands before it. */
export interface RunPlace {
  readonly run: number
  /** Of the runs before. */
  readonly samples: number
  readonly ticks: number
}

/** Sums over runs, kept for every 64th. */
export class RunIndex {
  /** Of all runs together. */
  readonly samples: number
  readonly ticks: number
  readonly #runs: Runs
  readonly #sampleSums: Float64Array
  readonly #tickSums: Float64Array

  constructor(runs: Runs) {
    const kept = Math.ceil(runs.count / STRIDE)
    this.#runs = runs
    this.#sampleSums = new Float64Array(kept)
    this.#tickSums = new Float64Array(kept)
    let samples = 0
    let ticks = 0
    for (let run = 0; run < runs.count; run++) {
      if (run % STRIDE === 0) {
        this.#sampleSums[run / STRIDE] = samples
        this.#tickSums[run / STRIDE] = ticks
      }
      samples += runs.samplesOf(run)
      ticks += runs.ticksOf(run)
    }
    this.samples = samples
    this.ticks = ticks
  }

  /** The run that has sample `index`; `undefined` behind the last one. */
  ofSample(index: number): RunPlace | undefined {
    return this.#find(this.#sampleSums, (samples) => samples > index)
  }

  /** The run during which `ticks` pass; `undefined` behind the last one. */
  ofTicks(target: number): RunPlace | undefined {
    return this.#find(this.#tickSums, (_, ticks) => ticks > target)
  }

  /** The first run at whose end `isPast` holds, which must hold for all behind it. */
  #find(sums: Float64Array, isPast: (samples: number, ticks: number) => boolean): RunPlace | undefined {
    let low = 0
    let high = sums.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (isPast(this.#sampleSums[middle] as number, this.#tickSums[middle] as number)) high = middle
      else low = middle + 1
    }
    const kept = Math.max(0, low - 1)
    let samples = this.#sampleSums[kept] ?? 0
    let ticks = this.#tickSums[kept] ?? 0
    for (let run = kept * STRIDE; run < this.#runs.count; run++) {
      const samplesAfter = samples + this.#runs.samplesOf(run)
      const ticksAfter = ticks + this.#runs.ticksOf(run)
      if (isPast(samplesAfter, ticksAfter)) return { run, samples, ticks }
      samples = samplesAfter
      ticks = ticksAfter
    }
    return undefined
  }
}
