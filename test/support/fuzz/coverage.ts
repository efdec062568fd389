/** Which code ran, and about how often, from V8's own counters. */
import { type Profiler, Session } from 'node:inspector'

/** Per source character, one bit for each order of magnitude of run counts seen there. */
export class CoverageMap {
  readonly #seen = new Map<string, Uint8Array>()
  /** Source characters times orders of magnitude covered. */
  size = 0

  /** Adds what ran; true when something is new. */
  add(scripts: readonly Profiler.ScriptCoverage[]): boolean {
    const before = this.size
    for (const script of scripts) {
      for (const { ranges } of script.functions) this.#addFunction(script.url, ranges)
    }
    return this.size > before
  }

  #addFunction(url: string, ranges: readonly Profiler.CoverageRange[]): void {
    const whole = ranges[0]
    if (whole === undefined || whole.count === 0) return
    const { startOffset, endOffset } = whole
    let seen = this.#seen.get(url)
    if (seen === undefined || seen.length < endOffset) {
      const larger = new Uint8Array(endOffset)
      if (seen !== undefined) larger.set(seen)
      seen = larger
      this.#seen.set(url, seen)
    }
    // Inner ranges follow outer ones and override them: only what differs from its surroundings is listed.
    const bits = new Uint8Array(endOffset - startOffset)
    for (const range of ranges)
      bits.fill(magnitude(range.count), range.startOffset - startOffset, range.endOffset - startOffset)
    for (let i = 0; i < bits.length; i++) {
      const bit = bits[i] as number
      const at = startOffset + i
      if (((seen[at] as number) & bit) !== bit) {
        seen[at] = (seen[at] as number) | bit
        this.size++
      }
    }
  }
}

/** Counts in this thread from construction on: modules imported before it count less precisely. */
export class CoverageProbe {
  readonly #session = new Session()
  readonly #wanted: (url: string) => boolean

  constructor(wanted: (url: string) => boolean) {
    this.#wanted = wanted
    this.#session.connect()
    this.#session.post('Profiler.enable')
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  }

  /** What ran since the last call. */
  take(): readonly Profiler.ScriptCoverage[] {
    let scripts: readonly Profiler.ScriptCoverage[] = []
    // In one thread the answer comes before `post` returns.
    this.#session.post('Profiler.takePreciseCoverage', (error, answer) => {
      if (error === null) scripts = answer.result.filter((script) => this.#wanted(script.url))
    })
    return scripts
  }
}

function magnitude(count: number): number {
  if (count === 0) return 0
  if (count === 1) return 1
  if (count < 4) return 2
  if (count < 8) return 4
  if (count < 32) return 8
  if (count < 256) return 16
  return 32
}
