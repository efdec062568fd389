/** The table of error codes: every code in src/ with its class and meaning. Meanings are written by hand and kept. */
import type { SourceFile } from '../../test/support/sources.ts'

export interface ErrorRow {
  readonly code: string
  readonly className: string
  readonly meaning: string
}

/** Path from the repository's root. */
export const ERRORS_PAGE = 'docs/reference/errors.md'

const THROWN = /new (\w+Error)\(\s*'(ERR_[A-Z0-9_]+)',\s*(?:'((?:\\.|[^'\\])*)'|`((?:\\.|[^`\\])*)`)?/g

/** Codes that occur as literals, with what their first `new …Error(…)` says. */
export function findCodes(sources: readonly SourceFile[]): ReadonlyMap<string, ErrorRow> {
  const rows = new Map<string, ErrorRow>()
  for (const { text } of sources) {
    for (const [, className = '', code = '', plain, template] of text.matchAll(THROWN)) {
      const meaning = plain ?? template?.replaceAll(/\$\{[^}]*\}/g, '…') ?? spokenCode(code)
      if (!rows.has(code))
        rows.set(code, { code, className, meaning: meaning.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|') })
    }
  }
  for (const { text } of sources) {
    const className = /\b(FormatError|PeerError|ConfigError|UnavailableError)\b/.exec(text)?.[1] ?? 'HeadendError'
    for (const [, code = ''] of text.matchAll(/'(ERR_[A-Z0-9_]+)'/g)) {
      if (!rows.has(code)) rows.set(code, { code, className, meaning: spokenCode(code) })
    }
  }
  return rows
}

/** Rows of the page. */
export function readErrorsPage(page: string): readonly ErrorRow[] {
  const rows = page.matchAll(/^\| `(ERR_[A-Z0-9_]+)` \| (\w+) \| (.*) \|$/gm)
  return [...rows].map(([, code = '', className = '', meaning = '']) => ({ code, className, meaning }))
}

/** The page with known meanings kept, new codes added and vanished ones removed. */
export function writeErrorsPage(page: string, codes: ReadonlyMap<string, ErrorRow>): string {
  const known = new Map(readErrorsPage(page).map((row) => [row.code, row]))
  const rows = [...codes.values()]
    .sort((a, b) => (a.code < b.code ? -1 : 1))
    .map((row) => `| \`${row.code}\` | ${row.className} | ${known.get(row.code)?.meaning ?? row.meaning} |`)
  return `# Error codes

Every error of Headend carries one of these codes; they do not change once released. The class says whose fault it is: \`ConfigError\` the
operator's, \`FormatError\` the bytes', \`PeerError\` the remote peer's, \`UnavailableError\` nobody's: what was asked for is not there.

| code | class | meaning |
|---|---|---|
${rows.join('\n')}
`
}

function spokenCode(code: string): string {
  return code.slice('ERR_'.length).toLowerCase().replaceAll('_', ' ')
}
