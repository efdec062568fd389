import assert from 'node:assert/strict'
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { parseMoment } from './moment.ts'
import { recordingName } from './recording-name.ts'
import { findRecordings } from './recordings.ts'
import { expiredRecordings, type RetentionInput } from './retention.ts'
import { makePlace, TestClock } from './vectors.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const NOW = TestClock.start

/** Files of a megabyte each, as the file system lists them. */
async function recordingsOf(root: string, files: readonly { path: string; startedAt: number; changedAt: number }[]) {
  for (const { path, startedAt, changedAt } of files) {
    const folder = join(root, path)
    mkdirSync(folder, { recursive: true })
    const file = join(folder, recordingName({ startedAt, repeat: 1, format: 'mp4' }))
    writeFileSync(file, new Uint8Array(1_000_000))
    utimesSync(file, changedAt / 1000, changedAt / 1000)
  }
  return findRecordings(root)
}

function expired(input: Pick<RetentionInput, 'recordings'> & Partial<RetentionInput>): string[] {
  return expiredRecordings({
    isOpen: () => false,
    settingsOf: () => undefined,
    limits: { maxBytes: undefined },
    now: NOW,
    ...input,
  }).map(({ path, parsed }) => `${path} ${Math.round((NOW - parsed.startedAt) / HOUR)}`)
}

describe('retention', () => {
  it('removes by age, by bytes of a path and of all, the oldest first and never what is open', async (t) => {
    const { root } = makePlace(t)
    const hoursAgo = (path: string, hours: number) => ({
      path,
      startedAt: NOW - hours * HOUR,
      changedAt: NOW - (hours - 1) * HOUR,
    })
    const files = [1, 10, 30, 60].flatMap((hours) => [hoursAgo('live/a', hours), hoursAgo('live/b', hours + 1)])
    const recordings = await recordingsOf(root, files)

    assert.deepEqual(expired({ recordings }), [])
    assert.deepEqual(expired({ recordings, settingsOf: () => ({ keepDays: 1, keepBytes: undefined }) }), [
      'live/b 61',
      'live/a 60',
      'live/b 31',
      'live/a 30',
    ])
    const bytesOfA = (path: string) => (path === 'live/a' ? { keepDays: undefined, keepBytes: 2_500_000 } : undefined)
    assert.deepEqual(expired({ recordings, settingsOf: bytesOfA }), ['live/a 60', 'live/a 30'])
    assert.deepEqual(expired({ recordings, limits: { maxBytes: 5_000_000 } }), ['live/b 61', 'live/a 60', 'live/b 31'])
    const isOpen = ({ parsed }: { parsed: { startedAt: number } }) => parsed.startedAt <= NOW - 60 * HOUR
    assert.deepEqual(expired({ recordings, limits: { maxBytes: 6_000_000 }, isOpen }), ['live/b 31', 'live/a 30'])
    assert.deepEqual(expired({ recordings, limits: { maxBytes: 0 }, isOpen: () => true }), [])
  })

  it('F-08: times that somebody made up keep no file for ever and take no new one away', async (t) => {
    const { root } = makePlace(t)
    const recordings = await recordingsOf(root, [
      { path: 'live/future', startedAt: Date.UTC(9999, 0, 1), changedAt: Date.UTC(2200, 0, 1) },
      { path: 'live/past', startedAt: 0, changedAt: 0 },
      { path: 'live/young', startedAt: NOW - HOUR, changedAt: 0 },
    ])
    const crafted = [
      ...recordings,
      ...[Number.NaN, Number.NEGATIVE_INFINITY, -8.64e15, 8.64e15].map((changedAt) => ({
        ...(recordings[1] as (typeof recordings)[0]),
        path: `live/${changedAt}`,
        changedAt,
        parsed: { startedAt: NOW - HOUR, repeat: 1, format: 'mp4' as const },
      })),
    ]

    const settingsOf = () => ({ keepDays: 1, keepBytes: undefined })
    assert.deepEqual(expired({ recordings: crafted, settingsOf }), [`live/past ${Math.round(NOW / HOUR)}`])
    assert.equal(expired({ recordings: crafted, settingsOf, limits: { maxBytes: 0 } }).length, crafted.length)
    // A clock that goes on makes them old like all others.
    assert.equal(expired({ recordings, settingsOf, now: Date.UTC(2200, 0, 1) + 2 * DAY }).length, 2)
  })
})

describe('moments', () => {
  it('are dates, times of today, or times ago', () => {
    const now = new Date(2026, 10, 25, 12, 0, 0)
    const cases: Record<string, number> = {
      now: now.getTime(),
      '-10m': now.getTime() - 600_000,
      '-1h30m': now.getTime() - 5_400_000,
      '-2d': now.getTime() - 2 * DAY,
      '-5s': now.getTime() - 5_000,
      '03:41': new Date(2026, 10, 25, 3, 41).getTime(),
      '3:41:07': new Date(2026, 10, 25, 3, 41, 7).getTime(),
      '2026-11-25T03:41:00Z': Date.UTC(2026, 10, 25, 3, 41),
      '2026-11-25T04:41:00.5+01:00': Date.UTC(2026, 10, 25, 3, 41, 0, 500),
      '2026-11-25 03:41': new Date(2026, 10, 25, 3, 41).getTime(),
    }
    for (const [text, wanted] of Object.entries(cases)) assert.equal(parseMoment(text, now), wanted, text)
    for (const text of ['', '-', '10m', '-10', '25:00', '12:60', '2026-13-01', 'yesterday', '-9999999999h', '-m']) {
      assert.throws(() => parseMoment(text, now), { code: 'ERR_USAGE' }, text)
    }
  })
})
