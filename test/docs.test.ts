/** Keeps documentation and code together: links, options, error codes, doc comments and commands. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { glob } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { ERRORS_PAGE, findCodes, readErrorsPage } from '../scripts/reference/errors.ts'
import { publicNames } from '../scripts/reference/public-api.ts'
import { describeOptions } from '../src/index.ts'
import { isTest, readSources, repository } from './support/sources.ts'

const read = (path: string) => readFileSync(join(repository, path), 'utf8')

const pages: string[] = []
for await (const path of glob('**/*.md', {
  cwd: repository,
  exclude: ['**/node_modules/**', 'dist/**', 'data/**', 'test/.cache/**'],
})) {
  pages.push(path)
}

describe('documentation', () => {
  it('has links that lead somewhere', () => {
    const dead = pages.flatMap((page) =>
      [
        ...read(page)
          .replaceAll(/```[\s\S]*?```/g, '')
          .matchAll(/\]\(([^)\s]+)\)/g),
      ]
        .map(([, target = '']) => target)
        .filter((target) => !/^([a-z]+:|#)/.test(target))
        .filter((target) => !existsSync(join(repository, dirname(page), target.replace(/#.*$/, ''))))
        .map((target) => `${page}: ${target}`),
    )

    assert.deepEqual(dead, [])
  })

  it('lists every error code, and no other', async () => {
    const sources = (await readSources('src/**/*.ts')).filter((file) => !isTest(file.path))
    const inCode = [...findCodes(sources).keys()].sort()
    const onPage = readErrorsPage(read(ERRORS_PAGE))
      .map((row) => row.code)
      .sort()

    assert.deepEqual(onPage, inCode)
  })

  it('describes every option', () => {
    const page = read('docs/reference/configuration.md')
    const options = describeOptions().flatMap((option) => [option, ...(option.entries ?? [])])

    assert.deepEqual(
      options.filter((option) => option.description.length < 5).map((option) => option.name),
      [],
    )
    assert.deepEqual(
      options.filter((option) => !page.includes(`| \`${option.name}\` |`)).map((option) => option.name),
      [],
    )
  })

  it('has a doc comment at every public name', () => {
    const bare = publicNames(read('src/index.ts')).filter(({ name, module }) => {
      const declaration = new RegExp(
        `(\\*/\\n)?export (?:declare )?(?:abstract )?(?:async )?(?:class|interface|type|const|function) ${name}\\b`,
      )
      const found = declaration.exec(read(join('src', module)))
      return found !== null && found[1] === undefined
    })

    assert.deepEqual(
      bare.map(({ name, module }) => `${module}: ${name}`),
      [],
    )
  })

  it('names commands that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    const named = pages.flatMap((page) =>
      [...read(page).matchAll(/npm (?:run ([a-z:-]+)|(start|test))\b/g)].map((match) => match[1] ?? match[2] ?? ''),
    )

    assert.deepEqual(
      [...new Set(named)].filter((name) => scripts[name] === undefined),
      [],
    )
  })

  it('gives a reason for every dependency, and for no other', () => {
    const { dependencies, optionalDependencies, devDependencies } = JSON.parse(read('package.json')) as Record<
      string,
      object
    >
    const used = Object.keys({ ...dependencies, ...optionalDependencies, ...devDependencies })
    const rows = [...read('docs/dependencies.md').matchAll(/^\| ([^|]+) \|/gm)].map(([, cell = '']) => cell)
    const named = rows.flatMap((cell) => cell.split(', ')).filter((name) => /^[@a-z]/.test(name) && name !== 'package')

    assert.deepEqual(named.toSorted(), used.toSorted())
  })
})
