/** A session as the store goes on with it: its measures, what it has told of itself, and which of its records were seen. */
import { MinuteShares } from '../../../playlog/measures/minute-shares.ts'
import { SessionTracker } from '../../../playlog/measures/session-tracker.ts'
import type { PlayEvent } from '../../../playlog/play-event.ts'
import { playerFamily } from '../../../playlog/player-family.ts'
import type { RollupChanges } from './rollup-changes.ts'
import { SeenSequences, type SeenSnapshot } from './seen-sequences.ts'
import { MAX_REBUILT_EVENTS } from './store-limits.ts'
import type { Dimensions, SessionRow } from './tables.ts'

/** Whether its numbers are those of its events; see `SessionRow.stale`. */
export const STALE = { no: 0, yes: 1, forever: 2 } as const

/** What a session told of itself; the first that was told holds, of `latency` the last. */
interface Told {
  path?: string
  protocol?: string
  userAgent?: string
  player?: string
  address?: string
  content?: string
  latency?: number
  seen: number
  events: number
  errors: number
  stale: number
  trimmed: number
  /** By a player, and not by the server alone. */
  byPlayer: boolean
}

/** A stored event; `folded`: it is in the numbers. */
export interface StoredEvent {
  readonly event: PlayEvent
  readonly folded: boolean
}

export class SessionRecord {
  readonly key: number
  readonly id: string
  #tracker = SessionTracker.create()
  #sequences = new SeenSequences()
  #told: Told = { seen: 0, events: 0, errors: 0, stale: STALE.no, trimmed: 0, byPlayer: false }
  /** That its shares of the roll-ups are under. */
  #dimensions: Dimensions | undefined
  /** Its start that is counted there. */
  #counted: readonly [start: number, startup: number] | undefined

  constructor(key: number, id: string) {
    this.key = key
    this.id = id
  }

  static restore(key: number, id: string, state: string): SessionRecord {
    const record = new SessionRecord(key, id)
    const [tracker, sequences, told, dimensions, counted] = JSON.parse(state) as [
      string,
      SeenSnapshot,
      Told,
      Dimensions | null,
      [number, number] | null,
    ]
    record.#tracker = SessionTracker.restore(tracker)
    record.#sequences = SeenSequences.restore(sequences)
    record.#told = told
    record.#dimensions = dimensions ?? undefined
    record.#counted = counted ?? undefined
    return record
  }

  /** For `restore`. */
  state(): string {
    return JSON.stringify([
      this.#tracker.snapshot(),
      this.#sequences.snapshot(),
      this.#told,
      this.#dimensions ?? null,
      this.#counted ?? null,
    ])
  }

  get isStale(): boolean {
    return this.#told.stale === STALE.yes
  }

  /** False: it came before. */
  isNew(event: PlayEvent): boolean {
    return this.#sequences.add(event)
  }

  /** Whether the event is in the numbers now; else it will be with `rebuild`. */
  add(event: PlayEvent, rollups: RollupChanges): boolean {
    this.#tell(event)
    this.#dimensions ??= this.#toldDimensions()
    const change = rollups.of(this.#dimensions)
    const folded = this.#tracker.add(event, change.shares) === 'folded'
    if (folded) change.addErrors(event, 1)
    else this.#told.stale = this.#told.trimmed > 0 ? STALE.forever : STALE.yes
    return folded
  }

  /** Once after the events of a transaction: the start is counted, anew where the player has told better since. */
  countStartup(rollups: RollupChanges): void {
    const { start, startup } = this.#measures()
    if (this.#dimensions === undefined) return
    if (!sameDimensions(this.#dimensions, this.#toldDimensions()) && this.#told.stale === STALE.no) {
      this.#told.stale = this.#told.trimmed > 0 ? STALE.forever : STALE.yes
    }
    const change = rollups.of(this.#dimensions)
    const before = this.#counted
    if (before !== undefined && before[0] === start && before[1] === startup) return
    if (before !== undefined) change.addStartup(...before, -1)
    this.#counted = startup === undefined ? undefined : [start, startup]
    if (startup !== undefined) change.addStartup(start, startup, 1)
  }

  /** Reads the session again from all of its events, in the order they came, and moves what it gave to the roll-ups. */
  rebuild(stored: readonly StoredEvent[], rollups: RollupChanges): void {
    this.withdraw(stored, rollups)
    this.#dimensions = this.#toldDimensions()
    const change = rollups.of(this.#dimensions)
    this.#tracker = SessionTracker.of(
      stored.map(({ event }) => event),
      change.shares,
    )
    for (const { event } of stored) change.addErrors(event, 1)
    this.#told.stale = STALE.no
    this.countStartup(rollups)
  }

  /** Takes back all that the session gave to the roll-ups. */
  withdraw(stored: readonly StoredEvent[], rollups: RollupChanges): void {
    if (this.#dimensions === undefined) return
    const change = rollups.of(this.#dimensions)
    const given = new MinuteShares()
    const folded = stored.filter(({ folded }) => folded).map(({ event }) => event)
    SessionTracker.of(folded, given)
    change.shares.addAll(given, -1)
    for (const event of folded) change.addErrors(event, -1)
    if (this.#counted !== undefined) change.addStartup(...this.#counted, -1)
    this.#counted = undefined
  }

  /** Whether `join` can be: some events of neither are gone, and they are not too many to be read again. */
  canJoin(former: SessionRecord): boolean {
    const { trimmed, events } = former.#told
    return trimmed + this.#told.trimmed === 0 && events + this.#told.events <= MAX_REBUILT_EVENTS
  }

  /** Takes the events of a record that was the same session, and was withdrawn; `rebuild` brings them into the numbers. */
  join(events: readonly PlayEvent[]): void {
    for (const event of events) this.#tell(event)
    this.#told.stale = STALE.yes
  }

  /** What it is made of is gone, or too much: it stays as it is. */
  giveUp(): void {
    this.#told.stale = STALE.forever
  }

  /** Some of its events were removed. */
  trim(): void {
    this.#told.trimmed = 1
    if (this.isStale) this.giveUp()
  }

  row(): SessionRow {
    const told = this.#told
    const found = this.#measures()
    const over = this.#tracker.measures({ over: true })
    const onlyServer = !told.byPlayer
    // Of a viewer whose player tells nothing the server knows that it was served.
    const outcomeOf = (outcome: SessionRow['outcome']) =>
      onlyServer && outcome === 'exit-before-start' ? 'left' : outcome
    const fromSums = found.played > 0 ? found.end - found.played : undefined
    return {
      key: this.key,
      id: this.id,
      ...(this.#dimensions ?? this.#toldDimensions()),
      start: found.start,
      finish: found.end,
      seen: told.seen,
      shown: found.firstPicture ?? fromSums ?? (onlyServer ? found.start : null),
      outcome: outcomeOf(found.outcome),
      outcome_over: outcomeOf(over.outcome),
      startup: found.startup ?? null,
      played: found.played,
      stalled: found.stalled,
      stalls: found.stalls,
      network_stalled: found.networkStalled,
      network_stalls: found.networkStalls,
      paused: found.paused,
      seeking: found.seeking,
      bitrate: found.bitrate ?? null,
      bitrate_up: found.bitrateUp,
      bitrate_down: found.bitrateDown,
      dropped_frames: found.droppedFrames ?? null,
      bytes: found.bytes ?? null,
      lost_packets: found.lostPackets ?? null,
      latency: told.latency ?? null,
      errors: told.errors,
      events: told.events,
      stale: told.stale,
      trimmed: told.trimmed,
      player: told.player ?? null,
      address: told.address ?? null,
      user_agent: told.userAgent ?? null,
      content: told.content ?? null,
    }
  }

  #measures() {
    return this.#tracker.measures({ over: false })
  }

  #tell(event: PlayEvent): void {
    const told = this.#told
    told.seen = Math.max(told.seen, event.receivedAt)
    told.events++
    told.errors += event.errors?.length ?? 0
    told.byPlayer ||= event.source !== 'server'
    if (event.path !== undefined) told.path ??= event.path
    if (event.protocol !== undefined) told.protocol ??= event.protocol
    // What the server was asked with, rather than what a log says, whichever comes first.
    if (event.userAgent !== undefined && (event.source === 'server' || told.userAgent === undefined)) {
      told.userAgent = event.userAgent
    }
    if (event.playerId !== undefined) told.player ??= event.playerId
    if (event.address !== undefined) told.address ??= event.address
    if (event.contentId !== undefined) told.content ??= event.contentId
    if (event.latency !== undefined) told.latency = event.latency
  }

  #toldDimensions(): Dimensions {
    const { path = '', protocol = '', userAgent } = this.#told
    return { path, protocol, family: playerFamily(userAgent) ?? '' }
  }
}

function sameDimensions(left: Dimensions, right: Dimensions): boolean {
  return left.path === right.path && left.protocol === right.protocol && left.family === right.family
}
