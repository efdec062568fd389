/** Checks types: everything for Node, then media formats without Node or DOM, then the web pages. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { installed, root, run } from './command.ts'

const PROJECTS = ['.', 'src/media', 'web', 'test/browser']

let failed = false
for (const project of PROJECTS) {
  if (!existsSync(join(root, project, 'tsconfig.json'))) continue
  const code = await run(installed('tsc'), ['-p', project])
  console.log(`types: ${project} ${code === 0 ? 'ok' : 'failed'}`)
  if (code !== 0) failed = true
}
process.exitCode = failed ? 1 : 0
