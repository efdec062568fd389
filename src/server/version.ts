/** The version of this package, from package.json. */
import { readFileSync } from 'node:fs'

let known: string | undefined

/** Read at the first call; the folder is the same from the sources and from the built package. */
export function packageVersion(): string {
  if (known === undefined) {
    const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
    known = String((JSON.parse(text) as { version?: unknown }).version)
  }
  return known
}
