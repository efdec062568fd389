import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Session } from '../../../live/sessions.ts'
import { type PlayLog, playLogOf } from '../../../playlog/play-log.ts'
import { LINE_44, LINE_47, LINE_52, STREAMING_LINE } from '../../../playlog/vectors.ts'
import { parseWmlogLine } from '../../../playlog/wmlog-line.ts'
import { LogSessions } from './log-sessions.ts'

const START = Date.parse('2026-11-25T12:00:00Z')

function logOf(line: string, seconds = 0, remoteAddress = '192.0.2.7'): PlayLog {
  const wmlog = parseWmlogLine(line)
  // Logs of one playback name the same player and address.
  const fields = { ...wmlog.fields, 'c-playerid': '{1}', 'cs-uri-stem': 'http://media.test/vod/a.wmv' }
  const receivedAt = new Date(START + seconds * 1000)
  return playLogOf({ ...wmlog, fields }, { receivedAt, remoteAddress, protocol: 'http', path: 'vod/a.wmv' })
}

describe('logs that are sent to a web server', () => {
  it('are of one playback when one tells what was received and one what was shown', () => {
    const sessions = new LogSessions()

    const received = sessions.placeOf(logOf(STREAMING_LINE))
    const shown = sessions.placeOf(logOf(LINE_52, 300))

    assert.equal(shown.sessionId, received.sessionId)
    assert.deepEqual([received.sequence, shown.sequence], [1, 2])
  })

  it('are the same when they come again', () => {
    const sessions = new LogSessions()
    const first = sessions.placeOf(logOf(STREAMING_LINE))
    sessions.placeOf(logOf(LINE_52, 1))

    assert.deepEqual(sessions.placeOf(logOf(STREAMING_LINE, 2)), first)
  })

  it('are of another playback when there was one of their kind, or one that tells all, or after a while', () => {
    const ids = [
      [logOf(LINE_47), logOf(LINE_44, 1)],
      [logOf(LINE_47), logOf(LINE_52, 1)],
      [logOf(STREAMING_LINE), logOf(LINE_52, 601)],
      [logOf(STREAMING_LINE), logOf(LINE_52, 1, '192.0.2.8')],
    ].map((logs) => {
      const sessions = new LogSessions()
      return new Set(logs.map((log) => sessions.placeOf(log).sessionId)).size
    })

    assert.deepEqual(ids, [2, 2, 2, 2])
  })
})

describe('logs of players that the server serves', () => {
  const opened = (sessions: LogSessions) => {
    const session = new Session({
      protocol: 'wmsp',
      role: 'play',
      path: 'vod/a.wmv',
      remoteAddress: '192.0.2.7',
      playerId: '{1}',
      close: () => undefined,
    })
    sessions.opened(session)
    return session
  }
  const inside = (line: string, sessionId: string, seconds = 0): PlayLog => ({ ...logOf(line, seconds), sessionId })

  it('are of its session, by whichever way they come, however long it takes, and each once', () => {
    const sessions = new LogSessions()
    const { id } = opened(sessions)
    const toWeb = (line: string) =>
      line.replace(/^0\.0\.0\.0 /, '192.0.2.7 ').replace(' 100 - - - - ', ' 100 192.0.2.1 - - - ')
    const shown = LINE_52.split(' ')
    const shownToWeb = [...shown.slice(0, 44), ...shown.slice(47, 49), shown[50]].join(' ')

    const places = [
      sessions.placeOf(logOf(toWeb(STREAMING_LINE), 7200)),
      sessions.placeOf(inside(STREAMING_LINE, id, 7201)),
      sessions.placeOf(inside(LINE_52, id, 7202)),
      sessions.placeOf(logOf(toWeb(shownToWeb), 7203)),
    ]

    assert.deepEqual(
      places,
      [1, 1, 2, 2].map((sequence) => ({ sessionId: id, sequence })),
    )
  })

  it('have numbers of their own, also one that does not say which player it is of', () => {
    const sessions = new LogSessions()
    const { id } = opened(sessions)
    const { 'c-playerid': _, ...fields } = logOf(LINE_44).wmlog.fields
    const connect = {
      ...inside(LINE_44, id),
      kind: 'connect-time' as const,
      wmlog: { form: 'connect-time' as const, fields },
    }

    const places = [connect, inside(LINE_47, id, 60), connect].map((log) => sessions.placeOf(log))

    assert.deepEqual(
      places,
      [1, 2, 1].map((sequence) => ({ sessionId: id, sequence })),
    )
  })

  it('of one entry after the other are all of it', () => {
    const sessions = new LogSessions()
    const { id } = opened(sessions)
    const second = STREAMING_LINE.replace('07:08:09', '07:09:09')

    const places = [inside(STREAMING_LINE, id), inside(second, id, 60), inside(STREAMING_LINE, id, 61)].map((log) =>
      sessions.placeOf(log),
    )

    assert.deepEqual(
      places.map(({ sequence }) => sequence),
      [1, 2, 1],
    )
  })

  it('are of nothing when it is over for long, and of the newest of several', () => {
    const sessions = new LogSessions()
    const first = opened(sessions)
    sessions.closed(first, START)
    const late = sessions.placeOf(logOf(LINE_44, 601))
    const second = opened(sessions)

    const soon = sessions.placeOf(logOf(LINE_47.replace('07:08:09', '07:18:09'), 602))

    assert.notEqual(late.sessionId, first.id)
    assert.deepEqual(soon, { sessionId: second.id, sequence: 1 })
  })
})
