/** Deadlines of an encoder's connection, with a clock that the test moves. */
import assert from 'node:assert/strict'
import { duplexPair } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { unusedServices } from '../../../../test/support/unused-services.ts'
import { Hub } from '../../../live/hub.ts'
import { Sessions } from '../../../live/sessions.ts'
import { quietLogger } from '../../../net/testdata/raw-client.ts'
import type { ServerContext } from '../../protocol.ts'
import { PushConnection } from './connection.ts'
import { Pushes } from './pushes.ts'
import { INACTIVITY_MS } from './session.ts'

const SETUP =
  'POST /live/a HTTP/1.1\r\nContent-Type: application/x-wms-pushsetup\r\nUser-Agent: WMEncoder/9.0\r\nContent-Length: '

function connect(t: TestContext) {
  const clock = { now: 0 }
  const hub = new Hub({ pathSettings: () => ({ graceMs: 0, onBusy: 'refuse', windowMs: 0 }) })
  t.after(() => hub.close())
  const context: ServerContext = {
    hub,
    sessions: new Sessions(),
    authorize: () => Promise.resolve(),
    http: undefined as unknown as ServerContext['http'],
    ...unusedServices,
    log: quietLogger(),
    host: '127.0.0.1',
    tls: undefined,
  }
  const pushes = new Pushes(context, { maxSessions: 10, pushIdleMs: 60_000 })
  const [ours, theirs] = duplexPair()
  const connection = new PushConnection({
    socket: theirs,
    peer: { remoteAddress: '192.0.2.1', secure: false, giveBack: () => assert.fail('given back') },
    context,
    pushes,
    now: () => clock.now,
    pushIdleMs: 60_000,
    onClose: () => {},
  })
  theirs.resume()
  const heard = { text: '', ended: false }
  ours.on('data', (bytes: Buffer) => (heard.text += bytes.toString('latin1')))
  ours.on('end', () => (heard.ended = true))
  const after = async (ms: number) => {
    clock.now += ms
    pushes.tick(clock.now)
    connection.tick(clock.now)
    for (let i = 0; i < 5; i++) await turn()
    return heard
  }
  const say = async (text: string) => {
    ours.write(text)
    for (let i = 0; i < 5; i++) await turn()
    return heard
  }
  return { say, after, pushes }
}

test('N-02: a head in drips has ten seconds, from its first byte', async (t) => {
  const { say, after } = connect(t)
  await after(60_000)
  await say(SETUP.slice(0, 10))
  assert.equal((await after(9_000)).ended, false)
  await say(SETUP.slice(10, 20))
  assert.equal((await after(2_000)).ended, true)
  assert.match((await say('')).text, /^HTTP\/1\.1 408 /)
})

test('N-02: so has the body of a setup', async (t) => {
  const { say, after } = connect(t)
  await say(`${SETUP}16\r\n\r\nAuto`)
  assert.equal((await after(9_000)).ended, false)
  assert.match((await after(2_000)).text, /^HTTP\/1\.1 408 /)
})

test('PSH-15: a connection that asks for nothing is closed without a word', async (t) => {
  const { after } = connect(t)
  assert.equal((await after(INACTIVITY_MS - 1)).ended, false)
  assert.deepEqual(await after(2), { text: '', ended: true })
})

test('PSH-15: a push without a start is forgotten, and its connection closed', async (t) => {
  const { say, after, pushes } = connect(t)
  assert.match((await say(`${SETUP}0\r\n\r\n`)).text, /^HTTP\/1\.1 204 /)
  assert.equal(pushes.size, 1)
  assert.equal((await after(INACTIVITY_MS - 1)).ended, false)
  assert.equal((await after(1)).ended, true)
  assert.equal(pushes.size, 0)
})
