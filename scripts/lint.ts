/** Checks format, import order and lint rules; `--fix` repairs what can be repaired. Further arguments are paths. */
import { installed, run } from './command.ts'

const fix = process.argv.includes('--fix')
const paths = process.argv.slice(2).filter((argument) => argument !== '--fix')

const format = await run(installed('biome'), ['check', '--error-on-warnings', ...(fix ? ['--write'] : []), ...paths])
const lint = await run(installed('oxlint'), ['--type-aware', '--deny-warnings', ...(fix ? ['--fix'] : []), ...paths])
console.log(`lint: format ${format === 0 ? 'ok' : 'failed'}, rules ${lint === 0 ? 'ok' : 'failed'}`)
process.exitCode = format === 0 && lint === 0 ? 0 : 1
