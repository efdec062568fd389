/** Every item of the Windows Media checklists is either a test that names it, or on the page of what is not done. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { isTest, readSources, repository } from './support/sources.ts'

/** Items by family: server, player, proxy, pushing encoder, push server, logs, system, ASF. */
const FAMILIES: Readonly<Record<string, number>> = {
  SRV: 75,
  PLY: 38,
  PRX: 17,
  ENC: 19,
  PSH: 21,
  LOG: 20,
  SYS: 8,
  AS: 10,
}
const PAGE = 'docs/conformance-windows-media.md'

it('names every item of the checklists in a test or on the page', async () => {
  const items = Object.entries(FAMILIES).flatMap(([family, count]) =>
    Array.from({ length: count }, (_, index) => `${family}-${String(index + 1).padStart(2, '0')}`),
  )
  const tested = new Set<string>()
  for (const { path, text } of await readSources('src/**/*.ts', 'test/**/*.ts')) {
    if (!isTest(path) || path === 'test/conformance.test.ts') continue
    for (const [, plain, template] of text.matchAll(
      /\b(?:it|test|describe)\(\s*(?:'((?:\\.|[^'\\])*)'|`((?:\\.|[^`\\])*)`)/g,
    )) {
      for (const item of itemsOf(plain ?? template ?? '')) tested.add(item)
    }
  }
  const page = readFileSync(join(repository, PAGE), 'utf8').split('## Done in part')[0] ?? ''
  const left = new Set(
    [...page.matchAll(/^\| ([A-Z]{2,3}-\d\d(?:, [A-Z]{2,3}-\d\d)*) \|/gm)].flatMap(([, list = '']) => list.split(', ')),
  )

  assert.deepEqual(
    items.filter((item) => !tested.has(item) && !left.has(item)),
    [],
    `neither tested nor listed in ${PAGE}`,
  )
  assert.deepEqual(
    [...left].filter((item) => tested.has(item)),
    [],
    `listed in ${PAGE} as not done, and tested`,
  )
  assert.deepEqual(
    [...left].filter((item) => !items.includes(item)),
    [],
    'unknown items',
  )
})

/** `SRV-07`, `SRV-08, SRV-09` and `SRV-10 to SRV-12` in a title. */
function itemsOf(title: string): string[] {
  const items: string[] = []
  for (const [, family = '', first = '', last] of title.matchAll(
    /\b([A-Z]{2,3})-(\d\d)(?: (?:to|–|\.\.) \1-(\d\d))?/g,
  )) {
    for (let number = Number(first); number <= Number(last ?? first); number++) {
      items.push(`${family}-${String(number).padStart(2, '0')}`)
    }
  }
  return items
}
