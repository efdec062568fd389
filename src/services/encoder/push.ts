/** The encoder: reads an input in real time and publishes it to a server, or offers it to servers that fetch it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { ConfigError, describeError, FormatError, HeadendError, PeerError } from '../../errors.ts'
import { Hub } from '../../live/hub.ts'
import type { Publisher } from '../../live/publisher.ts'
import type { Stream } from '../../live/stream.ts'
import type { AsfInit } from '../../media/containers/asf/model.ts'
import { MICROS_PER_SECOND } from '../../media/time.ts'
import type { ClientContext, Closable, Logger, Protocol } from '../../protocols/protocol.ts'
import { type Input, openInput, type Target } from './input.ts'

/** The client half of a protocol. */
export type PushClient = Required<Pick<Protocol<unknown>, 'push'>>['push']

/** Opens a server that gives the stream at `path` of the hub, whatever it is asked for. Rejects when it cannot listen. */
export type ServeStream = (options: {
  readonly hub: Hub
  readonly path: string
  readonly host: string
  /** 0 picks one. */
  readonly port: number
  readonly log: Logger
}) => Promise<Closable & { readonly port: number }>

/** Where whole ASF packets go beside the packets within: says before the first of them that the publisher has them. */
export type ProvideAsf = (publisher: Publisher) => { write(bytes: Uint8Array, init: AsfInit): void }

/** What to publish, where, and how hard to try. */
export interface PushOptions {
  readonly input: string
  /** Where to, `push` is its client; or `serve` instead of both. */
  readonly url?: string
  readonly push?: PushClient
  /** Offer the stream instead of pushing it. */
  readonly serve?: { readonly host: string; readonly port: number; readonly open: ServeStream }
  /** What the other side takes. Default `flv`. */
  readonly target?: Target
  /** For a target `asf`. */
  readonly provideAsf?: ProvideAsf
  /** Encode (for a target `asf` to Windows Media codecs) what could be sent as it is. */
  readonly transcode?: boolean
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
  /** Called once when `serve` listens. */
  readonly onServing?: (port: number) => void
}

/** How publishing stands. */
export interface PushReport {
  readonly state: 'connecting' | 'publishing' | 'waiting' | 'serving'
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
  const input = await openInput(options.input, {
    ffmpeg: options.ffmpeg ?? 'ffmpeg',
    videoBitrateBps: options.videoBitrateBps ?? DEFAULT_VIDEO_BITRATE_BPS,
    keyInterval: options.keyInterval ?? DEFAULT_KEY_INTERVAL,
    target: options.target ?? 'flv',
    transcode: options.transcode ?? false,
    signal,
  })
  const hub = new Hub({ pathSettings: () => ({ graceMs: 0, onBusy: 'refuse', windowMs: 0 }) })
  const publisher = hub.publish(PATH)
  const delivery = openDelivery(hub, publisher.stream, options, signal)
  const progress = setInterval(() => options.onProgress?.(delivery.report()), PROGRESS_MS)
  const reading = readAll(publisher, options, input, signal)
  try {
    // Whichever fails first ends the other; the end of the input lets the connection finish what it holds.
    await Promise.race([reading.then(() => hub.close()).then(() => delivery.done), delivery.run()])
    await reading
    return delivery.report()
  } finally {
    clearInterval(progress)
    stop.abort()
    hub.close()
    await Promise.allSettled([reading, delivery.done])
    await input.close()
  }
}

async function readAll(publisher: Publisher, options: PushOptions, input: Input, signal: AbortSignal): Promise<void> {
  const asf = input.kind === 'asf' ? options.provideAsf?.(publisher) : undefined
  do {
    // What is encrypted has data packets and no packets of tracks.
    let isEmpty = true
    for await (const result of input.read()) {
      if (signal.aborted || publisher.closed) return
      if (result.type === 'tracks') {
        publisher.announce(result.tracks, result.metadata)
        continue
      }
      if (result.type === 'asf') asf?.write(result.packet.bytes, result.packet.init)
      else publisher.write(result.packet)
      isEmpty = false
    }
    if (isEmpty && !signal.aborted) {
      throw new FormatError('ERR_PUSH_EMPTY', `expected media in ${JSON.stringify(options.input)}, found none`)
    }
  } while (options.loop === true && !signal.aborted)
}

/** The way out of the encoder. */
interface Delivery {
  /** Runs until the stream has ended on the other side. Throws when it cannot go on. */
  run(): Promise<void>
  /** `run` is over, one way or the other. */
  readonly done: Promise<void>
  report(): PushReport
}

function openDelivery(hub: Hub, stream: Stream, options: PushOptions, signal: AbortSignal): Delivery {
  const { serve, push: client, url } = options
  if (serve !== undefined) return new Offer(hub, stream, serve, options, signal)
  if (client === undefined || url === undefined) {
    throw new ConfigError('ERR_PUSH_URL', 'expected an address to push to, or a port to serve on, found neither')
  }
  return new Connection(stream, client, new URL(url), options, signal)
}

/** Keeps the stream published: connects, and connects again with growing waiting times. */
class Connection implements Delivery {
  readonly done: Promise<void>
  readonly #stream: Stream
  readonly #publish: PushClient
  readonly #url: URL
  readonly #options: PushOptions
  readonly #signal: AbortSignal
  readonly #finish: () => void
  #state: PushReport['state'] = 'connecting'
  #reconnects = 0
  #lastError: string | undefined

  constructor(stream: Stream, publish: PushClient, url: URL, options: PushOptions, signal: AbortSignal) {
    this.#stream = stream
    this.#publish = publish
    this.#url = url
    this.#options = options
    this.#signal = signal
    const { promise, resolve } = Promise.withResolvers<void>()
    this.done = promise
    this.#finish = resolve
  }

  report(): PushReport {
    return {
      ...statistics(this.#stream),
      state: this.#state,
      reconnects: this.#reconnects,
      lastError: this.#lastError,
    }
  }

  async run(): Promise<void> {
    const { log, retries = Number.POSITIVE_INFINITY, insecureTls = false } = this.#options
    const client: ClientContext = { signal: this.#signal, log, insecureTls }
    try {
      for (let failures = 0; !this.#signal.aborted; ) {
        const started = performance.now()
        this.#state = 'publishing'
        try {
          await this.#publish(this.#stream, this.#url, client)
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

/** Offers the stream to whoever fetches it, until it ends. */
class Offer implements Delivery {
  readonly done: Promise<void>
  readonly #hub: Hub
  readonly #stream: Stream
  readonly #serve: NonNullable<PushOptions['serve']>
  readonly #options: PushOptions
  readonly #signal: AbortSignal
  readonly #finish: () => void

  constructor(
    hub: Hub,
    stream: Stream,
    serve: NonNullable<PushOptions['serve']>,
    options: PushOptions,
    signal: AbortSignal,
  ) {
    this.#hub = hub
    this.#stream = stream
    this.#serve = serve
    this.#options = options
    this.#signal = signal
    const { promise, resolve } = Promise.withResolvers<void>()
    this.done = promise
    this.#finish = resolve
  }

  report(): PushReport {
    return { ...statistics(this.#stream), state: 'serving', reconnects: 0, lastError: undefined }
  }

  async run(): Promise<void> {
    const { host, port, open } = this.#serve
    const end = this.#stream.subscribe()
    try {
      const server = await open({ hub: this.#hub, path: PATH, host, port, log: this.#options.log })
      try {
        this.#options.onServing?.(server.port)
        const aborted = Promise.withResolvers<void>()
        this.#signal.addEventListener('abort', () => aborted.resolve(), { once: true })
        if (!this.#signal.aborted) await Promise.race([drained(end), aborted.promise])
      } finally {
        // Those who fetch hear that the stream has ended, not that its server goes.
        this.#hub.close()
        await server.close()
      }
    } finally {
      end.close()
      this.#finish()
    }
  }
}

/** Resolves when the stream has ended. */
async function drained(cursor: ReturnType<Stream['subscribe']>): Promise<void> {
  while (await cursor.ready()) while (cursor.take() !== undefined);
}

function statistics(stream: Stream): Pick<PushReport, 'position' | 'packets' | 'bytes' | 'bitrateBps'> {
  const { bytes, packets, bitrateBps } = stream.statistics
  return { position: stream.newest / MICROS_PER_SECOND, packets, bytes, bitrateBps }
}

function isRefusal(error: HeadendError): boolean {
  return error instanceof PeerError && /DENIED|REJECTED|INVALID|BAD_NAME/.test(error.code)
}
