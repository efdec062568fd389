/** A folder of the library for tests: made media under the names that a test wants. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, utimesSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'

const MADE = new Date('2020-02-02T02:02:02Z')

/** Copies files into a new folder, `{ name in the library: file }`; removed after the test. */
export function mediaFolder(t: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'headend-library-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, file] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    copyFileSync(file, join(folder, name))
    // Files that were changed just now are taken for ones that are being written.
    utimesSync(join(folder, name), MADE, MADE)
  }
  return folder
}
