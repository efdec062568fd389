/** Fuzzes every parser for a while: `fuzz.ts [--seconds N] [--target PART-OF-NAME] [--seed S]`. Findings are kept beside the target. */
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { findTargets, fuzz, keptFolder, readInputs, saveInput } from '../test/support/fuzz/fuzz.ts'
import { root } from './command.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    target: { type: 'string', default: '' },
    seed: { type: 'string' },
  },
})
const seed = Number(values.seed ?? Date.now() % 2 ** 32)
const targets = (await findTargets()).filter((target) => target.name.includes(values.target))
const timeMs = (Number(values.seconds) * 1000) / Math.max(1, targets.length)
if (targets.length === 0 || !(timeMs > 0)) {
  console.error('fuzz: no such target, or --seconds is not a number above 0')
  process.exit(2)
}
console.error(`fuzz: ${targets.length} targets, ${(timeMs / 1000).toFixed(1)} s each, seed ${seed}`)

const table: Record<string, string | number>[] = []
let found = 0
for (const target of targets) {
  const explored = join(root, 'test/.cache/fuzz', target.name)
  const result = await fuzz(target, {
    seed,
    timeMs,
    corpus: readInputs(explored),
    onProgress: (runs, coverage) => {
      if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${target.name}: ${runs} runs, coverage ${coverage}`)
    },
  })
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K')
  for (const input of result.corpus) saveInput(explored, input)
  for (const { kind, input, reason } of result.findings) {
    const path = saveInput(keptFolder(target), input)
    console.log(`${target.name}: ${kind}: ${reason.split('\n').slice(0, 3).join(' ')}\n  ${relative(root, path)}`)
  }
  found += result.findings.length
  table.push({
    target: target.name,
    runs: result.runs,
    'runs/s': Math.round(result.runs / result.seconds),
    coverage: result.coverage,
    new: result.corpus.length,
    findings: result.findings.length,
  })
}
console.table(table)
console.log(`fuzz: ${found} findings`)
process.exit(found > 0 ? 1 : 0)
