import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PeerError } from '../errors.ts'
import { type SessionStart, Sessions } from './sessions.ts'

const START: SessionStart = {
  protocol: 'test',
  role: 'play',
  path: 'live/a',
  remoteAddress: '127.0.0.1',
  close: () => {},
}

describe('Sessions', () => {
  it('lists open sessions by an id of their own', () => {
    const sessions = new Sessions()
    const first = sessions.open(START)
    const second = sessions.open(START)

    assert.notEqual(first.id, second.id)
    assert.equal(sessions.get(first.id), first)
    assert.deepEqual([...sessions.list()], [first, second])
    sessions.close(first)
    assert.equal(sessions.get(first.id), undefined)
    assert.equal(sessions.size, 1)
  })

  it('tells its observer of each opening and of each end once, with the reason', () => {
    const sessions = new Sessions()
    const seen: unknown[] = []
    sessions.observe({
      open: (session) => seen.push(session),
      close: (session, reason) => seen.push([session, reason]),
    })
    const session = sessions.open(START)
    const reason = new PeerError('ERR_TEST', 'a reason')
    sessions.close(session, reason)
    sessions.close(session)

    assert.deepEqual(seen, [session, [session, reason]])
  })
})
