import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { HeadendError } from '../../../errors.ts'
import { endPacket, fillerPackets, pushChangeHeader, pushPacketHeader } from '../framing.ts'
import { INACTIVITY_MS, type PushEvent, PushSession } from './session.ts'

const IDLE_MS = 60_000
const H = Buffer.concat([pushPacketHeader('H', 3), Buffer.from('hdr')])
const D = Buffer.concat([pushPacketHeader('D', 2), Buffer.from('pk')])
const C = Buffer.concat([pushChangeHeader(3), Buffer.from('new')])
const F = fillerPackets(12)
const E = (reason: number) => endPacket(reason)

function begin(now = 0): PushSession {
  const session = new PushSession({ id: 'id', path: 'live/a', idleMs: IDLE_MS, now })
  session.start(now)
  return session
}

/** What the packets say, in short. */
function feed(session: PushSession, packets: readonly Uint8Array[], now = 0): string[] {
  session.write(Buffer.concat(packets))
  const said: string[] = []
  for (let event = session.read(now); event !== undefined; event = session.read(now)) said.push(short(event))
  return said
}

function short(event: PushEvent): string {
  if (event.type === 'end') return `end ${event.reason}`
  const text = Buffer.from(event.bytes).toString()
  return event.type === 'header' ? `${event.changed ? 'change' : 'header'} ${text}` : text
}

function throwsCode(work: () => unknown, code: string, what?: string): void {
  assert.throws(work, (error: unknown) => error instanceof HeadendError && error.code === code, what)
}

describe('packets', () => {
  test('a whole push: header, packets, filler, another entry, the end', () => {
    const said = feed(begin(), [H, D, F, D, E(1), F, E(1), C, D, E(0), D])
    assert.deepEqual(said, ['header hdr', 'pk', 'pk', 'change new', 'pk', 'end 0'])
  })

  test('whole and byte by byte', () => {
    const session = begin()
    const said: string[] = []
    for (const byte of Buffer.concat([H, D, E(1), C, D, E(5)])) said.push(...feed(session, [Uint8Array.of(byte)]))
    assert.deepEqual(said, ['header hdr', 'pk', 'change new', 'pk', 'end 5'])
    assert.equal(session.phase, 'over')
  })

  test('PSH-11: the first packet of a push is $H', () => {
    for (const packet of [D, C, F, E(0), E(1)]) throwsCode(() => feed(begin(), [packet]), 'ERR_WMHTTP_ORDER')
  })

  test('M-06: packets out of order end the push with a code', () => {
    const orders: readonly (readonly Uint8Array[])[] = [
      [H, H],
      [H, C],
      [H, D, C],
      [H, E(1), D],
      [H, E(1), H],
      [H, E(1), C, C],
    ]
    for (const order of orders) throwsCode(() => feed(begin(), order), 'ERR_WMHTTP_ORDER')
    throwsCode(() => feed(begin(), [H, Buffer.from('$M\0\0')]), 'ERR_WMS_FRAME_TYPE')
    throwsCode(() => feed(begin(), [H, Buffer.from('$E\x03\0\0\0\0')]), 'ERR_WMS_FRAME_LENGTH')
  })

  test('PSH-17: any reason but 1 ends the push, also behind the end of an entry', () => {
    for (const reason of [0, 2, 0x8000_0001]) {
      for (const before of [[H], [H, E(1)]]) {
        const session = begin()
        assert.equal(feed(session, [...before, E(reason)]).at(-1), `end ${reason}`)
        assert.equal(session.phase, 'over')
      }
    }
  })

  test('PSH-18: filler is ignored, whatever is in it', () => {
    const filler = fillerPackets(100).fill(0x24, 4)
    assert.deepEqual(feed(begin(), [H, filler, D]), ['header hdr', 'pk'])
  })
})

describe('bodies and connections', () => {
  test('PSH-13: the next body goes on where the one before ended', () => {
    const session = begin()
    feed(session, [H, D, E(1)])
    session.finish(0)
    assert.equal(session.phase, 'waiting')
    session.start(0)
    assert.deepEqual(feed(session, [C, D]), ['change new', 'pk'])
    session.finish(0)
    session.start(0)
    throwsCode(() => feed(session, [H]), 'ERR_WMHTTP_ORDER')
  })

  test('a body that ends inside a packet is refused', () => {
    const session = begin()
    feed(session, [H, D.subarray(0, 5)])
    throwsCode(() => session.finish(0), 'ERR_WMHTTP_BODY_CUT')
  })

  test('PSH-06: a push in progress takes no other request', () => {
    const session = begin()
    feed(session, [H, D])
    assert.equal(session.busy, true)
    throwsCode(() => session.start(0), 'ERR_WMHTTP_BUSY')
    throwsCode(() => session.setUp(0), 'ERR_WMHTTP_BUSY')
  })

  test('PSH-16: after a lost connection the push goes on in another, without the cut packet', () => {
    const session = begin()
    feed(session, [H, D, D.subarray(0, 5)])
    session.disconnect()
    assert.equal(session.busy, false)
    session.start(10)
    assert.deepEqual(feed(session, [D]), ['pk'])
  })

  test('an encoder that sets itself up again may begin with its header, or go on', () => {
    for (const next of [H, D]) {
      const session = begin()
      feed(session, [H, D])
      session.disconnect()
      session.setUp(10)
      session.start(10)
      assert.equal(feed(session, [next]).length, 1)
      throwsCode(() => feed(session, [H]), 'ERR_WMHTTP_ORDER')
    }
  })
})

describe('timers', () => {
  test('PSH-14: the idle timer starts anew with $H, $D and $C, not with $F and $E', () => {
    const session = begin()
    let now = 0
    for (const packets of [[H], [D], [E(1), C]]) {
      now += IDLE_MS - 1
      assert.equal(session.expired(now), undefined)
      feed(session, packets, now)
    }
    const last = now
    now += IDLE_MS - 1
    feed(session, [F, E(1)], now)
    assert.equal(session.expired(last + IDLE_MS - 1), undefined)
    assert.equal(session.expired(last + IDLE_MS), 'idle')
  })

  test('PSH-15: the inactivity timer runs between requests', () => {
    const session = new PushSession({ id: 'id', path: 'live/a', idleMs: IDLE_MS, now: 0 })
    assert.equal(session.expired(INACTIVITY_MS - 1), undefined)
    assert.equal(session.expired(INACTIVITY_MS), 'inactive')
    session.setUp(50)
    assert.equal(session.expired(INACTIVITY_MS), undefined)
    session.start(60)
    assert.equal(session.expired(60 + IDLE_MS), 'idle')
    feed(session, [H])
    session.finish(100)
    assert.equal(session.expired(100 + IDLE_MS), undefined)
    assert.equal(session.expired(100 + INACTIVITY_MS), 'inactive')
  })

  test('PSH-16: a lost connection leaves the idle timer as it is', () => {
    const session = begin(0)
    feed(session, [H], 1000)
    session.disconnect()
    assert.equal(session.expired(1000 + IDLE_MS - 1), undefined)
    assert.equal(session.expired(1000 + IDLE_MS), 'idle')
  })

  test('what is over never expires', () => {
    const session = begin()
    session.end()
    assert.equal(session.expired(1e9), undefined)
    assert.deepEqual(feed(session, [H]), [])
  })
})
