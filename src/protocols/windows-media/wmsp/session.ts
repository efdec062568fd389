/** One WMSP session: what a client may ask for in which state, and when the session is forgotten (MS-WMSP 3.2.1 to 3.2.7). */
import { PeerError } from '../../../errors.ts'
import type { StreamLevels } from '../stream-selection.ts'
import { EntryIds } from './playing/entry-ids.ts'
import type { RequestKind } from './request.ts'
import { ASSUMED_FEATURES, type ClientFeatures } from './viewer-rules.ts'

/** Milliseconds a session without a stream is kept behind its last answer. */
export const IDLE_MS = 60_000
/** What clients are told, so that their sign of life arrives in time, milliseconds. */
export const ANNOUNCED_IDLE_MS = 55_000
/** Milliseconds between the two requests of a pipeline test. */
export const PIPELINE_TEST_MS = 1_000
/** Milliseconds between a selection and the next header at least, and the longest pause that a client may ask for. */
const SELECT_PAUSE_MS = 8_000
const MAX_LAG_MS = 15_000

export type SessionState = 'init' | 'idle' | 'streaming' | 'waiting'

/** What the session holds open; the connections and the stream of it. */
export interface Attachment {
  /** Ends at once, whatever is in work. */
  close(): void
}

/** No socket, no timer: whoever owns it tells what happened and when, in milliseconds of one clock. */
export class WmspSession {
  readonly clientId: number
  /** Path of what it was opened for. */
  readonly path: string
  readonly attachments = new Set<Attachment>()
  /** Changes of these are told in `Supported`, which replaces all that was known. */
  features: ClientFeatures = ASSUMED_FEATURES
  /** Selected in the latest Play, SelectStream or PlayNextEntry of the entry; `undefined`: nothing was. */
  selection: StreamLevels | undefined
  pipelined = false
  /** Which entries of its programme it was told of. */
  readonly entries = new EntryIds()
  /** Session of the server's registry under which it plays or played last. */
  playId: string | undefined
  #state: SessionState = 'init'
  #idleSince: number | undefined
  #selectedAt: number | undefined
  #lagMs: number | undefined
  #test: { readonly until: number } | undefined

  constructor(clientId: number, path: string, now: number) {
    this.clientId = clientId
    this.path = path
    this.#idleSince = now
  }

  get state(): SessionState {
    return this.#state
  }

  /** When its idle timer was started; `undefined`: it does not run. */
  get idleSince(): number | undefined {
    return this.#idleSince
  }

  /** Its time is over. */
  expired(now: number): boolean {
    return this.#idleSince !== undefined && now - this.#idleSince >= IDLE_MS
  }

  /** A request came. Throws PeerError ERR_WMSP_STATE when it may not come now. */
  accept(kind: RequestKind): void {
    const state = this.#state
    const busy = state === 'streaming' || state === 'waiting'
    if (kind === 'describe' && busy) throw wrongState('a Describe before Play or after Stop', state)
    // Who guesses a client-id must not take the stream away.
    if (kind === 'play' && state === 'streaming') throw wrongState('Play for a session that plays nothing', state)
    if (kind === 'pipeline' && busy) throw wrongState('a pipeline test before Play', state)
    if ((kind === 'select-stream' || kind === 'play-next-entry') && !busy) {
      throw wrongState('a selection while something is played', state)
    }
    this.#idleSince = undefined
  }

  /** An answer went out: the idle timer starts, unless the session streams. */
  answered(now: number): void {
    if (this.#state === 'init') this.#state = 'idle'
    this.#idleSince = this.#state === 'streaming' ? undefined : now
  }

  /** Play was answered. */
  play(pipelined: boolean): void {
    this.#state = 'streaming'
    this.#idleSince = undefined
    this.pipelined = pipelined
    this.#selectedAt = undefined
    this.#lagMs = undefined
  }

  /** SelectStream or PlayNextEntry was answered. */
  select(now: number, lagMs: number | undefined): void {
    this.#selectedAt = now
    this.#lagMs = lagMs
    if (this.#state === 'waiting') this.#state = 'streaming'
    this.#idleSince = undefined
  }

  /** A new header went out, and the client is to select of it first. */
  wait(now: number): void {
    this.#state = 'waiting'
    this.#idleSince = now
  }

  /** Stop, the end of the content, or the loss of its connection. */
  stop(now: number): void {
    if (this.#state !== 'init') this.#state = 'idle'
    this.#idleSince = now
  }

  /** Milliseconds to wait before the next `$C`, so that the client has played what it was late with. */
  changePause(now: number): number {
    if (this.#selectedAt === undefined) return 0
    const rest = Math.max(0, this.#selectedAt + SELECT_PAUSE_MS - now)
    return Math.max(rest, Math.min(this.#lagMs ?? 0, MAX_LAG_MS))
  }

  /**
   * A request of the pipeline test. `first`: answer with the test packet and leave the answer open. Otherwise the result: whether the
   * second request came while the first answer was open.
   */
  pipelineTest(now: number): 'first' | boolean {
    const test = this.#test
    if (test === undefined) {
      this.#test = { until: now + PIPELINE_TEST_MS }
      return 'first'
    }
    this.#test = undefined
    return now < test.until
  }
}

function wrongState(expected: string, state: SessionState): PeerError {
  return new PeerError('ERR_WMSP_STATE', `expected ${expected}, found one in state ${state}`)
}
