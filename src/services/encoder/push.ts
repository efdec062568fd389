/** The encoder: reads an input in real time and publishes it to a server; comes back when the connection breaks. */
import { setTimeout as sleep } from 'node:timers/promises'
import { describeError, FormatError, HeadendError, PeerError } from '../../errors.ts'
import { Hub } from '../../live/hub.ts'
import type { Publisher } from '../../live/publisher.ts'
import type { Stream } from '../../live/stream.ts'
import { MICROS_PER_SECOND } from '../../media/time.ts'
import type { ClientContext, Logger, Protocol } from '../../protocols/protocol.ts'
import { kindOfInput, readInput } from './input.ts'

/** The client half of a protocol. */
export type PushClient = Required<Pick<Protocol<unknown>, 'push'>>['push']

/** What to publish, where, and how hard to try. */
export interface PushOptions {
  readonly input: string
  readonly url: string
  readonly push: PushClient
  /** Start again at the end of the input. */
  readonly loop?: boolean
  /** Tries after a broken connection; 0 gives up at once. Default: for ever. */
  readonly retries?: number
  readonly ffmpeg?: string
  readonly videoBitrateBps?: number
  /** Seconds between key frames, where ffmpeg encodes. */
  readonly keyInterval?: number
  readonly signal?: AbortSignal
  readonly log: Logger
  readonly insecureTls?: boolean
  /** Called about once a second. */
  readonly onProgress?: (report: PushReport) => void
}

/** How publishing stands. */
export interface PushReport {
  readonly state: 'connecting' | 'publishing' | 'waiting'
  /** Seconds of media read. */
  readonly position: number
  readonly packets: number
  readonly bytes: number
  readonly bitrateBps: number
  readonly reconnects: number
  /** Why it waits. */
  readonly lastError: string | undefined
}

const PROGRESS_MS = 1000
const FIRST_RETRY_MS = 500
const MAX_RETRY_MS = 15_000
/** A connection that held for so long starts the waiting times anew. */
const STABLE_MS = 10_000
const PATH = 'live/pushed'
const DEFAULT_VIDEO_BITRATE_BPS = 2_500_000
const DEFAULT_KEY_INTERVAL = 2

/** Resolves when the input has ended or the signal aborts. Throws the last error when it cannot go on. */
export async function push(options: PushOptions): Promise<PushReport> {
  const stop = new AbortController()
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal])
  const kind = await kindOfInput(options.input)
  const hub = new Hub({ pathSettings: () => ({ graceMs: 0, onBusy: 'refuse', windowMs: 0 }) })
  const publisher = hub.publish(PATH)
  const connection = new Connection(publisher.stream, options, signal)
  const progress = setInterval(() => options.onProgress?.(connection.report()), PROGRESS_MS)
  const reading = readAll(publisher, options, kind, signal)
  try {
    // Whichever fails first ends the other; the end of the input lets the connection finish what it holds.
    await Promise.race([reading.then(() => hub.close()).then(() => connection.done), connection.run()])
    await reading
    return connection.report()
  } finally {
    clearInterval(progress)
    stop.abort()
    hub.close()
    await Promise.allSettled([reading, connection.done])
  }
}

async function readAll(
  publisher: Publisher,
  options: PushOptions,
  kind: Awaited<ReturnType<typeof kindOfInput>>,
  signal: AbortSignal,
): Promise<void> {
  const ffmpeg = {
    ffmpeg: options.ffmpeg ?? 'ffmpeg',
    videoBitrateBps: options.videoBitrateBps ?? DEFAULT_VIDEO_BITRATE_BPS,
    keyInterval: options.keyInterval ?? DEFAULT_KEY_INTERVAL,
    signal,
  }
  do {
    let packets = 0
    for await (const result of readInput(options.input, kind, ffmpeg)) {
      if (signal.aborted || publisher.closed) return
      if (result.type === 'tracks') publisher.announce(result.tracks, result.metadata)
      else {
        packets++
        publisher.write(result.packet)
      }
    }
    if (packets === 0 && !signal.aborted) {
      throw new FormatError('ERR_PUSH_EMPTY', `expected media in ${JSON.stringify(options.input)}, found none`)
    }
  } while (options.loop === true && !signal.aborted)
}

/** Keeps the stream published: connects, and connects again with growing waiting times. */
class Connection {
  readonly done: Promise<void>
  readonly #stream: Stream
  readonly #options: PushOptions
  readonly #signal: AbortSignal
  readonly #finish: () => void
  #state: PushReport['state'] = 'connecting'
  #reconnects = 0
  #lastError: string | undefined

  constructor(stream: Stream, options: PushOptions, signal: AbortSignal) {
    this.#stream = stream
    this.#options = options
    this.#signal = signal
    const { promise, resolve } = Promise.withResolvers<void>()
    this.done = promise
    this.#finish = resolve
  }

  report(): PushReport {
    const { bytes, packets, bitrateBps } = this.#stream.statistics
    return {
      state: this.#state,
      position: this.#stream.newest / MICROS_PER_SECOND,
      packets,
      bytes,
      bitrateBps,
      reconnects: this.#reconnects,
      lastError: this.#lastError,
    }
  }

  async run(): Promise<void> {
    const { push: publish, log, retries = Number.POSITIVE_INFINITY, insecureTls = false } = this.#options
    const client: ClientContext = { signal: this.#signal, log, insecureTls }
    const url = new URL(this.#options.url)
    try {
      for (let failures = 0; !this.#signal.aborted; ) {
        const started = performance.now()
        this.#state = 'publishing'
        try {
          await publish(this.#stream, url, client)
          return
        } catch (error) {
          if (this.#signal.aborted) return
          if (performance.now() - started > STABLE_MS) failures = 0
          // A refusal in so many words is an answer; asking again would get the same one.
          if (!(error instanceof HeadendError) || isRefusal(error) || ++failures > retries) throw error
          this.#lastError = describeError(error)
        }
        this.#state = 'waiting'
        this.#reconnects++
        // Half of the time is left to chance, so that many encoders do not come back in the same moment.
        const wait = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1)) * (0.5 + Math.random() / 2)
        await sleep(wait, undefined, { signal: this.#signal }).catch(() => undefined)
      }
    } finally {
      this.#finish()
    }
  }
}

function isRefusal(error: HeadendError): boolean {
  return error instanceof PeerError && /DENIED|REJECTED|INVALID|BAD_NAME/.test(error.code)
}
