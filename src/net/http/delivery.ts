/** What the server knows of an answer's way: how fast a connection takes bytes, how long a request waited, and where that is said (CTA-5006). */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** What is known when an answer begins. */
export interface Delivery {
  /** Kilobits a second that this connection took of late; left out: no answer before was long enough to tell. */
  readonly throughput?: number
  /** From the request to its answer, milliseconds; left out: there was none. */
  readonly delay?: number
}

/** The value of `CMSD-Dynamic`. */
export type DeliveryText = (delivery: Delivery) => string

const HEADER = 'CMSD-Dynamic'
/** Fewer queued bytes say more of the system's buffers than of the network. */
const MIN_QUEUED_BYTES = 32 * 1024
/** What was measured so long ago, milliseconds, is of another network. */
const FRESH_MS = 30_000
/** Share of the newest measurement. */
const NEWEST_SHARE = 0.5
const MIN_SPAN_MS = 0.05

/**
 * Of one connection. While bytes wait in the process the system's buffer is full, and takes more only as the peer acknowledges: what it takes from
 * there on, over the time until nothing waits, is the throughput. Answers that fit into the buffer say nothing, and cost nothing.
 */
export class DeliveryMeter {
  readonly #socket: Socket
  /** Of the answer in work, since its bytes had to wait first; 0: they have not. */
  #bytes = 0
  #since = 0
  #waiting = false
  /** Before that answer. */
  #before: number | undefined
  /** Bytes a millisecond. */
  #rate: number | undefined
  #measuredAt = 0

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('drain', this.#onDrain)
  }

  /** The one of this connection. */
  static of(socket: Socket): DeliveryMeter {
    let meter = meters.get(socket)
    if (meter === undefined) {
      meter = new DeliveryMeter(socket)
      meters.set(socket, meter)
    }
    return meter
  }

  /** After a write to a connection that this answer has for itself; of HTTP/2 nothing is measured. */
  static wrote({ req, socket }: ServerResponse, byteLength: number, place: PlaceInAnswer): void {
    if (socket === null || req.httpVersionMajor !== 1) return
    // node:http holds back what is written until the end of the turn.
    process.nextTick(() => DeliveryMeter.of(socket).wrote(byteLength, place))
  }

  /** Kilobits a second. */
  get throughput(): number | undefined {
    return this.#rate === undefined || this.#isOld(performance.now()) ? undefined : this.#rate * 8
  }

  /** After each write of so many bytes. */
  wrote(byteLength: number, place: PlaceInAnswer): void {
    if (this.#waiting || (place === 'within' && this.#bytes > 0)) {
      this.#bytes += byteLength
      this.#waiting = this.#socket.writableLength > 0
      return
    }
    this.#bytes = 0
    if (this.#socket.writableLength === 0) return
    const queued = queuedBytes(this.#socket)
    if (queued < MIN_QUEUED_BYTES) return
    this.#bytes = queued
    this.#since = performance.now()
    this.#waiting = true
    this.#before = this.#isOld(this.#since) ? undefined : this.#rate
  }

  readonly #onDrain = (): void => {
    this.#waiting = false
    if (this.#bytes === 0) return
    const now = performance.now()
    const measured = this.#bytes / Math.max(now - this.#since, MIN_SPAN_MS)
    const before = this.#before ?? measured
    this.#rate = before + NEWEST_SHARE * (measured - before)
    this.#measuredAt = now
  }

  #isOld(now: number): boolean {
    return now - this.#measuredAt > FRESH_MS
  }
}

/** Whether a write begins an answer. */
export type PlaceInAnswer = 'begins' | 'within'

const meters = new WeakMap<Socket, DeliveryMeter>()

/** The rest of a write that the system has not taken yet: `writableLength` counts all of it to the end. net.Socket looks at it for its timeout. */
function queuedBytes(socket: Socket): number {
  const { _handle: handle } = socket as Socket & { readonly _handle?: { readonly writeQueueSize?: number } | null }
  return handle?.writeQueueSize ?? 0
}

/** Behind the status line of a complete answer. */
export function deliveryLine(text: string): string {
  return `${HEADER}: ${text}\r\n`
}

interface Pending {
  readonly text: DeliveryText
  readonly since: number
}

const pending = new WeakMap<ServerResponse, Pending>()

/** A request came just now: `tellDelivery` may say how its answer went. */
export function beginDelivery(response: ServerResponse, text: DeliveryText | undefined): void {
  if (text !== undefined) pending.set(response, { text, since: performance.now() })
}

/** Right before the head of an answer that holds media or lists it. */
export function tellDelivery(response: ServerResponse): void {
  const known = pending.get(response)
  if (known === undefined || response.headersSent) return
  const { socket, req } = response
  const throughput = socket === null || req.httpVersionMajor !== 1 ? undefined : meters.get(socket)?.throughput
  const delay = Math.round(performance.now() - known.since)
  response.setHeader(HEADER, known.text({ ...(throughput !== undefined && { throughput }), delay }))
}
