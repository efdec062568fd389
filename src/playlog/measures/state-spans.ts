/** From what a player told of its states to the spans of time that it was in each. */
import type { PlayEvent, PlayerState } from '../play-event.ts'
import { type Heard, heardState, isOfPlayer, nextState } from './heard.ts'

/** From `start` to `end`, milliseconds since 1970. */
export interface StateSpan {
  readonly state: PlayerState
  readonly start: number
  readonly end: number
}

/** Nothing comes behind these: a player that plays again has another session, or says so with a new state. */
const FINAL: ReadonlySet<PlayerState> = new Set(['ended', 'failed', 'quit'])

export function isFinal(state: PlayerState): boolean {
  return FINAL.has(state)
}

/**
 * The order of events as they happened: by time, and of one moment by their sequence, then as they came. `sn` alone orders nothing: each target
 * of a player counts for itself.
 */
export function inOrder(events: readonly PlayEvent[]): PlayEvent[] {
  return events.toSorted(
    (left, right) =>
      left.time - right.time || (left.sequence ?? 0) - (right.sequence ?? 0) || left.receivedAt - right.receivedAt,
  )
}

/**
 * Spans of one session, of events in order. The last state goes on to the player's last word: that the server closed a connection says nothing
 * of the picture. One that is final has no length. Any record tells the state, so that a lost `ps` costs the time to the next report and not the
 * rest of the session. Players that tell no states (CMCD version 1) are starting until something is buffered and not urgent, then playing, but for
 * `pr=0`.
 */
export function stateSpans(events: readonly PlayEvent[]): readonly StateSpan[] {
  const spans: StateSpan[] = []
  const tells = events.some((event) => event.state !== undefined && isOfPlayer(event))
  const heard: Heard = { states: false, bitrates: false }
  let state: PlayerState | undefined
  let start = 0
  let last = 0
  for (const event of events) {
    if (!isOfPlayer(event)) continue
    last = event.time
    const next = tells ? nextState(heardState(event, heard), state) : guessedState(event, state)
    if (next === undefined || next === state) continue
    if (state !== undefined && event.time > start) spans.push({ state, start, end: event.time })
    state = next
    start = event.time
  }
  if (state !== undefined) spans.push({ state, start, end: isFinal(state) ? start : last })
  return spans
}

/** Of a player that tells no states; `before`: the last guess. `undefined`: nothing new. */
export function guessedState(event: PlayEvent, before: PlayerState | undefined): PlayerState | undefined {
  if (event.source !== 'cmcd') return undefined
  if (event.rate === 0) return 'paused'
  const hasStarted = before === 'playing' || before === 'paused'
  if (hasStarted || (event.buffer ?? 0) > 0) return 'playing'
  return 'starting'
}
