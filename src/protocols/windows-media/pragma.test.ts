import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HeadendError } from '../../errors.ts'
import { formatPragma, MAX_PRAGMA_LENGTH, MAX_PRAGMA_TOKENS, parsePragma } from './pragma.ts'

function throwsCode(work: () => unknown, code: string): void {
  assert.throws(work, (error: unknown) => error instanceof HeadendError && error.code === code)
}

test("FFmpeg's last line, which runs into the next header", () => {
  const pragma = parsePragma(['no-cache,rate=1.000000,stream-time=0Connection: Close'])
  assert.equal(pragma.u32('stream-time'), 0)
  assert.equal(pragma.rate, 1)
  assert.equal(pragma.text('no-cache'), '')
})

test('several headers are one list; of repeated tokens the last counts', () => {
  const pragma = parsePragma([
    'no-cache, rate=1.000, stream-time=0, stream-offset=4294967295:4294967295, packet-num=4294967295',
    'xPlayStrm=1',
    'client-id=3090417255',
    'LinkBW=8000000, AccelBW=6000000, AccelDuration=10000, Speed=4.000',
    'stream-time=5000',
    'xClientGUID={0F1E2D3C-4B5A-4968-8778-695A4B3C2D1E}',
  ])
  assert.equal(pragma.flag('xPlayStrm'), true)
  assert.equal(pragma.u32('CLIENT-ID'), 3090417255)
  assert.equal(pragma.real('speed'), 4)
  assert.equal(pragma.u32('stream-time'), 5000)
  assert.equal(pragma.streamOffset, undefined)
  assert.equal(pragma.u32('packet-num'), 0xffff_ffff)
  assert.equal(pragma.text('xclientguid'), '{0F1E2D3C-4B5A-4968-8778-695A4B3C2D1E}')
  assert.equal(pragma.has('xStopStrm'), false)
})

test('features with quotes, without, and none', () => {
  const features = (value: string) => [...parsePragma([value]).features]
  assert.deepEqual(features('client-id=1,features="seekable, Stridable",timeout=60000'), ['seekable', 'stridable'])
  assert.deepEqual(features('features=broadcast,client-id=7'), ['broadcast'])
  assert.deepEqual(features('no-cache,features=seekable,stridable,client-id=7'), ['seekable', 'stridable'])
  assert.equal(parsePragma(['features=seekable,stridable,client-id=7']).u32('client-id'), 7)
  assert.deepEqual(features('features=""'), [])
  assert.deepEqual(features('no-cache'), [])
})

test('both spellings of the stream switch tokens, with entries over several headers', () => {
  const pragma = parsePragma([
    'switch-stream-count=2',
    'switch-stream-entry=ffff:1:0 ',
    'stream-switch-entry=ffff:2:0 ',
  ])
  assert.equal(pragma.u32('stream-switch-count'), 2)
  assert.equal(pragma.text('stream-switch-entry'), 'ffff:1:0 ffff:2:0')
})

test('a log line keeps its commas, equal signs and quotes', () => {
  const line = '0.0.0.0 2024-01-01 10:00:00 - /a,b?c=d 0 1 "x, y"'
  assert.equal(parsePragma(['no-cache', `log-line=${line}`]).text('log-line'), line)
})

test('quoted values keep commas', () => {
  const pragma = parsePragma([
    'proxy-client-agent="NSPlayer/12.0, \\"x\\"" , client-id=4',
    'version-url="http://a/?b=c,d',
  ])
  assert.equal(pragma.text('proxy-client-agent'), 'NSPlayer/12.0, "x"')
  assert.equal(pragma.u32('client-id'), 4)
})

test('positions', () => {
  assert.equal(parsePragma(['stream-offset=1:16']).streamOffset, 2 ** 32 + 16)
  assert.equal(parsePragma(['stream-offset=0:859Connection: x']).streamOffset, 859)
  assert.equal(parsePragma(['stream-offset=']).streamOffset, undefined)
  assert.equal(parsePragma(['pl-offset=-1']).signed('pl-offset'), -1)
  throwsCode(() => parsePragma(['stream-offset=4294967295:0']).streamOffset, 'ERR_WMS_PRAGMA_INVALID')
})

test('M-05: pragma bombs meet limits', () => {
  const tokens = (count: number) => Array.from({ length: count }, (_, i) => `t${i}=1`).join(',')
  assert.ok(parsePragma([tokens(MAX_PRAGMA_TOKENS)]).has('t1'))
  throwsCode(() => parsePragma([tokens(MAX_PRAGMA_TOKENS + 1)]), 'ERR_WMS_PRAGMA_LIMIT')
  throwsCode(() => parsePragma(Array.from({ length: 1000 }, () => 'no-cache')), 'ERR_WMS_PRAGMA_LIMIT')
  throwsCode(() => parsePragma(['x'.repeat(MAX_PRAGMA_LENGTH + 1)]), 'ERR_WMS_PRAGMA_LIMIT')
  throwsCode(() => parsePragma(['rate=-6']).rate, 'ERR_WMS_PRAGMA_INVALID')
  throwsCode(() => parsePragma(['rate=0.000']).rate, 'ERR_WMS_PRAGMA_INVALID')
  throwsCode(() => parsePragma(['client-id=4294967296']).u32('client-id'), 'ERR_WMS_PRAGMA_INVALID')
  assert.equal(parsePragma(['rate=-5.000']).rate, -5)
  assert.equal(parsePragma(['__proto__=1,constructor=2']).u32('__proto__'), 1)
})

test('what is no number is none', () => {
  const pragma = parsePragma(['client-id=,timeout=abc,AccelBW=-5,=7,,Speed'])
  for (const name of ['client-id', 'timeout', 'AccelBW', '', 'nothing']) assert.equal(pragma.u32(name), undefined)
  assert.equal(pragma.real('Speed'), undefined)
})

test('what is written is read again', () => {
  const [name, value] = formatPragma([
    'no-cache',
    ['client-id', 7],
    ['features', '"seekable,stridable"'],
    ['Speed', '5.000'],
  ])
  assert.equal(name, 'Pragma')
  assert.equal(value, 'no-cache,client-id=7,features="seekable,stridable",Speed=5.000')
  const pragma = parsePragma([value])
  assert.deepEqual([...pragma.names()], ['no-cache', 'client-id', 'features', 'speed'])
  assert.equal(pragma.features.size, 2)
})
