import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { quietLogger } from '../testdata/raw-client.ts'
import type { Delivery } from './delivery.ts'
import { hotAnswer } from './hot-answer.ts'
import { openHttpFront } from './listener.ts'
import { sendStreamed } from './streamed-answer.ts'

/** More than the buffers of both ends of a connection hold. */
const LONG_BYTES = 48 * 1024 * 1024
const PIECE_BYTES = 1024 * 1024
const HEAD_END = '\r\n\r\n'

const long = hotAnswer({ headers: { 'Content-Type': 'video/mp4' }, body: Buffer.alloc(LONG_BYTES, 7) })
const short = hotAnswer({ headers: { 'Content-Type': 'video/mp4' }, body: Buffer.alloc(9000, 7) })
const middling = hotAnswer({ headers: { 'Content-Type': 'video/mp4' }, body: Buffer.alloc(20_000, 7) })

const textOf = ({ throughput, delay }: Delivery) =>
  ['"test"', throughput && `etp=${Math.round(throughput)}`, delay !== undefined && `rd=${delay}`]
    .filter(Boolean)
    .join(';')

async function open(t: TestContext, tells = true) {
  const front = await openHttpFront({
    host: '127.0.0.1',
    port: 0,
    log: quietLogger(),
    ...(tells && { deliveryText: textOf }),
  })
  t.after(() => front.close())
  const hot = new Map([
    ['/long', long],
    ['/short', short],
    ['/middling', middling],
  ])
  front.routes.hot((target) => hot.get(target))
  front.routes.route(async ({ path, raw, remoteAddress }, response) => {
    if (path !== '/streamed') return false
    const chunks = async function* (start: number, end: number) {
      for (let at = start; at < end; at += PIECE_BYTES) yield Buffer.alloc(Math.min(PIECE_BYTES, end - at), 7)
    }
    await sendStreamed({ headers: {}, etag: '"a"', byteLength: LONG_BYTES, chunks }, raw, response, remoteAddress)
    return true
  })
  const socket = connect(front.port, '127.0.0.1')
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** One answer, read in pieces with a pause behind each; `rate`: kilobits a second, as its reader saw them. */
async function ask(socket: Socket, target: string, pauseMs = 0) {
  socket.write(`GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  let head = ''
  let [body, wanted, begun, ended] = [0, Number.POSITIVE_INFINITY, 0, 0]
  socket.pause()
  while (body < wanted) {
    const chunk = socket.read() as Buffer | null
    if (chunk === null) {
      await once(socket, 'readable')
      continue
    }
    const ends = chunk.indexOf(HEAD_END)
    if (head === '') {
      head = chunk.toString('latin1', 0, ends)
      wanted = Number(/content-length: (\d+)/i.exec(head)?.[1])
      begun = performance.now()
    }
    body += chunk.byteLength - (body === 0 ? ends + HEAD_END.length : 0)
    ended = performance.now()
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
  assert.equal(body, wanted)
  const told = /\r\nCMSD-Dynamic: "test";etp=(\d+)/i.exec(head)
  return { head, told: told === null ? undefined : Number(told[1]), rate: (body * 8) / (ended - begun) }
}

for (const target of ['/long', '/streamed']) {
  test(`what a peer took of ${target} is told with the next answer, about as fast as the peer saw it`, async (t) => {
    const socket = await open(t)

    const first = await ask(socket, target, 1)
    const next = await ask(socket, '/middling')

    assert.equal(first.told, undefined)
    assert.ok(
      next.told !== undefined && next.told > first.rate / 2 && next.told < first.rate * 2,
      `${next.told} of ${first.rate}`,
    )
    assert.match(next.head, /^HTTP\/1\.1 200 OK\r\nCMSD-Dynamic: [^\r\n]+\r\n/)
    assert.ok(next.head.includes('CMSD-Static, CMSD-Dynamic'))
    // The full server knows when a request came.
    assert.equal(/;rd=\d+\r\n/.test(next.head), target === '/streamed')
  })
}

test('short answers tell nothing and teach nothing, and neither does a server that is not told to', async (t) => {
  const socket = await open(t)
  await ask(socket, '/short')
  await ask(socket, '/middling')
  assert.equal((await ask(socket, '/middling')).told, undefined)
  await ask(socket, '/long')
  assert.deepEqual((await ask(socket, '/short')).head, short.bytes.toString().split(HEAD_END)[0])

  const silent = await open(t, false)
  await ask(silent, '/long')
  assert.doesNotMatch((await ask(silent, '/middling')).head, /\nCMSD-Dynamic/)
})
