/** Coverage-guided fuzzing of one target in a thread of its own, with a watchdog for hangs. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { glob } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { FuzzTarget } from '../../../src/fuzz-target.ts'
import { repository } from '../sources.ts'
import { type Finding, type Job, type Report, SHARED_HEADER } from './job.ts'
import { MAX_INPUT_LENGTH } from './mutate.ts'

export interface FoundTarget {
  readonly name: string
  /** URL of its fuzz.ts. */
  readonly module: string
}

export interface FuzzOptions {
  readonly seed: number
  /** Inputs to run; 0 replays only what is kept. Default: no limit. */
  readonly iterations?: number
  /** Milliseconds. Default: no limit. */
  readonly timeMs?: number
  /** Inputs besides seeds and kept ones. */
  readonly corpus?: readonly Uint8Array[]
  readonly onProgress?: (runs: number, coverage: number) => void
}

export interface FuzzResult {
  readonly runs: number
  readonly seconds: number
  readonly coverage: number
  readonly findings: readonly Finding[]
  /** Inputs that reached new code. */
  readonly corpus: readonly Uint8Array[]
}

/** An input that takes longer is a hang, milliseconds. */
const MAX_INPUT_MS = 1000
/** A suspected hang is run again alone with this limit, because the machine may just have been busy. */
const CONFIRM_MS = 5000
const POLL_MS = 100
const MAX_FINDINGS = 20
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 768 }

/** Every target of every `fuzz.ts` below src/. */
export async function findTargets(): Promise<readonly FoundTarget[]> {
  const targets: FoundTarget[] = []
  for await (const path of glob('src/**/fuzz.ts', { cwd: repository })) {
    const module = pathToFileURL(join(repository, path)).href
    const { fuzzTargets } = (await import(module)) as { fuzzTargets: readonly FuzzTarget[] }
    for (const { name } of fuzzTargets) targets.push({ name, module })
  }
  return targets.sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Folder of the inputs that once broke a target. */
export function keptFolder(target: FoundTarget): string {
  return join(dirname(fileURLToPath(target.module)), 'testdata/fuzz', target.name)
}

/** Inputs that once broke a target. */
export function readKept(target: FoundTarget): readonly Uint8Array[] {
  return readInputs(keptFolder(target))
}

export function readInputs(folder: string): readonly Uint8Array[] {
  if (!existsSync(folder)) return []
  const names = readdirSync(folder).filter((name) => name.endsWith('.bin'))
  return names.sort().map((name) => new Uint8Array(readFileSync(join(folder, name))))
}

/** Writes an input under a name made from its bytes; returns the path. */
export function saveInput(folder: string, input: Uint8Array): string {
  mkdirSync(folder, { recursive: true })
  const path = join(folder, `${createHash('sha256').update(input).digest('hex').slice(0, 16)}.bin`)
  writeFileSync(path, input)
  return path
}

/** Fuzzes until a limit of `options` is reached. After a hang the thread is replaced and goes on. */
export async function fuzz(target: FoundTarget, options: FuzzOptions): Promise<FuzzResult> {
  const begin = performance.now()
  const { iterations = Number.MAX_SAFE_INTEGER, timeMs = Number.MAX_SAFE_INTEGER } = options
  const bad = new Set<string>()
  const key = (input: Uint8Array) => Buffer.from(input).toString('latin1')
  const findings: Finding[] = []
  const corpus: Uint8Array[] = []
  let runs = 0
  let coverage = 0
  for (let round = 0; findings.length < MAX_FINDINGS; round++) {
    const inputs = [...readKept(target), ...(options.corpus ?? []), ...corpus].filter((input) => !bad.has(key(input)))
    const outcome = await runThread(
      target,
      {
        seed: options.seed + round,
        iterations: Math.max(0, iterations - runs),
        timeMs: Math.max(0, timeMs - (performance.now() - begin)),
        corpus: inputs,
      },
      MAX_INPUT_MS,
      (report) => {
        if (report.type === 'finding') findings.push(report.finding)
        if (report.type === 'kept') corpus.push(report.input)
        if (report.type === 'progress') options.onProgress?.(runs + report.runs, report.coverage)
      },
    )
    runs += outcome.runs
    coverage = Math.max(coverage, outcome.coverage)
    if (outcome.broken === undefined) break
    bad.add(key(outcome.broken.input))
    if (outcome.broken.kind !== 'hang' || (await confirmHang(target, outcome.broken.input))) {
      findings.push(outcome.broken)
      // Seeds are the target's own and would hang again at once.
      if (round > 0 && outcome.runs < 2) break
    }
  }
  return { runs, seconds: (performance.now() - begin) / 1000, coverage, findings, corpus }
}

interface ThreadOutcome {
  readonly runs: number
  readonly coverage: number
  /** Why the thread had to be ended. */
  readonly broken?: Finding
}

function runThread(
  target: FoundTarget,
  job: Pick<Job, 'seed' | 'iterations' | 'timeMs' | 'corpus'>,
  limitMs: number,
  onReport: (report: Report) => void,
): Promise<ThreadOutcome> {
  const shared = new SharedArrayBuffer(SHARED_HEADER + MAX_INPUT_LENGTH)
  const counters = new Int32Array(shared, 0, 3)
  const workerData: Job = { ...job, module: target.module, target: target.name, shared }
  const worker = new Worker(new URL('worker.ts', import.meta.url), { workerData, resourceLimits: RESOURCE_LIMITS })
  const currentInput = () => new Uint8Array(shared, SHARED_HEADER, Atomics.load(counters, 2)).slice()

  return new Promise((resolve, reject) => {
    let seen = -1
    let since = performance.now()
    let settled = false
    let coverage = 0
    const settle = (outcome: Partial<ThreadOutcome>) => {
      if (settled) return
      settled = true
      clearInterval(watchdog)
      const runs = Atomics.load(counters, 0)
      worker.terminate().then(() => resolve({ runs, coverage, ...outcome }), reject)
    }
    const watchdog = setInterval(() => {
      const begun = Atomics.load(counters, 0)
      const busy = begun !== Atomics.load(counters, 1)
      if (!busy || begun !== seen) {
        seen = begun
        since = performance.now()
      } else if (performance.now() - since > limitMs) {
        settle({ broken: { kind: 'hang', input: currentInput(), reason: `ran longer than ${limitMs} ms` } })
      }
    }, POLL_MS)
    worker.on('message', (report: Report) => {
      onReport(report)
      if (report.type === 'progress' || report.type === 'done') coverage = report.coverage
      if (report.type === 'done') settle({})
    })
    worker.on('error', (error: Error & { code?: string }) => {
      if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') {
        settle({ broken: { kind: 'memory', input: currentInput(), reason: error.message } })
      } else {
        settled = true
        clearInterval(watchdog)
        reject(error)
      }
    })
  })
}

async function confirmHang(target: FoundTarget, input: Uint8Array): Promise<boolean> {
  const job = { seed: 0, iterations: 0, timeMs: CONFIRM_MS, corpus: [input] }
  const outcome = await runThread(target, job, CONFIRM_MS, () => {})
  return outcome.broken !== undefined
}
