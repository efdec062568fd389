/**
 * Runs the tests: `test.ts [unit|hostile|interop|browser|soak|load …] [--test-name-pattern REGEX] [--minutes N] [PATH-PART …]`. Without arguments,
 * all but `load`. A path part keeps the files whose path contains it; `--minutes` is how long the soak takes.
 */
import { glob } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { run } from 'node:test'
import { parseArgs } from 'node:util'
import { root } from './command.ts'
import { installTools } from './install-tools.ts'
import { TestReport } from './test-report.ts'

interface Group {
  readonly patterns: readonly string[]
  /** Test files at the same time: servers, encoders and browsers need both cores of a small machine. */
  readonly concurrency: number
  /** For one test, milliseconds. */
  readonly timeout: number
  /** Uses programs from outside. */
  readonly tools: boolean
}

const GROUPS: Readonly<Record<string, Group>> = {
  unit: {
    patterns: [
      'src/**/*.test.ts',
      'test/*.test.ts',
      'test/support/**/*.test.ts',
      'web/**/*.test.ts',
      'bench/**/*.test.ts',
    ],
    concurrency: 2,
    timeout: 60_000,
    tools: false,
  },
  hostile: { patterns: ['test/hostile/**/*.test.ts'], concurrency: 1, timeout: 120_000, tools: false },
  interop: { patterns: ['test/interop/**/*.test.ts'], concurrency: 1, timeout: 120_000, tools: true },
  browser: { patterns: ['test/browser/**/*.test.ts'], concurrency: 1, timeout: 120_000, tools: true },
  soak: { patterns: ['test/soak/**/*.test.ts'], concurrency: 1, timeout: 300_000, tools: true },
  // Needs both cores for itself to mean anything, so it runs only when asked for.
  load: { patterns: ['test/load/**/*.test.ts'], concurrency: 1, timeout: 120_000, tools: false },
}
/** A test file whose tests are over, or that never starts one, and does not exit: something was left open. Milliseconds. */
const SILENCE = 60_000

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'test-name-pattern': { type: 'string', multiple: true }, minutes: { type: 'string' } },
})
const minutes = Number(values.minutes ?? process.env['SOAK_MINUTES'] ?? 1)
if (!(minutes > 0)) {
  console.error(`test: --minutes: expected a number above 0, found ${values.minutes}`)
  process.exit(2)
}
// Read by the soak, in a process of its own.
process.env['SOAK_MINUTES'] = String(minutes)
const chosen = positionals.filter((name) => name in GROUPS)
const parts = positionals.filter((name) => !(name in GROUPS))
const names = chosen.length === 0 ? Object.keys(GROUPS).filter((name) => name !== 'load') : chosen
const report = new TestReport(root)

if (names.some((name) => GROUPS[name]?.tools)) await installTools()
for (const name of names) {
  const group = GROUPS[name]
  if (group !== undefined) await runGroup(name, group)
}
report.finish()
if (report.total === 0) console.error('test: no test ran, which is an error')
process.exitCode = report.failed > 0 || report.total === 0 ? 1 : 0
// Programs that a killed test left behind belong to its process group and were ended with it; nothing else may hold this process.
process.exit()

async function runGroup(name: string, group: Group): Promise<void> {
  const files = await findFiles(group)
  if (files.length === 0) return
  console.log(`\n${name}: ${files.length} files`)
  const abort = new AbortController()
  const stream = run({
    files,
    cwd: root,
    concurrency: group.concurrency,
    timeout: timeoutOf(name, group),
    isolation: 'process',
    signal: abort.signal,
    ...(values['test-name-pattern'] === undefined ? {} : { testNamePatterns: values['test-name-pattern'] }),
  })
  const expire = () => {
    report.hang(files)
    abort.abort()
  }
  let watchdog = setTimeout(expire, timeoutOf(name, group) + SILENCE)
  for await (const event of stream) {
    clearTimeout(watchdog)
    watchdog = setTimeout(expire, timeoutOf(name, group) + SILENCE)
    report.take(event)
  }
  clearTimeout(watchdog)
}

/** A soak takes as long as it was told to, and then some. */
function timeoutOf(name: string, { timeout }: Group): number {
  return name === 'soak' ? timeout + minutes * 60_000 : timeout
}

async function findFiles(group: Group): Promise<string[]> {
  const files: string[] = []
  for (const pattern of group.patterns) {
    for await (const file of glob(pattern, { cwd: root, exclude: ['**/node_modules/**'] })) files.push(join(root, file))
  }
  return files.filter((file) => parts.every((part) => relative(root, file).includes(part))).sort()
}
