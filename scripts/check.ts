/** The whole gate, as CI runs it: lint, types, generated docs, architecture and every test. */
import { join } from 'node:path'
import { root, run } from './command.ts'

const STEPS: readonly (readonly [name: string, ...args: string[]])[] = [
  ['lint', 'scripts/lint.ts'],
  ['types', 'scripts/types.ts'],
  ['docs', 'scripts/docs.ts', '--check'],
  ['build', 'scripts/build.ts'],
  ['test', 'scripts/test.ts'],
]

const results: string[] = []
let failed = false
for (const [name, ...args] of STEPS) {
  console.log(`\n== ${name}`)
  const start = performance.now()
  const [script = '', ...rest] = args
  const code = await run(process.execPath, [join(root, script), ...rest])
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  results.push(`${code === 0 ? 'ok    ' : 'FAILED'} ${name.padEnd(8)} ${seconds.padStart(7)} s`)
  if (code !== 0) failed = true
}
console.log(`\n${results.join('\n')}\ncheck: ${failed ? 'failed' : 'ok'}`)
process.exitCode = failed ? 1 : 0
