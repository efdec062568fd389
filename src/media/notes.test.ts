import assert from 'node:assert/strict'
import { it } from 'node:test'
import { Notes } from './notes.ts'

it('tells each thing once, how often, and where first', () => {
  const notes = new Notes()

  notes.add('packets are missing', 500)
  notes.add('two programs')
  notes.add('packets are missing', 900)
  notes.add('cut off', 1000)

  assert.deepEqual(notes.list(), [
    'packets are missing (2 times, first at byte 500)',
    'two programs',
    'cut off (at byte 1000)',
  ])
})

it('counts a place once, however often the file is read', () => {
  const notes = new Notes()

  for (let reading = 0; reading < 3; reading++) for (const place of [10, 20, 30]) notes.add('damaged', place)

  assert.deepEqual(notes.list(), ['damaged (3 times, first at byte 10)'])
})

it('is bounded', () => {
  const notes = new Notes()

  for (let i = 0; i < 1000; i++) notes.add(`thing ${i}`)

  assert.equal(notes.list().length, 32)
})
