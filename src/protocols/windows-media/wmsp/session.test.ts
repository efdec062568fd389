import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RequestKind } from './request.ts'
import { ANNOUNCED_IDLE_MS, IDLE_MS, PIPELINE_TEST_MS, WmspSession } from './session.ts'
import { SessionRegistry } from './session-registry.ts'

const KINDS: readonly RequestKind[] = [
  'describe',
  'play',
  'play-next-entry',
  'select-stream',
  'pipeline',
  'stop',
  'keep-alive',
  'log',
  'content-info',
  'event',
]

function inState(state: WmspSession['state']): WmspSession {
  const session = new WmspSession(1, 'live/a', 0)
  if (state === 'init') return session
  session.answered(0)
  if (state === 'idle') return session
  session.play(false)
  if (state === 'waiting') session.wait(0)
  return session
}

test('what may come in which state', () => {
  const refused: Record<WmspSession['state'], RequestKind[]> = {
    init: ['play-next-entry', 'select-stream'],
    idle: ['play-next-entry', 'select-stream'],
    streaming: ['describe', 'play', 'pipeline'],
    waiting: ['describe', 'pipeline'],
  }
  for (const [state, expected] of Object.entries(refused) as [WmspSession['state'], RequestKind[]][]) {
    const found = KINDS.filter((kind) => {
      try {
        inState(state).accept(kind)
        return false
      } catch (error) {
        assert.equal((error as { code: string }).code, 'ERR_WMSP_STATE')
        return true
      }
    })
    assert.deepEqual(found, expected, state)
  }
})

test('states follow one another', () => {
  const session = new WmspSession(1, 'live/a', 0)
  assert.equal(session.state, 'init')
  session.answered(0)
  assert.equal(session.state, 'idle')
  session.play(true)
  assert.equal(session.state, 'streaming')
  session.wait(5)
  assert.equal(session.state, 'waiting')
  session.select(6, undefined)
  assert.equal(session.state, 'streaming')
  session.stop(7)
  assert.equal(session.state, 'idle')
})

test('SRV-67, SRV-09: the idle timer runs from the last answer, not while something is played, and longer than it is announced', () => {
  assert.ok(IDLE_MS >= 10_000 && ANNOUNCED_IDLE_MS < IDLE_MS)
  const session = new WmspSession(1, 'live/a', 0)
  session.answered(1_000)
  assert.equal(session.expired(IDLE_MS + 999), false)
  assert.equal(session.expired(IDLE_MS + 1_000), true)
  session.play(false)
  assert.equal(session.expired(10 * IDLE_MS), false)
  session.wait(50)
  assert.equal(session.expired(50 + IDLE_MS), true)
  session.select(60, undefined)
  assert.equal(session.expired(10 * IDLE_MS), false)
  session.accept('log')
  session.answered(70)
  assert.equal(session.expired(10 * IDLE_MS), false)
})

test('SRV-29, SRV-30: the pipeline test knows whether the second request came in time, and can be run again', () => {
  const session = new WmspSession(1, 'live/a', 0)
  assert.equal(session.pipelineTest(0), 'first')
  assert.equal(session.pipelineTest(PIPELINE_TEST_MS - 1), true)
  assert.equal(session.pipelineTest(0), 'first')
  assert.equal(session.pipelineTest(PIPELINE_TEST_MS), false)
  assert.equal(session.pipelineTest(0), 'first')
})

test('the pause before the next header', () => {
  const session = inState('streaming')
  assert.equal(session.changePause(0), 0)
  session.select(1_000, undefined)
  assert.equal(session.changePause(3_000), 6_000)
  assert.equal(session.changePause(20_000), 0)
  session.select(1_000, 4_000)
  assert.equal(session.changePause(3_000), 6_000)
  assert.equal(session.changePause(20_000), 4_000)
  session.select(1_000, 99_000)
  assert.equal(session.changePause(20_000), 15_000)
})

test('SRV-11: the registry gives an id once, and the one idle longest makes room', () => {
  const registry = new SessionRegistry(3)
  const closed: number[] = []
  const sessions = [0, 1, 2].map((now) => registry.open('live/a', now))
  for (const session of sessions) session.attachments.add({ close: () => closed.push(session.clientId) })
  const [first, second, third] = sessions as [WmspSession, WmspSession, WmspSession]
  first.answered(5)
  registry.touch(first)
  registry.open('live/a', 6)
  assert.deepEqual(closed, [second.clientId])
  for (const session of [first, third]) session.play(false)
  registry.open('live/a', 7)
  for (const session of registry.list()) session.play(false)
  assert.throws(() => registry.open('live/a', 8), { code: 'ERR_WMSP_SESSIONS' })
  assert.equal(registry.size, 3)
})
