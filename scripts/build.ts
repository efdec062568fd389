/** Builds dist/: JavaScript and declarations for the published package, and the non-code files that sources read. */
import { cp, glob, mkdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { installed, root, run } from './command.ts'

/** Files beside sources that are read at run time. */
const ASSETS = 'src/**/*.{json,sql,html,css,svg,yaml,bin}'

const dist = join(root, 'dist')
await rm(dist, { recursive: true, force: true })
const code = await run(installed('tsc'), ['-p', 'tsconfig.build.json'])
if (code === 0) {
  for await (const file of glob(ASSETS, { cwd: root, exclude: ['**/testdata/**', '**/tsconfig.json'] })) {
    const target = join(dist, file.slice('src/'.length))
    await mkdir(dirname(target), { recursive: true })
    await cp(join(root, file), target)
  }
}
console.log(`build: ${code === 0 ? 'ok' : 'failed'}`)
process.exitCode = code
