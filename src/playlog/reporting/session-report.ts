/** What one playback tells a collector: CMCD version 2 records of events, and of requests (CTA-5004-B). Owns neither clock nor network. */
import type { CmcdValue } from '../cmcd/record.ts'
import { writeCmcd } from '../cmcd/write.ts'
import type { PlayerState } from '../play-event.ts'
import { type PlaybackSignal, PlaybackStates } from './playback-states.ts'

/** How a player is at a moment, as far as it can tell. Milliseconds, kilobits a second. */
export interface PlaybackReading {
  /** Media time of the picture. */
  readonly position?: number | undefined
  /** Times real time, while it plays. */
  readonly rate?: number | undefined
  /** Media at hand behind the picture. */
  readonly buffer?: number | undefined
  /** Of what is played. */
  readonly bitrate?: number | undefined
  readonly throughput?: number | undefined
  /** Behind the live moment. */
  readonly latency?: number | undefined
  /** Since the player began. */
  readonly droppedFrames?: number | undefined
  /** Nobody sees the page that it is in. */
  readonly hidden?: boolean | undefined
}

/** What is asked for. */
export interface RequestedObject {
  /** CMCD `ot`: manifest, audio, video, both, initialization, captions, key, other. */
  readonly type: 'm' | 'a' | 'v' | 'av' | 'i' | 'c' | 'k' | 'o'
  /** Milliseconds. */
  readonly duration?: number | undefined
  /** Kilobits a second. */
  readonly bitrate?: number | undefined
}

export interface SessionReportOptions {
  /** At most 64 characters that say nothing of the viewer. */
  readonly sessionId: string
  /** At most 128 characters: the path. */
  readonly contentId: string
  /** On demand, live, live with low latency; left out: not known. */
  readonly streamType?: 'v' | 'l' | 'll'
  /** Between two records of how it goes; 0: none. Default 30 s (CTA-5004-B, event `t`). */
  readonly intervalMs?: number
}

/** CMCD `sf`: DASH, HLS, anything else. */
export type StreamingFormat = 'd' | 'h' | 'o'

export const DEFAULT_INTERVAL_MS = 30_000
/** Players that follow a live stream play a little faster or slower; nobody chose that. */
const MIN_RATE_CHANGE = 0.1
const MAX_CODES = 8
const MAX_CODE_LENGTH = 64

const TOKENS: Readonly<Record<PlayerState, string>> = {
  starting: 's',
  playing: 'p',
  seeking: 'k',
  rebuffering: 'r',
  paused: 'a',
  ended: 'e',
  failed: 'f',
  quit: 'q',
  preloading: 'd',
}

/** Waits for media before pictures can move: objects asked for now are urgent. */
const URGENT: ReadonlySet<PlayerState | undefined> = new Set([undefined, 'starting', 'seeking', 'rebuffering'])

export class SessionReport {
  readonly #options: SessionReportOptions
  readonly #states = new PlaybackStates()
  #format: StreamingFormat = 'o'
  #records: string[] = []
  #sequence = 0
  #requests = 0
  #startupTold = false
  #starved = false
  #requestStarved = false
  #bitrate: number | undefined
  #rate = 1
  #hidden: boolean | undefined
  #intervalAt: number | undefined

  constructor(options: SessionReportOptions) {
    this.#options = options
  }

  get state(): PlayerState | undefined {
    return this.#states.state
  }

  /** It has failed or was left: nothing more comes of it. */
  get over(): boolean {
    return this.#states.over
  }

  /** The way it is played from now on. */
  setFormat(format: StreamingFormat): void {
    this.#format = format
  }

  /** `now`: milliseconds since 1970. */
  signal(signal: PlaybackSignal, now: number, reading: PlaybackReading): void {
    const before = this.#states.state
    const state = this.#states.take(signal, now)
    if (state === undefined) return
    if (state === 'rebuffering') {
      this.#starved = true
      this.#requestStarved = true
    }
    if (before === undefined) {
      this.#intervalAt = now + this.#intervalMs
      this.#hidden = reading.hidden ?? false
    }
    this.#add('ps', now, reading)
  }

  /** Something failed, whatever comes of it. `codes` are of the player. */
  error(codes: readonly string[], now: number, reading: PlaybackReading): void {
    if (this.#states.state === undefined || this.over || codes.length === 0) return
    const ec = codes.slice(0, MAX_CODES).map((code) => ({ value: code.slice(0, MAX_CODE_LENGTH) }))
    this.#add('e', now, reading, [['ec', ec]])
  }

  /** Compares with what was told, and tells what has changed, or how it goes when the interval is over. To be called about once a second. */
  tick(now: number, reading: PlaybackReading): void {
    if (this.#states.state === undefined || this.over) return
    const { bitrate, rate, hidden } = reading
    if (bitrate !== undefined && bitrate !== this.#bitrate) {
      const known = this.#bitrate !== undefined
      this.#bitrate = bitrate
      if (known) this.#add('bc', now, reading)
    }
    if (rate !== undefined && rate > 0 && Math.abs(rate - this.#rate) >= MIN_RATE_CHANGE) {
      this.#rate = rate
      this.#add('pr', now, reading)
    }
    if (hidden !== undefined && hidden !== this.#hidden) {
      this.#hidden = hidden
      this.#add('b', now, reading, [['bg', hidden]])
    }
    if (this.#intervalMs === 0 || this.#intervalAt === undefined || now < this.#intervalAt) return
    if (this.#states.state === 'ended') return
    this.#intervalAt = now + this.#intervalMs
    this.#add('t', now, reading)
  }

  /** Records of events since this was asked before, one a line of a body. */
  take(): readonly string[] {
    const records = this.#records
    this.#records = []
    return records
  }

  /**
   * The record that goes with a request. It does not tell the state: a server dates it by its own clock and events by the player's, and two
   * clocks would make two orders of what happened.
   */
  request({ type, duration, bitrate }: RequestedObject, reading: PlaybackReading): string {
    const values: [string, CmcdValue | undefined][] = [
      ...this.#session(),
      ['sn', this.#requests++],
      ['ot', type],
      ['d', duration],
      ['br', numbers(bitrate)],
      ['bl', numbers(reading.buffer)],
      ['mtp', numbers(reading.throughput)],
      ['su', URGENT.has(this.#states.state) || undefined],
      ['bs', this.#requestStarved || undefined],
    ]
    this.#requestStarved = false
    return write(values)
  }

  get #intervalMs(): number {
    return this.#options.intervalMs ?? DEFAULT_INTERVAL_MS
  }

  #session(): [string, CmcdValue | undefined][] {
    const { sessionId, contentId, streamType } = this.#options
    return [
      ['sid', sessionId],
      ['cid', contentId],
      ['sf', this.#format],
      ['st', streamType],
    ]
  }

  #add(event: string, now: number, reading: PlaybackReading, more: readonly [string, CmcdValue][] = []): void {
    const state = this.#states.state as PlayerState
    const { startup, stalls, stalled } = this.#states.totals(now)
    const finished = this.#states.takeFinishedStalls()
    const values: [string, CmcdValue | undefined][] = [
      ...this.#session(),
      ['e', event],
      ['ts', now],
      ['sn', this.#sequence++],
      ['sta', TOKENS[state]],
      ['pr', state === 'playing' ? (reading.rate ?? 1) : 0],
      ['pt', reading.position],
      ['bl', numbers(reading.buffer)],
      ['br', numbers(reading.bitrate)],
      ['mtp', numbers(reading.throughput)],
      ['ltc', reading.latency],
      ['dfa', reading.droppedFrames],
      ['bg', reading.hidden === true || undefined],
      ['bs', this.#starved || undefined],
      ['bsa', stalls === 0 ? undefined : numbers(stalls)],
      ['bsda', stalls === 0 ? undefined : numbers(stalled)],
      ['bsd', finished.length === 0 ? undefined : finished.map((value) => ({ value }))],
      ['msd', this.#startupTold ? undefined : startup],
      ...more,
    ]
    this.#startupTold ||= startup !== undefined
    this.#starved = false
    this.#bitrate ??= reading.bitrate
    this.#records.push(write(values))
  }
}

function numbers(value: number | undefined): readonly { readonly value: number }[] | undefined {
  return value === undefined || !Number.isFinite(value) || value < 0 ? undefined : [{ value }]
}

/** What is not known is left out, and so is what no number can be. */
function write(values: readonly (readonly [string, CmcdValue | undefined])[]): string {
  const known = values.filter((entry): entry is readonly [string, CmcdValue] => {
    const [, value] = entry
    return value !== undefined && !(typeof value === 'number' && !(Number.isFinite(value) && value >= 0))
  })
  return writeCmcd(known, 2)
}
