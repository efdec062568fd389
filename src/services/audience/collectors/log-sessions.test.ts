import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
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
