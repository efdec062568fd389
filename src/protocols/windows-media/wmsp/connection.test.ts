import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { unusedServices } from '../../../../test/support/unused-services.ts'
import { Hub } from '../../../live/hub.ts'
import { Sessions } from '../../../live/sessions.ts'
import { quietLogger, RawClient } from '../../../net/testdata/raw-client.ts'
import { Connection } from './connection.ts'
import { Exchange } from './exchange.ts'
import { MODERN, request, turn } from './loopback.suite.ts'

/** A connection whose seconds pass when the test says so. */
async function connected(t: TestContext) {
  const log = quietLogger()
  const unused = () => () => undefined
  const http = { route: unused, upgrade: unused, hot: unused, smallPost: unused, claim: unused, observe: unused }
  const authorize = async () => {}
  const context = {
    hub: new Hub(),
    sessions: new Sessions(),
    authorize,
    http,
    ...unusedServices,
    log,
    host: '',
    tls: undefined,
  }
  const exchange = new Exchange(context, { waitMs: 0, maxSessions: 10, fastStartMs: 0, maxSpeed: 1 })
  const listener = createServer({ allowHalfOpen: true })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const accepted = once(listener, 'connection') as Promise<[Socket]>
  const client = await RawClient.open((listener.address() as { port: number }).port)
  const [socket] = await accepted
  const closed = Promise.withResolvers<void>()
  const connection = new Connection({
    socket,
    remoteAddress: '127.0.0.1',
    exchange,
    onClose: () => closed.resolve(),
    isOurs: () => true,
    giveBack: () => assert.fail('given back'),
  })
  t.after(() => {
    client.close()
    socket.destroy()
    listener.close()
  })
  const pass = (seconds: number) => {
    for (let second = 0; second < seconds; second++) connection.tick()
  }
  return { client, connection, socket, closed: closed.promise, pass }
}

test('a request that is not finished in 10 s ends the connection', async (t) => {
  const { client, connection, closed, pass, socket } = await connected(t)
  connection.start(request('*', { method: 'OPTIONS' }))
  await client.until(({ text }) => text.includes('200 OK'))
  client.write('GET /live/a HTTP/1.1\r\nUser-Agent: ')
  while (socket.bytesRead === 0) await turn()
  pass(9)
  assert.equal(socket.destroyed, false)
  client.write('x')
  pass(2)
  await closed
})

test('a connection without requests is closed when its time is over', async (t) => {
  const { client, connection, closed, pass, socket } = await connected(t)
  connection.start(request('*', { method: 'OPTIONS' }))
  await client.until(({ text }) => text.includes('200 OK'))
  pass(74)
  assert.equal(socket.destroyed, false)
  pass(2)
  await closed
})

test('a flood of requests is answered one by one, and what waits is bounded', async (t) => {
  const { client, connection } = await connected(t)
  const one = request('/live/nobody', { agent: MODERN })
  connection.start(Buffer.concat(Array.from({ length: 500 }, () => one)))
  await client.until(({ text }) => text.split('404 Not Found').length > 500)
  assert.equal(client.text.split('HTTP/1.1 ').length, 501)
})

test('the end of the other side ends the connection behind the answer in work', async (t) => {
  const { client, connection, closed } = await connected(t)
  connection.start(request('/live/nobody'))
  client.socket.end()
  await closed
  assert.match(await client.closed(), /^HTTP\/1\.1 404 /)
})
