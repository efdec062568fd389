/** The source tree as data: files, their text and what they import. For tests about the code itself. */
import { readFileSync } from 'node:fs'
import { glob } from 'node:fs/promises'
import { dirname, join, normalize } from 'node:path'

/** Absolute path of the repository. */
export const repository = join(import.meta.dirname, '../..')

export interface Import {
  /** A path from the repository's root for relative imports, else the name as written: `node:net`, `zod`. */
  readonly target: string
  /** Erased when the code runs. */
  readonly typeOnly: boolean
}

export interface SourceFile {
  /** Path from the repository's root. */
  readonly path: string
  readonly text: string
  readonly imports: readonly Import[]
}

const STATEMENT = /^(?:import|export)\s+(type\s+)?(?:[^'"`;]*?\sfrom\s+)?'([^'\n]+)'/gm
const DYNAMIC = /\bimport\(\s*'([^'\n]+)'/g

/** Files that match any of the patterns (relative to the repository), in order of their path. */
export async function readSources(...patterns: string[]): Promise<readonly SourceFile[]> {
  const paths = new Set<string>()
  for (const pattern of patterns) {
    for await (const path of glob(pattern, { cwd: repository, exclude: ['**/node_modules/**'] })) paths.add(path)
  }
  return [...paths].sort().map((path) => {
    const text = readFileSync(join(repository, path), 'utf8')
    return { path, text, imports: importsOf(path, text) }
  })
}

/** Source text without comments; string contents stay. */
export function withoutComments(text: string): string {
  // Strings and regular expressions come first, so that what looks like a comment inside them stays.
  const token = /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g
  return text.replace(token, (match) => (match.startsWith('/*') || match.startsWith('//') ? '' : match))
}

export function isTest(path: string): boolean {
  return /\.(test|suite)\.ts$/.test(path)
}

function importsOf(path: string, text: string): Import[] {
  const resolve = (specifier: string) =>
    specifier.startsWith('.') ? normalize(join(dirname(path), specifier)) : specifier
  const imports: Import[] = []
  for (const match of text.matchAll(STATEMENT)) {
    imports.push({ target: resolve(match[2] ?? ''), typeOnly: match[1] !== undefined })
  }
  for (const match of text.matchAll(DYNAMIC)) imports.push({ target: resolve(match[1] ?? ''), typeOnly: false })
  return imports
}
