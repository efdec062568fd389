import assert from 'node:assert/strict'
import { test } from 'node:test'
import { csvOf } from './csv.ts'

test('cells are kept apart, whatever is in them', () => {
  const rows = [
    ['a,b', 1],
    ['say "x"', -2.5],
    ['two\r\nlines\u202e', undefined],
    ['', 0],
  ]

  assert.equal(csvOf(['name', 'n'], rows), '"name","n"\r\n"a,b",1\r\n"say ""x""",-2.5\r\n"two__lines_",\r\n"",0\r\n')
})

test('L-03: no text becomes a formula, wherever a spreadsheet splits', () => {
  for (const [text, cell] of [
    ['=1+1', `"'=1+1"`],
    [' @SUM(A1)', `"' @SUM(A1)"`],
    ['-1', `"'-1"`],
    ['a;=1', `"a;'=1"`],
    ['x","=1', `"x"",""'=1"`],
    ['＝1', `"'＝1"`],
    ['\t+1', '"_+1"'],
    ['a-b=c', '"a-b=c"'],
  ] as const) {
    assert.equal(csvOf([], [[text]]), `\r\n${cell}\r\n`, text)
  }
})
