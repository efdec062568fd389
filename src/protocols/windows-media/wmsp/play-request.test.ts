import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AsfInit, AsfStream } from '../../../media/containers/asf/model.ts'
import { parsePragma } from '../pragma.ts'
import { parseProduct } from '../product.ts'
import { nativeOf } from './loopback.suite.ts'
import { endOfRequest, filePosition, grantPace, readPlayRequest } from './play-request.ts'
import { Pacer } from './playing/pacer.ts'
import { predictSelection } from './playing/prediction.ts'
import { rulesOf } from './viewer-rules.ts'

const LIMITS = { fastStartMs: 5_000, maxSpeed: 5 }
const product = (text: string) => parseProduct(text)!

test('max-duration is a length, a place, or nothing', () => {
  assert.equal(endOfRequest(undefined, 10), undefined)
  assert.equal(endOfRequest(0, 10), undefined)
  assert.equal(endOfRequest(500, 10), 510)
  assert.equal(endOfRequest(0x8000_0000 + 500, 10), 500)
  assert.equal(endOfRequest(0x8000_0000 + 5, 10), undefined)
})

test('positions beyond everything are taken as they are and end at once', () => {
  const { init } = nativeOf('wmv2-wmav2.wmv')
  const read = (text: string) => readPlayRequest(parsePragma([text])).position
  const client = { product: product('NSPlayer/12.0'), http11: true }
  assert.deepEqual(filePosition(read('packet-num=4000000000'), client, init), { packet: 4_000_000_000 })
  assert.deepEqual(filePosition(read('stream-offset=0:10'), client, init), { packet: 0 })
  assert.ok('packet' in filePosition(read('stream-offset=1000:0'), client, init))
})

test('a pace is never slower than real time, whatever is asked', () => {
  const asked = readPlayRequest(parsePragma(['AccelBW=1,AccelDuration=1000,Speed=0.1']))
  const { pace, tokens } = grantPace(asked, rulesOf(product('NSPlayer/12.0')), LIMITS, 300_000)
  assert.deepEqual(pace, { fastMs: 1000, fastFactor: 1, speed: 1 })
  assert.ok(tokens.some((token) => token[0] === 'Speed' && token[1] === '1.000'))
})

test('slow motion goes slower', () => {
  const asked = readPlayRequest(parsePragma(['rate=0.5']))
  assert.equal(grantPace(asked, rulesOf(product('NSPlayer/12.0')), LIMITS, 300_000).pace.speed, 0.5)
})

test('packets are due faster at first and at their own speed then', () => {
  const pacer = new Pacer({ fastMs: 1_000, fastFactor: 10, speed: 2 })
  assert.equal(pacer.dueAt(5_000, 100), 100)
  assert.equal(pacer.dueAt(5_500, 0), 150)
  assert.equal(pacer.isFast(5_999), true)
  assert.equal(pacer.isFast(6_000), false)
  assert.equal(pacer.dueAt(6_000, 0), 200)
  assert.equal(pacer.dueAt(8_000, 0), 1_200)
  assert.equal(pacer.dueAt(0, 0), 100)
})

test('a server predicts the best stream that the line carries, of the kinds that were wanted', () => {
  const stream = (number: number, kind: AsfStream['kind'], averageBitrateBps: number): AsfStream => ({
    number,
    kind,
    averageBitrateBps,
    encrypted: false,
    track: undefined,
    formatName: 'unknown',
    extensionSizes: [],
    spread: undefined,
    language: undefined,
  })
  const before = { streams: [stream(1, 'audio', 64_000), stream(2, 'video', 300_000)] } as unknown as AsfInit
  const next = {
    streams: [
      stream(1, 'video', 100_000),
      stream(2, 'video', 700_000),
      stream(3, 'video', 300_000),
      stream(4, 'audio', 64_000),
    ],
    exclusions: [[1, 2, 3]],
  } as unknown as AsfInit
  const both = new Map([
    [1, 0],
    [2, 0],
  ] as const)
  const chosen = (link: number | undefined, selection = both as ReadonlyMap<number, 0 | 1 | 2>) =>
    [...predictSelection(selection, before, next, link).keys()].sort((a, b) => a - b)
  assert.deepEqual(chosen(undefined), [2, 4])
  assert.deepEqual(chosen(400_000), [3, 4])
  assert.deepEqual(chosen(1_000), [1, 4])
  assert.deepEqual(chosen(undefined, new Map([[1, 0] as const])), [4])
})
