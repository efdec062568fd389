import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HeadendError } from '../../errors.ts'
import { parsePragma } from './pragma.ts'
import { parseProduct } from './product.ts'
import {
  allStreams,
  applySwitches,
  formatSwitches,
  MAX_SWITCH_ENTRIES,
  type SwitchEntry,
  switchEntries,
} from './stream-selection.ts'

const OLD = parseProduct('NSPlayer/4.1.0.3856')
const VLC = parseProduct('NSPlayer/7.10.0.3059')
const streams = Array.from({ length: 30 }, (_, i) => i + 1)

function targets(lines: readonly string[], product = OLD, numbers: readonly number[] = streams): number[] | undefined {
  return switchEntries(parsePragma(lines), product, numbers)?.map(({ target }) => target)
}

function content(...numbers: number[]) {
  return { streams: numbers.map((number) => ({ number })) } as unknown as Parameters<typeof allStreams>[0]
}

test('no token selects nothing', () => {
  assert.equal(targets(['no-cache']), undefined)
  assert.deepEqual(targets(['stream-switch-entry=']), [])
})

test('FFmpeg and libmms write decimal numbers, with the count first and a space behind', () => {
  const lines = ['stream-switch-count=2', 'stream-switch-entry=ffff:10:0 ffff:11:0 ']
  assert.deepEqual(targets(lines), [10, 11])
})

test('MPlayer has the same name but writes hexadecimal ones, with the entries first', () => {
  assert.deepEqual(targets(['stream-switch-entry=ffff:10:0 ffff:11:0', 'stream-switch-count=2']), [16, 17])
})

test('VLC and the players of the specification write hexadecimal ones', () => {
  const lines = ['stream-switch-count=2', 'stream-switch-entry=ffff:10:0 ffff:a:2']
  assert.deepEqual(targets(lines, VLC), [16, 10])
  assert.deepEqual(targets(lines, parseProduct('NSPlayer/12.0.0.42')), [16, 10])
})

test('numbers that are no streams in one reading are tried in the other', () => {
  assert.deepEqual(targets(['stream-switch-count=1', 'stream-switch-entry=ffff:11:0'], VLC, [1, 11]), [11])
  assert.deepEqual(targets(['stream-switch-count=1', 'stream-switch-entry=ffff:11:0'], OLD, [1, 17]), [17])
  assert.deepEqual(targets(['stream-switch-count=1', 'stream-switch-entry=ffff:a:0'], OLD, [1, 10]), [10])
})

test('entries switch on, thin, replace and switch off; the rest stays', () => {
  const init = content(1, 2, 3, 4)
  const entries = (text: string): readonly SwitchEntry[] =>
    switchEntries(parsePragma([`stream-switch-entry=${text}`]), VLC, [1, 2, 3, 4]) ?? []
  const started = applySwitches(entries('ffff:1:0 ffff:2:0 ffff:3:2 ffff:9:0'), init)
  assert.deepEqual(
    [...started],
    [
      [1, 0],
      [2, 0],
    ],
  )
  assert.deepEqual(
    [...applySwitches(entries('2:2:1'), init, started)],
    [
      [1, 0],
      [2, 1],
    ],
  )
  assert.deepEqual([...applySwitches(entries('2:4:0 ffff:1:2'), init, started)], [[4, 0]])
  assert.deepEqual(
    [...allStreams(init)],
    [
      [1, 0],
      [2, 0],
      [3, 0],
      [4, 0],
    ],
  )
})

test('M-05: too many entries, and what is no entry', () => {
  const many = (count: number) => [`stream-switch-entry=${'ffff:1:0 '.repeat(count)}`]
  assert.equal(targets(many(MAX_SWITCH_ENTRIES))?.length, MAX_SWITCH_ENTRIES)
  const code = (expected: string) => (error: unknown) => error instanceof HeadendError && error.code === expected
  assert.throws(() => targets(many(MAX_SWITCH_ENTRIES + 1)), code('ERR_WMS_SWITCH_LIMIT'))
  for (const text of ['1:0', 'ffff:1:3', 'ffff:12345:0', 'ffff:x:0', '-1:1:0', 'ffff:1:0;']) {
    assert.throws(() => targets([`stream-switch-entry=${text}`]), code('ERR_WMS_SWITCH_INVALID'), text)
  }
})

test('what is written is read again', () => {
  const entries: SwitchEntry[] = [
    { source: undefined, target: 1, level: 0 },
    { source: 10, target: 11, level: 2 },
    { source: 16, target: 16, level: 1 },
  ]
  const tokens = formatSwitches(entries)
  assert.deepEqual(tokens, [
    ['stream-switch-count', 3],
    ['stream-switch-entry', 'ffff:1:0 a:b:2 10:10:1'],
  ])
  const lines = tokens.map(([name, value]) => `${name}=${value}`)
  assert.deepEqual(switchEntries(parsePragma(lines), VLC, streams), entries)
})
