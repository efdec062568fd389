import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { HeadendError } from '../../errors.ts'
import { RawClient } from '../testdata/raw-client.ts'
import { fuzzTargets } from './fuzz.ts'
import { plainHeaders, plainTarget } from './request-head.ts'

/** Repeatable random numbers from 0 to below `limit` (xorshift). */
function randomSource(seed: number): (limit: number) => number {
  let state = seed
  return (limit) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % limit
  }
}

const SPICE = [
  ' ',
  '\t',
  '\r',
  '\n',
  '\r\n',
  ':',
  '\0',
  '\x7f',
  '\xe9',
  ',',
  ';',
  '%',
  '/',
  'GET ',
  'Host: b\r\n',
  'X',
  '\r\n\r\n',
]

function mutate(bytes: Uint8Array, random: (limit: number) => number): Buffer {
  let text = Buffer.from(bytes).toString('latin1')
  for (let count = random(3); count >= 0; count--) {
    const at = random(text.length + 1)
    const piece = random(2) === 0 ? SPICE[random(SPICE.length)] : String.fromCharCode(random(256))
    text = text.slice(0, at) + piece + text.slice(at + random(3))
  }
  return Buffer.from(text, 'latin1')
}

describe('hostile bytes', () => {
  for (const target of fuzzTargets) {
    it(target.name, () => {
      const random = randomSource(7)
      for (const seed of target.seeds()) {
        for (let round = 0; round < 2_000; round++) {
          try {
            target.run(mutate(seed, random))
          } catch (error) {
            if (!(error instanceof HeadendError)) throw error
          }
        }
      }
    })
  }
})

it('what the fast path takes, the full parser takes in the same way', async (t) => {
  const targets: string[] = []
  const server = createServer((request, response) => {
    let bytes = 0
    request.on('data', (piece: Buffer) => (bytes += piece.length))
    request.on('end', () => {
      targets.push(`${request.method} ${request.url} ${request.httpVersion} ${bytes}`)
      response.end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const random = randomSource(99)
  const seeds = [
    'GET /live/a?b=c HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nAccept-Encoding: gzip\r\nConnection: keep-alive\r\nX-Y: z\r\n',
    'POST /logs/cmcd HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 12\r\nConnection: keep-alive\r\nX-Y: z\r\n',
  ].map((text) => Buffer.from(text))
  const plain: { readonly head: string; readonly seen: string }[] = []
  for (let round = 0; round < 10_000; round++) {
    const head = mutate(seeds[round % 2] as Buffer, random).toString('latin1')
    const lineEnd = head.indexOf('\r')
    if (head.slice(lineEnd + 2).includes('\r\n\r\n') || head[lineEnd + 1] !== '\n') continue
    const bodyBytes = plainHeaders(head.slice(lineEnd + 2))?.bodyBytes
    const method = round % 2 === 0 ? 'GET' : 'POST'
    const target = plainTarget(head, 0, lineEnd, method)
    // As the fast path asks: a body that is short, of a post alone.
    const isFast = method === 'GET' ? bodyBytes === undefined : bodyBytes !== undefined && bodyBytes <= 100
    if (target === undefined || !isFast || plainHeaders(head.slice(lineEnd + 2)) === undefined) continue
    plain.push({ head, seen: `${method} ${target} 1.1 ${bodyBytes ?? 0}` })
  }
  assert.ok(plain.filter(({ seen }) => seen.startsWith('GET')).length > 200)
  assert.ok(plain.filter(({ seen }) => seen.startsWith('POST')).length > 200)

  const client = await RawClient.open((server.address() as AddressInfo).port)
  client.write(plain.map(({ head, seen }) => `${head}\r\n${'x'.repeat(Number(seen.split(' ')[3]))}`).join(''))
  await client.until(({ text }) => text.split('HTTP/1.1 ').length > plain.length)
  client.close()

  assert.deepEqual(
    targets,
    plain.map(({ seen }) => seen),
  )
})
