/** Writes the generated pages: error codes, configuration, public API and the README's support matrix. `--check` only compares. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describeOptions } from '../src/index.ts'
import { modules } from '../src/server/modules.ts'
import { isTest, readSources } from '../test/support/sources.ts'
import { root } from './command.ts'
import { writeConfigurationPage } from './reference/configuration.ts'
import { ERRORS_PAGE, findCodes, writeErrorsPage } from './reference/errors.ts'
import { writePublicApiPage } from './reference/public-api.ts'
import { writeSupportMatrix } from './reference/support-matrix.ts'

const checkOnly = process.argv.includes('--check')
const sources = (await readSources('src/**/*.ts')).filter((file) => !isTest(file.path))
mkdirSync(join(root, 'docs/reference'), { recursive: true })

const pages: readonly (readonly [path: string, text: string | undefined])[] = [
  [ERRORS_PAGE, writeErrorsPage(read(ERRORS_PAGE), findCodes(sources))],
  ['docs/reference/configuration.md', writeConfigurationPage(describeOptions())],
  ['docs/reference/public-api.md', await writePublicApiPage()],
  [
    'README.md',
    writeSupportMatrix(
      read('README.md'),
      modules.map((module) => module.name),
    ),
  ],
]

let failed = false
for (const [path, text] of pages) {
  const same = text === read(path)
  if (text === undefined || (checkOnly && !same)) {
    failed = true
    console.error(
      text === undefined ? `docs: ${path} could not be made` : `docs: ${path} is out of date; run npm run docs`,
    )
  } else if (!same) {
    writeFileSync(join(root, path), text)
    console.log(`docs: ${path} written`)
  }
}
console.log(`docs: ${failed ? 'failed' : 'ok'}`)
// The modules may hold timers; nothing is left to do.
process.exit(failed ? 1 : 0)

function read(path: string): string {
  return existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : ''
}
