/** Each file of testdata/ holds an MPD model as JSON, a line of dashes, and the text it must give and come from. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { formatMpd } from './format.ts'
import type { Mpd } from './model.ts'
import { parseMpd } from './parse.ts'

const folder = new URL('./testdata/', import.meta.url)

for (const file of readdirSync(folder).filter((name) => name.endsWith('.txt'))) {
  const [json = '', text = ''] = readFileSync(new URL(file, folder), 'utf8').split('\n---\n')
  const model = JSON.parse(json) as Mpd

  test(`${file}: the model is written as the text`, () => {
    assert.equal(formatMpd(model), text)
  })

  test(`${file}: the text is read as the model`, () => {
    assert.deepEqual(parseMpd(text), model)
  })

  test(`${file}: comments, unknown elements and prefixes of the same namespace change nothing`, () => {
    const foreign = text
      .replaceAll('<Period', '<!-- > --><ext:Unknown xmlns:ext="urn:x" a="1"><ext:Deep/></ext:Unknown><Period')
      .replaceAll('"urn:mpeg:dash:role:2011"', "'urn:mpeg:dash:role:2011'")

    assert.deepEqual(parseMpd(foreign), model)
  })
}
