/** The measures of one session kept up to date with each event, for those who cannot read all of a session again with each of its reports. */
import type { PlayEvent, PlayerState } from '../play-event.ts'
import { type Heard, heardBitrate, heardState, isOfPlayer, nextState } from './heard.ts'
import { eachMinute, type MinuteShare, type MinuteShares, minuteOf } from './minute-shares.ts'
import {
  bytesSoFar,
  isClosing,
  type MeasureOptions,
  outcomeFrom,
  SEEK_TAIL,
  type SessionMeasures,
} from './session-measures.ts'
import { guessedState, inOrder, isFinal } from './state-spans.ts'

/** Different codes that are counted by themselves; more are counted as `other`. */
export const MAX_ERROR_CODES = 64

/** All that `measureSession` tells but the spans, which grow with the session. */
export type TrackedMeasures = Omit<SessionMeasures, 'spans'>

/**
 * - `folded`: it counts;
 * - `late`: it belongs before what was folded;
 * - `contradicts`: minutes were filled by guesses, or by sums, that this event shows to be wrong.
 *
 * Of the last two nothing was taken: the session has to be tracked again from all of its events.
 */
export type TrackResult = 'folded' | 'late' | 'contradicts'

/** How the player reports, as far as that decides what fills the minutes. */
interface Manner {
  /** It tells its states; others are guessed. */
  tells: boolean
  /** It tells when it stalls; of others the sums are taken. */
  stalls: boolean
}

interface Fold extends Manner, Heard {
  start: number
  last: number
  /** The player's last word: states are counted up to here. */
  until: number
  sequence: number
  receivedAt: number
  state: PlayerState | undefined
  since: number
  /** Of finished spans, like the four below them. */
  startedAt: number | undefined
  firstPicture: number | undefined
  seekEnd: number | undefined
  stallTime: number
  stallCount: number
  networkTime: number
  networkCount: number
  played: number
  paused: number
  seeking: number
  bitrate: number | undefined
  bitrateTime: number
  bitratePlayed: number
  up: number
  down: number
  toldPlayed: number
  toldStalls: number
  starved: number
  toldStalled: number
  startup: number | undefined
  droppedFrames: number | undefined
  bytes: number | undefined
  lostPackets: number | undefined
  isClosed: boolean
  activeMinute: number | undefined
}

export class SessionTracker {
  #fold: Fold | undefined
  #manner: Manner
  #errors = new Map<string, number>()

  private constructor(manner: Manner) {
    this.#manner = manner
  }

  /** A session of which nothing has come yet. */
  static create(): SessionTracker {
    return new SessionTracker({ tells: false, stalls: false })
  }

  /** Of all events of a session, in any order. `shares` gets what they give to the minutes. */
  static of(events: readonly PlayEvent[], shares: MinuteShares): SessionTracker {
    const ordered = inOrder(events)
    const players = ordered.filter(isOfPlayer)
    const tells = players.some(({ state }) => state !== undefined)
    const tracker = new SessionTracker({ tells, stalls: players.some(({ state }) => state === 'rebuffering') })
    for (const event of ordered) tracker.add(event, shares)
    return tracker
  }

  /** Of what `snapshot` gave. Throws SyntaxError for text that is no JSON: it was ours. */
  static restore(snapshot: string): SessionTracker {
    const [fold, errors] = JSON.parse(snapshot) as [Fold | null, [string, number][]]
    const tracker = SessionTracker.create()
    if (fold !== null) {
      // JSON has no `undefined`: what is missing is.
      tracker.#fold = { ...NOTHING, ...fold }
      tracker.#manner = tracker.#fold
    }
    tracker.#errors = new Map(errors)
    return tracker
  }

  /** A few hundred characters, however long the session. */
  snapshot(): string {
    return JSON.stringify([this.#fold ?? null, [...this.#errors]])
  }

  /** `shares` gets what the event gives to the minutes. */
  add(event: PlayEvent, shares: MinuteShares): TrackResult {
    const fold = this.#fold ?? { ...NOTHING, ...this.#manner, start: event.time, last: event.time }
    if (this.#fold !== undefined && isBefore(event, fold)) return 'late'
    const state = isOfPlayer(event) ? event.state : undefined
    const starting = state !== undefined && !fold.tells
    // A start that was guessed over more than two minutes has filled those between its events.
    const fills = fold.state === 'starting' && minuteOf(fold.until) > minuteOf(fold.start) + 1
    const hasGuessed = fold.firstPicture !== undefined || fold.state === 'playing' || fold.state === 'paused' || fills
    const stalling = state === 'rebuffering' && !fold.stalls
    if (starting && hasGuessed) return 'contradicts'
    if (stalling && (fold.toldStalls > 0 || fold.starved > 0 || fold.toldStalled > 0)) return 'contradicts'
    if (starting) {
      Object.assign(fold, { tells: true, state: undefined, startedAt: undefined })
    }
    if (stalling) fold.stalls = true
    this.#fold = fold
    if (isOfPlayer(event)) {
      goTo(fold, event.time, shares)
      const next = fold.tells ? nextState(heardState(event, fold), fold.state) : guessedState(event, fold.state)
      setState(fold, next, shares)
      setBitrate(fold, heardBitrate(event, fold))
    } else if (!fold.tells || !isGoingOn(fold)) countActive(fold, minuteOf(event.time), shares)
    fold.last = event.time
    const share = shares.at(minuteOf(event.time))
    addTold(fold, event, share, shares)
    for (const code of event.errors ?? []) {
      const name = this.#errors.has(code) || this.#errors.size < MAX_ERROR_CODES ? code : 'other'
      this.#errors.set(name, (this.#errors.get(name) ?? 0) + 1)
      share.errors++
    }
    fold.sequence = event.sequence ?? 0
    fold.receivedAt = event.receivedAt
    return 'folded'
  }

  /** Throws RangeError before the first event. */
  measures({ over }: MeasureOptions): TrackedMeasures {
    const fold = this.#fold
    if (fold === undefined) throw new RangeError('expected events of a session, found none')
    const { state, since, last, until } = fold
    const firstPicture = fold.firstPicture ?? (state === 'playing' ? since : undefined)
    const startedAt = fold.startedAt ?? (state === 'starting' ? since : undefined)
    const fromStates = firstPicture === undefined || startedAt === undefined ? undefined : firstPicture - startedAt
    const stalls = { ...fold }
    if (state === 'rebuffering') countStall(stalls, until)
    // Of a player that tells of stalls only in sums.
    const seen = fold.stalls
    const toldStalls = Math.max(fold.toldStalls, fold.starved)
    const { toldStalled, isClosed } = fold
    const hasPlayed = firstPicture !== undefined || fold.toldPlayed > 0
    return {
      start: fold.start,
      end: last,
      outcome: outcomeFrom(state, { hasPlayed, isClosed, over }),
      firstPicture,
      startup: fold.startup ?? fromStates,
      played: fold.played + fold.toldPlayed,
      stalled: seen ? stalls.stallTime : toldStalled,
      stalls: seen ? stalls.stallCount : toldStalls,
      networkStalled: seen ? stalls.networkTime : toldStalled,
      networkStalls: seen ? stalls.networkCount : toldStalls,
      paused: fold.paused,
      seeking: fold.seeking,
      bitrate: fold.bitratePlayed > 0 ? fold.bitrateTime / fold.bitratePlayed : fold.bitrate,
      bitrateUp: fold.up,
      bitrateDown: fold.down,
      droppedFrames: fold.droppedFrames,
      bytes: fold.bytes,
      lostPackets: fold.lostPackets,
      errors: this.#errors,
    }
  }
}

const NOTHING: Fold = {
  tells: false,
  stalls: false,
  states: false,
  bitrates: false,
  start: 0,
  last: 0,
  until: 0,
  sequence: 0,
  receivedAt: 0,
  state: undefined,
  since: 0,
  startedAt: undefined,
  firstPicture: undefined,
  seekEnd: undefined,
  stallTime: 0,
  stallCount: 0,
  networkTime: 0,
  networkCount: 0,
  played: 0,
  paused: 0,
  seeking: 0,
  bitrate: undefined,
  bitrateTime: 0,
  bitratePlayed: 0,
  up: 0,
  down: 0,
  toldPlayed: 0,
  toldStalls: 0,
  starved: 0,
  toldStalled: 0,
  startup: undefined,
  droppedFrames: undefined,
  bytes: undefined,
  lostPackets: undefined,
  isClosed: false,
  activeMinute: undefined,
}

/** As `inOrder` has it. */
function isBefore(event: PlayEvent, { last, sequence, receivedAt }: Fold): boolean {
  return (event.time - last || (event.sequence ?? 0) - sequence || event.receivedAt - receivedAt) < 0
}

/** There is a state that the player's next word extends. */
function isGoingOn({ state }: Fold): boolean {
  return state !== undefined && !isFinal(state)
}

/** The state that holds goes on until then. */
function goTo(fold: Fold, time: number, shares: MinuteShares): void {
  const { state, until } = fold
  fold.until = time
  if (!isGoingOn(fold) || time === until) {
    countActive(fold, minuteOf(time), shares)
    return
  }
  eachMinute(until, time, (minute, milliseconds) => {
    countActive(fold, minute, shares)
    if (state === 'rebuffering') shares.at(minute).stalled += milliseconds
    if (state === 'playing') addPlayed(fold, shares.at(minute), milliseconds)
  })
  countActive(fold, minuteOf(time), shares)
  if (state === 'paused') fold.paused += time - until
  if (state === 'seeking') fold.seeking += time - until
}

function addPlayed(fold: Fold, share: MinuteShare, milliseconds: number): void {
  fold.played += milliseconds
  share.played += milliseconds
  if (fold.bitrate === undefined) return
  fold.bitratePlayed += milliseconds
  fold.bitrateTime += fold.bitrate * milliseconds
  share.bitratePlayed += milliseconds
  share.bitrateTime += fold.bitrate * milliseconds
}

function countActive(fold: Fold, minute: number, shares: MinuteShares): void {
  if (fold.activeMinute !== undefined && minute <= fold.activeMinute) return
  fold.activeMinute = minute
  shares.at(minute).active++
}

/** From the player's last word on. What lasted no time was not there. */
function setState(fold: Fold, next: PlayerState | undefined, shares: MinuteShares): void {
  const { state, since, until } = fold
  if (next === undefined || next === state) return
  if (until > since) {
    if (state === 'starting') fold.startedAt ??= since
    if (state === 'playing') fold.firstPicture ??= since
    if (state === 'seeking') fold.seekEnd = until
    if (state === 'rebuffering') countStall(fold, until)
  } else if (state === 'rebuffering') shares.at(minuteOf(since)).stalls--
  if (next === 'rebuffering') shares.at(minuteOf(until)).stalls++
  fold.state = next
  fold.since = until
}

function countStall(fold: Fold, end: number): void {
  const time = end - fold.since
  fold.stallTime += time
  fold.stallCount++
  if (fold.seekEnd !== undefined && fold.since - fold.seekEnd < SEEK_TAIL) return
  fold.networkTime += time
  fold.networkCount++
}

function setBitrate(fold: Fold, bitrate: number | undefined): void {
  const { bitrate: current } = fold
  if (bitrate === undefined || bitrate === current) return
  if (current !== undefined && bitrate > current) fold.up++
  else if (current !== undefined) fold.down++
  fold.bitrate = bitrate
}

/** Totals since the start: the largest is the last, whatever the order. Minutes get what they grew by. */
function addTold(fold: Fold, event: PlayEvent, share: MinuteShare, shares: MinuteShares): void {
  const { played = 0 } = event
  const before = { stalls: Math.max(fold.toldStalls, fold.starved), stalled: fold.toldStalled, bytes: fold.bytes ?? 0 }
  if (event.starved === true) fold.starved++
  fold.toldStalls = Math.max(fold.toldStalls, event.stalls ?? 0)
  fold.toldStalled = Math.max(fold.toldStalled, event.stalled ?? 0)
  fold.startup ??= event.startup
  fold.droppedFrames = greater(fold.droppedFrames, event.droppedFrames)
  fold.lostPackets = greater(fold.lostPackets, event.lostPackets)
  fold.isClosed = isClosing(event)
  fold.bytes = greater(fold.bytes, bytesSoFar(event))
  if (played > 0) {
    fold.toldPlayed += played
    eachMinute(event.time - played, event.time, (minute, milliseconds) => {
      shares.at(minute).played += milliseconds
    })
  }
  if (!fold.stalls) {
    share.stalls += Math.max(fold.toldStalls, fold.starved) - before.stalls
    share.stalled += fold.toldStalled - before.stalled
  }
  share.bytes += (fold.bytes ?? 0) - before.bytes
}

function greater(known: number | undefined, told: number | undefined): number | undefined {
  if (told === undefined) return known
  return known === undefined ? told : Math.max(known, told)
}
