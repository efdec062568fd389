/** The thread in which one target runs: mutates, runs, watches coverage and memory. A hang is seen from outside. */
import { createHash } from 'node:crypto'
import { getHeapStatistics } from 'node:v8'
import { parentPort, workerData } from 'node:worker_threads'
import type { AsyncFuzzTarget, FuzzTarget } from '../../../src/fuzz-target.ts'
import { CoverageMap, CoverageProbe } from './coverage.ts'
import type { Finding, Job, Report } from './job.ts'
import { SHARED_HEADER } from './job.ts'
import { MAX_INPUT_LENGTH, makeDictionary, mutate } from './mutate.ts'
import { Random } from './random.ts'

/** One input may take this much memory, bytes; that of a small input blown up. */
const MAX_MEMORY = 64 * 1024 * 1024
/** Coverage is read once for this many inputs, because reading costs more than running one. */
const BATCH = 32
/** Tries to make a finding smaller. */
const MAX_MINIMISE_RUNS = 400
const MAX_CORPUS = 2000
const PROGRESS_MS = 1000

const job = workerData as Job
const source = new URL('../../../src/', import.meta.url).href
const probe = new CoverageProbe((url) => url.startsWith(source) || url === job.module)
const { HeadendError } = await import('../../../src/errors.ts')
const { fuzzTargets } = (await import(job.module)) as {
  fuzzTargets: readonly (FuzzTarget | AsyncFuzzTarget)[]
}
const target = fuzzTargets.find((candidate) => candidate.name === job.target)
if (target === undefined) throw new Error(`no target ${job.target} in ${job.module}`)

const counters = new Int32Array(job.shared, 0, 3)
const current = new Uint8Array(job.shared, SHARED_HEADER)
const random = new Random(job.seed)
const each = new CoverageMap()
const batches = new CoverageMap()
const known = new Set<string>()
let runs = 0

const seeds = target.seeds().map((seed) => seed.slice())
const corpus: Uint8Array[] = []
probe.take()
for (const input of [new Uint8Array(0), ...seeds, ...job.corpus]) {
  await check(input)
  each.add(probe.take())
  corpus.push(input)
}

const pool = { corpus, dictionary: makeDictionary([...seeds, ...job.corpus.slice(0, 20)]) }
const started = performance.now()
let lastProgress = started
let left = job.iterations
while (left > 0 && performance.now() - started < job.timeMs) {
  const mutants = Array.from({ length: Math.min(BATCH, left) }, () => {
    // Mostly one of the newest, which reached what others have not.
    const base = random.pick(corpus.slice(random.pick([-1, -4, -16, 0])))
    return mutate(base, random, pool)
  })
  left -= mutants.length
  for (const mutant of mutants) await check(mutant)
  if (batches.add(probe.take())) for (const mutant of mutants) await keepIfNew(mutant)
  if (performance.now() - lastProgress > PROGRESS_MS) {
    lastProgress = performance.now()
    send({ type: 'progress', runs, coverage: each.size })
  }
}
send({ type: 'done', runs, coverage: each.size })

async function keepIfNew(input: Uint8Array): Promise<void> {
  if ((await run(input)) !== undefined || !each.add(probe.take()) || corpus.length >= MAX_CORPUS) return
  corpus.push(input)
  send({ type: 'kept', input })
}

/** Runs one input and reports what is wrong, once for each place in the code. */
async function check(input: Uint8Array): Promise<void> {
  const finding = await run(input)
  if (finding === undefined) return
  const place = placeOf(finding)
  if (known.has(place)) return
  known.add(place)
  send({ type: 'finding', finding: finding.kind === 'crash' ? await minimise(finding, place) : finding })
}

async function run(input: Uint8Array): Promise<Finding | undefined> {
  runs++
  Atomics.add(counters, 0, 1)
  current.set(input.subarray(0, MAX_INPUT_LENGTH))
  Atomics.store(counters, 2, Math.min(input.byteLength, MAX_INPUT_LENGTH))
  // The target may keep or change its input; ours stays whole for the report.
  const copy = input.slice()
  const before = memory()
  try {
    // Awaited only where there is something to wait for: most targets are synchronous, and this is the inner loop.
    const running = target?.run(copy)
    if (running !== undefined) await running
  } catch (error) {
    if (!(error instanceof HeadendError)) {
      const reason = error instanceof Error ? (error.stack ?? error.message) : `threw ${String(error)}`
      return { kind: 'crash', input, reason }
    }
  } finally {
    Atomics.add(counters, 1, 1)
  }
  const grown = memory() - before
  return grown > MAX_MEMORY ? { kind: 'memory', input, reason: `took ${Math.round(grown / 1e6)} MB` } : undefined
}

function memory(): number {
  const { used_heap_size: heap, external_memory: external } = getHeapStatistics()
  return heap + external
}

async function minimise(finding: Finding, place: string): Promise<Finding> {
  let best = finding
  let tries = 0
  for (let part = best.input.byteLength >> 1; part >= 1; part >>= 1) {
    for (let at = 0; at < best.input.byteLength && tries < MAX_MINIMISE_RUNS; ) {
      tries++
      const shorter = Uint8Array.from([...best.input.subarray(0, at), ...best.input.subarray(at + part)])
      const again = await run(shorter)
      if (again !== undefined && placeOf(again) === place) best = again
      else at += part
    }
  }
  return best
}

/** Findings with the same exception from the same line are one. */
function placeOf(finding: Finding): string {
  if (finding.kind !== 'crash') return finding.kind
  const lines = finding.reason.split('\n')
  const frame = lines.find((line) => line.includes('file://')) ?? ''
  return createHash('sha1')
    .update(`${lines[0]?.split(':')[0]} ${frame}`)
    .digest('hex')
}

function send(report: Report): void {
  parentPort?.postMessage(report)
}
