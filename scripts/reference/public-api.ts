/** The page of the public API: each export of src/index.ts with its first sentence and its declaration. Its diff is reviewed. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { installed, root, run } from '../command.ts'

export interface PublicName {
  readonly name: string
  /** Module it is declared in, from src/. */
  readonly module: string
}

/** Names that src/index.ts exports, and where they come from. */
export function publicNames(index: string): readonly PublicName[] {
  const names: PublicName[] = []
  for (const [, list = '', module = ''] of index.matchAll(/^export (?:type )?\{([^}]*)\} from '([^']+)'/gm)) {
    for (const part of list.split(',')) {
      const name = part
        .trim()
        .replace(/^type /, '')
        .replace(/^.* as /, '')
      if (name !== '') names.push({ name, module: module.replace(/^\.\//, '') })
    }
  }
  return names
}

/** The page; `undefined` when the declarations could not be made. */
export async function writePublicApiPage(): Promise<string | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'headend-api-'))
  try {
    const code = await run(installed('tsc'), ['-p', 'tsconfig.build.json', '--emitDeclarationOnly', '--outDir', folder])
    if (code !== 0) return undefined
    const names = publicNames(readFileSync(join(root, 'src/index.ts'), 'utf8'))
    const entries = names.map(({ name, module }) => {
      const found = findDeclaration(join(folder, module.replace(/\.ts$/, '.d.ts')), name)
      if (found === undefined) throw new Error(`no declaration of ${name} in ${module}`)
      return { name, module, ...found }
    })
    entries.sort((a, b) => (a.name < b.name ? -1 : 1))
    const sections = entries.map(
      ({ name, module, sentence, declaration }) =>
        `## ${name}\n\n${sentence} (\`src/${module}\`)\n\n\`\`\`ts\n${declaration}\n\`\`\``,
    )
    return `# Public API\n\nWhat \`import … from 'headend'\` gives.\n\n${sections.join('\n\n')}\n`
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

interface Declaration {
  /** First sentence of the doc comment. */
  readonly sentence: string
  /** Without comments and private members. */
  readonly declaration: string
}

function findDeclaration(file: string, name: string): Declaration | undefined {
  if (!existsSync(file)) return undefined
  const text = readFileSync(file, 'utf8')
  const start = new RegExp(
    `^export (?:declare )?(?:abstract )?(?:class|interface|type|const|function) ${name}\\b`,
    'm',
  ).exec(text)
  if (start === null) {
    const from = new RegExp(`^export (?:type )?\\{[^}]*\\b${name}\\b[^}]*\\} from '([^']+)'`, 'm').exec(text)?.[1]
    return from === undefined
      ? undefined
      : findDeclaration(join(dirname(file), from.replace(/\.(js|ts)$/, '.d.ts')), name)
  }
  const before = text.slice(0, start.index).trimEnd()
  const comment = before.endsWith('*/') ? before.slice(before.lastIndexOf('/**')) : ''
  const words = comment
    .replaceAll(/^\/\*\*|\*\/$|^\s*\* ?/gm, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim()
  return { sentence: /^.*?[.:](?= |$)/.exec(words)?.[0] ?? words, declaration: statementAt(text, start.index) }
}

/** From `start` to the end of the statement: the closing brace, or the semicolon outside of all braces. */
function statementAt(text: string, start: number): string {
  const code = text
    .slice(start)
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .replaceAll(/^\s*#private;\n/gm, '')
  let depth = 0
  for (let i = 0; i < code.length; i++) {
    const char = code[i]
    if (char === '{' || char === '(' || char === '[') depth++
    if (char === '}' || char === ')' || char === ']') depth--
    const closesBody = char === '}' && depth === 0 && /^export (declare )?(abstract )?(class|interface)/.test(code)
    if (closesBody || (char === ';' && depth === 0)) return code.slice(0, i + 1).replaceAll(/\n\s*\n/g, '\n')
  }
  return code
}
