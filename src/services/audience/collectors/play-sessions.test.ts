import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { UnavailableError } from '../../../errors.ts'
import { Session, type SessionStart } from '../../../live/sessions.ts'
import type { PlayEvent } from '../../../playlog/play-event.ts'
import { INTERVAL_MS, NAME_MS, PlaySessions } from './play-sessions.ts'

const START = Date.parse('2026-11-25T12:00:00Z')

function setUp(t: TestContext) {
  t.mock.timers.enable({ apis: ['Date', 'setInterval'], now: START })
  const told: (PlayEvent & { optedOut: boolean })[] = []
  const sessions = new PlaySessions({
    tell: (event, optedOut) => void told.push({ ...event, optedOut }),
    enabled: () => true,
  })
  t.after(() => sessions.close())
  const open = (start: Partial<SessionStart> = {}) => {
    const session = new Session({
      protocol: 'hls',
      role: 'play',
      path: 'live/a',
      remoteAddress: '192.0.2.7',
      userAgent: 'player',
      close: () => undefined,
      ...start,
    })
    sessions.opened(session)
    return session
  }
  const said = () => told.map(({ sessionId, kind, time }) => `${sessionId} ${kind} ${time - START}`)
  // The clock stands at its end while timers of a tick run: one second after the other.
  const pass = (ms: number) => {
    for (let left = ms; left > 0; left -= 1000) t.mock.timers.tick(Math.min(left, 1000))
  }
  return { sessions, told, open, said, pass }
}

const viewer = { remoteAddress: '192.0.2.7', userAgent: 'player', path: 'live/a', optedOut: false }

describe('sessions of the server', () => {
  it('are told with bytes, packets that were skipped, how long, and why they ended', (t) => {
    const { sessions, told, open, said, pass } = setUp(t)
    const session = open({ protocol: 'rtmp' })
    session.bytesOut = 1000
    session.skipped = 3

    pass(INTERVAL_MS)
    session.bytesOut = 5000
    sessions.closed(session, new UnavailableError('ERR_HUB_CLOSED', 'bye'))

    const { id } = session
    assert.deepEqual(said(), [`${id} open 0`, `${id} interval ${INTERVAL_MS}`, `${id} close ${INTERVAL_MS}`])
    const { original, ...last } = told.at(-1) ?? assert.fail()
    assert.equal(original, undefined)
    assert.deepEqual(last, {
      sessionId: id,
      source: 'server',
      kind: 'close',
      time: START + INTERVAL_MS,
      receivedAt: START + INTERVAL_MS,
      path: 'live/a',
      protocol: 'rtmp',
      address: '192.0.2.7',
      userAgent: 'player',
      reason: 'ERR_HUB_CLOSED',
      bytes: 5000,
      lostPackets: 3,
      optedOut: false,
    })
  })

  it('end for viewers without a connection when the last byte went out', (t) => {
    const { sessions, open, said, pass } = setUp(t)
    const session = open()
    pass(10_000)
    session.bytesOut = 10
    pass(90_000)
    sessions.closed(session, undefined)

    // Between the two, nobody knows whether it is there.
    assert.deepEqual(said(), [
      `${session.id} open 0`,
      `${session.id} interval ${INTERVAL_MS}`,
      `${session.id} close 11000`,
    ])
  })

  it('of publishers, and of programs that fetch files as they are, are none', (t) => {
    const { sessions, open, said, pass } = setUp(t)
    const all = [open({ role: 'publish' }), open({ protocol: 'download' })]
    pass(60_000)
    for (const session of all) sessions.closed(session, undefined)

    assert.deepEqual(said(), [])
  })
})

describe('the name that a player gives its session', () => {
  it('is that of the server’s session when it came before', (t) => {
    const { sessions, open, said, pass } = setUp(t)

    assert.equal(sessions.name('sid', viewer), 'live/a')
    pass(1000)
    const session = open()
    sessions.closed(session, undefined)

    assert.deepEqual(said(), ['sid open 1000', 'sid close 1000'])
  })

  it('is that of the server’s session when it comes soon', (t) => {
    const { sessions, open, said, pass } = setUp(t)
    open()
    pass(NAME_MS - 1)

    assert.equal(sessions.name('sid', { ...viewer, path: undefined }), 'live/a')
    pass(NAME_MS)

    assert.deepEqual(said(), ['sid open 0'])
  })

  it('is not that of another path, address or program, nor of a session that has another', (t) => {
    const { sessions, open, said, pass } = setUp(t)
    const session = open()
    sessions.name('first', viewer)

    assert.equal(sessions.name('path', { ...viewer, path: 'live/b' }), 'live/b')
    assert.equal(sessions.name('address', { ...viewer, remoteAddress: '192.0.2.8', path: undefined }), undefined)
    assert.equal(sessions.name('program', { ...viewer, userAgent: 'other', path: undefined }), undefined)
    assert.equal(sessions.name('second', viewer), 'live/a')
    pass(NAME_MS)
    sessions.closed(session, undefined)

    assert.deepEqual(said(), ['first open 0', 'first close 0'])
  })

  it('is that of the server’s session however late it comes, when there is but one', (t) => {
    const { sessions, told, open, said, pass } = setUp(t)
    const session = open()
    pass(NAME_MS + 60_000)
    const before = said().length

    assert.equal(sessions.name('sid', { ...viewer, path: undefined }), 'live/a')
    assert.equal(sessions.name('sid', viewer), 'live/a')
    sessions.closed(session, undefined)

    assert.deepEqual(said().slice(before), [`sid interval ${NAME_MS + 60_000}`, 'sid close 0'])
    assert.deepEqual(
      told.slice(before).map(({ formerId }) => formerId),
      [session.id, undefined],
    )
  })

  it('is for nobody when it comes late and two could be meant', (t) => {
    const { sessions, told, open, pass } = setUp(t)
    open()
    open()
    pass(NAME_MS)

    assert.equal(sessions.name('sid', viewer), 'live/a')
    assert.ok(told.every(({ sessionId }) => sessionId !== 'sid'))
  })

  it('is forgotten when no session comes', (t) => {
    const { sessions, open, said, pass } = setUp(t)
    sessions.name('sid', viewer)
    pass(61_000)
    const session = open()
    pass(NAME_MS)

    assert.deepEqual(said(), [`${session.id} open 61000`])
  })

  it('says too that it is not to be tracked', (t) => {
    const { sessions, told, open } = setUp(t)
    const session = open()
    sessions.name('sid', { ...viewer, optedOut: true })
    sessions.closed(session, undefined)

    assert.deepEqual(
      told.map(({ optedOut }) => optedOut),
      [true, true],
    )
  })
})
