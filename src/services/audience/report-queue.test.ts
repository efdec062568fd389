import assert from 'node:assert/strict'
import { it } from 'node:test'
import { UnavailableError } from '../../errors.ts'
import { quietLogger } from '../../net/testdata/raw-client.ts'
import type { PlayEvent } from '../../playlog/play-event.ts'
import { ReportQueue } from './report-queue.ts'
import { EVENT } from './spool/vectors.ts'

const numbered = (sequence: number): PlayEvent => ({ ...EVENT, sequence })

it('gives reports on in order and together, those of who opted out by themselves', async () => {
  const given: [number[], boolean][] = []
  const queue = new ReportQueue({
    append: (events, optedOut) => {
      given.push([events.map(({ sequence }) => sequence ?? -1), optedOut])
      return Promise.resolve()
    },
    log: quietLogger(),
  })

  for (const [at, optedOut] of [false, true, false].entries()) queue.add(numbered(at), optedOut)
  await queue.flush()

  assert.deepEqual(given, [
    [[0, 2], false],
    [[1], true],
  ])
})

it('counts what was not taken and what is too much, and goes on', async () => {
  const gate = Promise.withResolvers<void>()
  let taken = 0
  const queue = new ReportQueue({
    append: async (events) => {
      await gate.promise
      if (taken++ === 0) throw new UnavailableError('ERR_AUDIENCE_SPOOL_FULL', 'full')
      taken += events.length - 1
    },
    log: quietLogger(),
  })
  queue.add(numbered(0), false)
  const flushed = queue.flush()

  for (let at = 1; at <= 20_005; at++) queue.add(numbered(at), false)
  gate.resolve()
  await flushed

  assert.equal(queue.dropped, 1 + 5)
  assert.equal(taken, 1 + 20_000)
})
