/** The server's state of one push: order of packets and timers, over all its connections (MS-WMHTTP 3.2, figures 6 and 7). No sockets, no clock. */
import { FormatError, PeerError } from '../../../errors.ts'
import { type Frame, FrameReader, REASON } from '../framing.ts'

/** Milliseconds between requests after which a push is given up (3.2.2; servers of old took 120 to 150 s). */
export const INACTIVITY_MS = 120_000

/** What the packets of a push say. */
export type PushEvent =
  /** A whole ASF header; `changed`: it replaces the one before. */
  | { readonly type: 'header'; readonly bytes: Uint8Array; readonly changed: boolean }
  /** One ASF data packet, as it came. */
  | { readonly type: 'packet'; readonly bytes: Uint8Array }
  /** The push is over; the reason is an HRESULT, 0 when all was sent. */
  | { readonly type: 'end'; readonly reason: number }

/** Why a push is over without the encoder saying so. */
export type PushExpiry = 'idle' | 'inactive'

export interface PushSessionOptions {
  /** The encoder shows it in every request: whoever knows it is the encoder. */
  readonly id: string
  readonly path: string
  /** Milliseconds without a header or a data packet while a PushStart runs, or after its connection broke. */
  readonly idleMs: number
  readonly inactivityMs?: number
  /** Monotonic, milliseconds, as in all methods. */
  readonly now: number
}

/** `waiting` for a PushStart, in one, or over. */
export type PushPhase = 'waiting' | 'streaming' | 'over'

export class PushSession {
  readonly id: string
  readonly path: string
  /** Take the stream off the path at once when the push is over. */
  autoDestroy = false
  readonly #idleMs: number
  readonly #inactivityMs: number
  #phase: PushPhase = 'waiting'
  #connected = true
  /** Bytes of a packet lie between bodies or connections never: each has a reader of its own. */
  #reader = new FrameReader('push')
  /** What may come: the first header; packets; or, behind the end of an entry, the next header. */
  #expected: 'header' | 'packets' | 'change' = 'header'
  /** The encoder set itself up again: it may begin with its header instead of going on. */
  #mayRestart = false
  #deadline: number

  constructor({ id, path, idleMs, inactivityMs = INACTIVITY_MS, now }: PushSessionOptions) {
    this.id = id
    this.path = path
    this.#idleMs = idleMs
    this.#inactivityMs = inactivityMs
    this.#deadline = now + inactivityMs
  }

  get phase(): PushPhase {
    return this.#phase
  }

  /** A connection serves the PushStart that runs. */
  get busy(): boolean {
    return this.#phase === 'streaming' && this.#connected
  }

  /** Another PushSetup came. Throws PeerError ERR_WMHTTP_BUSY while a PushStart runs. */
  setUp(now: number): void {
    this.#checkFree()
    this.#mayRestart = this.#expected !== 'header'
    this.#wait(now)
  }

  /** A PushStart is accepted; its packets go on where the one before ended. Throws PeerError ERR_WMHTTP_BUSY while another runs. */
  start(now: number): void {
    this.#checkFree()
    this.#phase = 'streaming'
    this.#connected = true
    this.#reader = new FrameReader('push')
    this.#deadline = now + this.#idleMs
  }

  /** Bytes of the body. Read all events before the next call. */
  write(bytes: Uint8Array): void {
    this.#reader.write(bytes)
  }

  /** Throws FormatError ERR_WMHTTP_ORDER for a packet out of order, and what FrameReader throws; the push is over then. */
  read(now: number): PushEvent | undefined {
    while (this.#phase === 'streaming') {
      const frame = this.#reader.read()
      if (frame === undefined) return undefined
      const event = this.#take(frame)
      if (event === undefined) continue
      if (event.type === 'end') this.end()
      else this.#deadline = now + this.#idleMs
      return event
    }
    return undefined
  }

  /** The body is complete; the encoder goes on in another. Throws FormatError ERR_WMHTTP_BODY_CUT inside a packet. */
  finish(now: number): void {
    if (this.#phase !== 'streaming') return
    const { pending } = this.#reader
    if (pending > 0) {
      throw new FormatError(
        'ERR_WMHTTP_BODY_CUT',
        `expected a body of whole packets, found ${pending} bytes at its end`,
      )
    }
    this.#wait(now)
  }

  /** The connection is gone: the idle timer goes on, in which the encoder may come back. */
  disconnect(): void {
    if (this.#phase === 'streaming') this.#connected = false
  }

  /** `undefined`: goes on. */
  expired(now: number): PushExpiry | undefined {
    if (this.#phase === 'over' || now < this.#deadline) return undefined
    return this.#phase === 'streaming' ? 'idle' : 'inactive'
  }

  /** Nothing more is taken. */
  end(): void {
    this.#phase = 'over'
  }

  #wait(now: number): void {
    this.#phase = 'waiting'
    this.#deadline = now + this.#inactivityMs
  }

  #checkFree(): void {
    if (this.busy) {
      throw new PeerError('ERR_WMHTTP_BUSY', 'expected the PushStart of this push-id to be over, found it in progress')
    }
  }

  #take({ type, reason, payload }: Frame): PushEvent | undefined {
    if (type === 'F' && this.#expected !== 'header') return undefined
    if (type === 'E' && this.#expected !== 'header') {
      if (reason !== REASON.NEXT_ENTRY) return { type: 'end', reason: reason ?? 0 }
      this.#expected = 'change'
      return undefined
    }
    if (type === 'D' && this.#expected === 'packets') {
      this.#mayRestart = false
      return { type: 'packet', bytes: payload }
    }
    const isFirst = type === 'H' && (this.#expected === 'header' || this.#mayRestart)
    const isNext = type === 'C' && this.#expected === 'change'
    if (!isFirst && !isNext) {
      throw new FormatError('ERR_WMHTTP_ORDER', `expected ${EXPECTED[this.#expected]}, found $${type}`)
    }
    const changed = this.#expected !== 'header'
    this.#expected = 'packets'
    this.#mayRestart = false
    return { type: 'header', bytes: payload, changed }
  }
}

const EXPECTED = {
  header: 'an ASF header ($H) first',
  packets: '$D, $E or $F',
  change: '$C, $E or $F behind the end of an entry',
} as const
