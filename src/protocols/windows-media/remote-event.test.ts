import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FormatError } from '../../errors.ts'
import { itemValue } from './cdl.ts'
import { readRemoteEvent, writeRemoteEvent } from './remote-event.ts'

const LOG =
  '1\r\n1,30,0\r\n' +
  '12,context-type,3,1,2,14,WMS_USER_AGENT,31,18,NSPlayer/12.0.0.42,13,WMS_USER_GUID,31,38,{0F1E2D3C-4B5A-4968-8778-695A4B3C2D1E}\r\n' +
  '12,context-type,3,1,5,24,@WMS_COMMAND_CONTEXT_URL,31,29,http://media.test/harbour.wmv,12,@.REMOTE_LOG,31,14,<XML>...</XML>\r\n'

test('a log that a cache passes on', () => {
  const event = readRemoteEvent(Buffer.from(LOG))
  assert.deepEqual([event.kind, event.result], ['log', 0])
  const [user, command] = event.descriptions
  assert.equal(itemValue(user!, 'WMS_USER_AGENT'), 'NSPlayer/12.0.0.42')
  assert.equal(itemValue(command!, '@.REMOTE_LOG'), '<XML>...</XML>')
  assert.equal(Buffer.from(writeRemoteEvent(event)).toString(), LOG)
})

test('open and close', () => {
  for (const [text, kind] of [
    ['1\r\n1,28,0\r\n', 'open'],
    ['1\r\n1,29,2147942405\r\n', 'close'],
  ] as const) {
    const event = readRemoteEvent(Buffer.from(text))
    assert.equal(event.kind, kind)
    assert.equal(Buffer.from(writeRemoteEvent(event)).toString(), text)
  }
})

test('other versions, events, results and numbers of descriptions are refused', () => {
  for (const text of [
    '',
    '1\r\n',
    '2\r\n1,28,0\r\n',
    '1\r\n1,27,0\r\n',
    '1\r\n1,28,4294967296\r\n',
    '1\r\n2,28,0\r\n',
    '1\n1,28,0\n',
    '1\r\n1,30,0\r\n',
    '1\r\n1,28,0\r\n1,a,31,0,\r\n',
    `${' '.repeat(100)}\r\n`,
  ]) {
    assert.throws(() => readRemoteEvent(Buffer.from(text)), FormatError, text)
  }
})
