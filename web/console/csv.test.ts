import assert from 'node:assert/strict'
import { test } from 'node:test'
import { csvOf } from './csv.ts'

test('cells are kept apart, whatever is in them', () => {
  assert.equal(
    csvOf(
      ['name', 'count'],
      [
        ['a,b', 1],
        ['"quoted"', -2.5],
        ['two\r\nlines', undefined],
        ['', 0],
      ],
    ),
    'name,count\r\n"a,b",1\r\n"""quoted""",-2.5\r\n"two\r\nlines",\r\n,0\r\n',
  )
})

test('L-03: no text becomes a formula', () => {
  for (const text of ['=1+1', '+1', '-1', '@SUM(A1)', '\tx', '\r=x']) {
    const [, cell = ''] = csvOf(['name'], [[text]]).split('name\r\n')
    assert.match(cell, /^"?'/, JSON.stringify(text))
  }
})
