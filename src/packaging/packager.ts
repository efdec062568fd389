/** One stream packaged while somebody asks for it: from the stream's log through the segmenter into the store. */
import { HeadendError, UnavailableError } from '../errors.ts'
import type { LogCursor } from '../live/bounded-log.ts'
import type { Stream } from '../live/stream.ts'
import type { StreamEntry } from '../live/stream-entry.ts'
import { hasSampleEntry } from '../media/containers/isobmff/sample-entry.ts'
import { protectionFailure } from '../media/source-protection.ts'
import { MICROS_PER_MS, MICROS_PER_SECOND, type Micros } from '../media/time.ts'
import { isStreamedMedia } from './browser-codecs.ts'
import { createToken } from './names.ts'
import { choosePartTarget, keyInterval, packetIntervals } from './part-target.ts'
import { LiveEncryption } from './protection/live-encryption.ts'
import type { ProtectSettings } from './protection/protect-settings.ts'
import { ProtectedArchive } from './protection/protected-archive.ts'
import { release } from './protection/release.ts'
import type { StreamProtection } from './protection/stream-protection.ts'
import type { SegmentArchive, SegmentSink } from './segment-archive.ts'
import { SegmentStore } from './segment-store.ts'
import { isPackaged, Segmenter, type SegmenterResult } from './segmenter.ts'
import type { LiveTranscode, Transcoder } from './transcoder.ts'

export interface PackagingOptions {
  /** A segment ends at the first key frame at or after so many seconds. */
  readonly segmentSeconds: number
  /** Longest part, seconds; longer for streams whose frames are too far apart for it. */
  readonly partSeconds: number
  /** What manifests list, seconds; more than the live edge needs lets viewers go back. */
  readonly windowSeconds: number
  /** Packaging ends when nobody asked for so many seconds. */
  readonly idleSeconds: number
  /** Bytes of segments kept for one stream. */
  readonly maxBytes: number
  /** Requests that wait for parts of one stream. */
  readonly maxWaiting: number
}

export const DEFAULT_PACKAGING: PackagingOptions = {
  segmentSeconds: 2,
  partSeconds: 0.334,
  windowSeconds: 24,
  idleSeconds: 60,
  maxBytes: 256 * 1024 * 1024,
  maxWaiting: 8192,
}

/** While the stream is younger than this, its frame rate is not known. */
const MEASURED: Micros = 1 * MICROS_PER_SECOND
/** The longest first segment; the hub's log holds about as much. */
const MAX_FIRST_SEGMENT: Micros = 10 * MICROS_PER_SECOND

/** What an ended stream's viewers still fetch is kept as long as this, milliseconds. */
const AFTER_END_MS = 30_000
/** And no longer than this, whoever asks. */
const MAX_AFTER_END_MS = 14_400_000
/** No encoder could be had: who asks again after this may have more luck, milliseconds. */
const AFTER_BUSY_MS = 3000

export class Packager {
  readonly stream: Stream
  /** Of this packaging, as recordings know it. */
  readonly run: string = createToken()
  /** In the names of what viewers get. */
  readonly token: string
  /** `undefined`: viewers get it in the clear. */
  readonly protection: StreamProtection | undefined
  readonly store: SegmentStore
  /** Older segments of the path, where it is recorded. */
  readonly archive: SegmentArchive | undefined
  readonly #options: PackagingOptions
  readonly #firstNumber: number
  readonly #firstPeriod: number
  /** Epoch of the oldest run in the archive when this one began. */
  readonly #oldestEpochMs: number | undefined
  #sink: SegmentSink | undefined
  readonly #encryption: LiveEncryption | undefined
  readonly #settingsOf: () => ProtectSettings | undefined
  readonly #onIdle: (packager: Packager) => void
  readonly #transcoder: Transcoder | undefined
  /** What is packaged: the stream itself, or its rendition for browsers. */
  #source: Stream
  #cursor: LogCursor<StreamEntry>
  /** Somebody looks: who only records keeps what the publisher sends, and needs no encoder. */
  #watched: boolean
  /** Asked for, or there. */
  #encoding = false
  #transcode: LiveTranscode | undefined
  #segmenter: Segmenter | undefined
  #partTarget: Micros
  /** Number of the next log entry. */
  #position = 0
  #failure: HeadendError | undefined
  #closed = false
  #lastUsed = performance.now()
  #idleTimer: NodeJS.Timeout

  /** Use `Packagers.find`. `onIdle` is called once, when nobody has asked for long enough or it must end. */
  constructor(
    stream: Stream,
    options: PackagingOptions,
    start: {
      readonly firstNumber: number
      readonly archive?: SegmentArchive | undefined
      /** Encodes a stream whose codecs browsers do not know. */
      readonly transcoder?: Transcoder | undefined
      readonly protection?: StreamProtection | undefined
      /** How it is to be protected now. Default: as it is. */
      readonly settingsOf?: () => ProtectSettings | undefined
      /** Default true; false encodes nothing before `watch`. */
      readonly watched?: boolean
      readonly onIdle: (packager: Packager) => void
    },
  ) {
    this.stream = stream
    this.#source = stream
    this.#transcoder = start.transcoder
    this.#watched = start.watched ?? true
    this.#options = options
    const { archive, protection } = start
    this.protection = protection
    this.token = protection?.tokenOf(this.run) ?? this.run
    this.#encryption = protection && new LiveEncryption(protection, this.run)
    this.#settingsOf = start.settingsOf ?? (() => protection?.settings)
    this.archive = archive && protection ? new ProtectedArchive(archive, protection) : archive
    this.#firstNumber = Math.max(start.firstNumber, archive?.nextNumber ?? 0)
    this.#firstPeriod = archive?.nextPeriod ?? 0
    this.#oldestEpochMs = archive?.oldestEpochMs
    this.#onIdle = start.onIdle
    this.#partTarget = Math.round(options.partSeconds * MICROS_PER_SECOND)
    this.store = new SegmentStore({
      window: options.windowSeconds * MICROS_PER_SECOND,
      maxBytes: options.maxBytes,
      maxWaiting: options.maxWaiting,
      ...(this.#firstPeriod === 0 ? {} : { periodBefore: this.#firstPeriod - 1 }),
    })
    this.#cursor = stream.subscribe()
    this.#cursor.onWake = () => this.#pull()
    this.#idleTimer = this.#watchIdle(options.idleSeconds * 1000)
    this.#pull()
  }

  /** Longest part; fixed once the first segment is there. */
  get partTarget(): Micros {
    return this.#partTarget
  }

  /** Why the stream cannot be packaged. */
  get failure(): HeadendError | undefined {
    if (this.#failure !== undefined || this.#segmenter !== undefined || this.#encoding) return this.#failure
    const { path, tracks, metadata } = this.stream
    const protectedSource = protectionFailure(path, { tracks, metadata })
    if (protectedSource !== undefined) return protectedSource
    if (this.#transcoder !== undefined && this.#watched) return undefined
    if (tracks.length === 0 || tracks.some(({ codec }) => hasSampleEntry(codec))) return undefined
    const codecs = tracks.map(({ codec }) => codec).join(', ')
    return new UnavailableError(
      'ERR_STREAM_NO_TRACK',
      `no track that browsers play: expected a codec of MP4, found ${codecs}`,
    )
  }

  /** Milliseconds since 1970 of stream time zero. */
  get epochMs(): number {
    return (this.#transcode ?? this.stream).epoch?.getTime() ?? 0
  }

  /** Milliseconds since 1970 that no listed segment is from before: stays the same for the life of the packager. */
  get oldestEpochMs(): number {
    return Math.min(this.epochMs, this.#oldestEpochMs ?? this.epochMs)
  }

  /** Number that the segment after the last one will have. */
  get nextNumber(): number {
    const numbers = this.store.renditions.map(({ segments }) => segments.at(-1)?.number ?? -1)
    return Math.max(this.#firstNumber, ...numbers.map((number) => number + 1))
  }

  /** The settings want it protected in another way: nothing more may be answered from it. */
  get mustEnd(): boolean {
    const settings = this.#settingsOf()
    return this.protection === undefined ? settings !== undefined : !this.protection.matches(settings)
  }

  /**
   * The path is protected in another way, or another publisher brings codecs that have to be encoded, or have not any more: a new packager is
   * needed. One that is recorded goes on with what it can package.
   */
  get outdated(): boolean {
    if (this.mustEnd) return true
    if (this.#transcoder === undefined || this.stream.tracks.length === 0) return false
    if (isStreamedMedia(this.stream)) return this.#encoding
    return !this.#encoding && this.#segmenter !== undefined && this.#sink === undefined
  }

  /** Freed: nothing is answered from it any more. */
  get closed(): boolean {
    return this.#closed
  }

  /**
   * Hands all results to a recording, from now on; it goes on while nobody asks. Returns a function that ends that, and tells the sink so.
   * One at a time. What is encoded for viewers is not recorded. What is recorded is in the clear.
   */
  record(sink: SegmentSink): () => void {
    this.#sink = sink
    if (this.store.ended) this.#endSink()
    return () => {
      this.touch()
      if (this.#sink === sink) this.#endSink()
    }
  }

  /** Somebody asked. */
  touch(): void {
    this.#lastUsed = performance.now()
  }

  /** Somebody looks, from now on. */
  watch(): void {
    if (this.#watched) return
    this.#watched = true
    this.#pull()
  }

  /** Frees everything; those who wait are told that the stream ended. */
  close(): void {
    this.#closed = true
    clearTimeout(this.#idleTimer)
    this.#cursor.close()
    this.#transcode?.release()
    this.#segmenter = undefined
    this.store.end()
    this.#endSink()
  }

  #watchIdle(afterMs: number): NodeJS.Timeout {
    const timer = setTimeout(() => {
      const left = this.#lastUsed + this.#options.idleSeconds * 1000 - performance.now()
      if (left > 1 || this.store.waiting > 0 || (this.#sink !== undefined && !this.#encoding))
        this.#idleTimer = this.#watchIdle(Math.max(left, 1000))
      else this.#onIdle(this)
    }, afterMs)
    timer.unref()
    return timer
  }

  /** Called in the publisher's turn: takes what has come. */
  #pull(): void {
    if (this.mustEnd) return this.#onIdle(this)
    try {
      if (this.#needsEncoding) return void this.#encode()
      const { log } = this.#source
      this.#segmenter ??= this.#start()
      const segmenter = this.#segmenter
      if (log.ended && this.#transcode?.failure !== undefined) throw this.#transcode.failure
      if (segmenter === undefined) {
        if (log.ended) this.#end(AFTER_END_MS)
        return
      }
      if (this.#position < log.oldest) this.#position = Math.max(log.newestKey, log.oldest)
      for (let entry = log.get(this.#position); entry !== undefined; entry = log.get(this.#position)) {
        this.#position++
        segmenter.write(entry.packet)
      }
      if (log.ended) segmenter.end()
      for (let result = segmenter.read(); result !== undefined; result = segmenter.read()) this.#add(result)
      const { segmentSeconds } = this.#options
      this.store.settle(segmenter.targetDuration ?? (log.ended ? Math.max(1, Math.round(segmentSeconds)) : undefined))
      if (log.ended) this.#end(AFTER_END_MS)
    } catch (error) {
      // One stream that MP4 cannot hold must not stop its publisher.
      this.#fail(error, AFTER_END_MS)
    }
  }

  #fail(error: unknown, keptMs: number): void {
    this.#failure =
      error instanceof HeadendError
        ? error
        : new UnavailableError('ERR_PACKAGING_FAILED', 'the stream cannot be packaged', { cause: error })
    this.#end(keptMs)
  }

  #add(result: SegmenterResult): void {
    const sink = this.#encoding ? undefined : this.#sink
    if (this.#encryption === undefined) this.store.add(result)
    else {
      for (const encrypted of this.#encryption.encrypt(result)) this.store.add(encrypted)
      // Nobody else has the clear part, and soon it would be garbage as large as what is kept.
      if (sink === undefined && result.type === 'part') release(result.part.bytes)
    }
    sink?.add(result)
  }

  get #needsEncoding(): boolean {
    if (this.#transcoder === undefined || !this.#watched || this.#encoding || this.#segmenter !== undefined)
      return false
    return this.stream.tracks.length > 0 && !isStreamedMedia(this.stream)
  }

  /** Goes on with the stream's rendition for browsers, which is encoded as long as this packages it. */
  async #encode(): Promise<void> {
    this.#encoding = true
    this.#cursor.close()
    try {
      const transcode = await this.#transcoder?.openLive(this.stream)
      if (this.#closed) transcode?.release()
      if (this.#closed || transcode === undefined) return
      this.#transcode = transcode
      this.#source = transcode.stream
      this.#cursor = this.#source.subscribe()
      this.#cursor.onWake = () => this.#pull()
      this.#pull()
    } catch (error) {
      this.#fail(error, AFTER_BUSY_MS)
    }
  }

  #end(keptMs: number): void {
    this.#cursor.close()
    this.#transcode?.release()
    this.store.end()
    this.#endSink()
    clearTimeout(this.#idleTimer)
    this.#idleTimer = this.#watchEnd(keptMs, this.archive === undefined ? keptMs : MAX_AFTER_END_MS)
  }

  /**
   * Until nobody asks, or `leftMs` are over. Who has gone back is not at the end yet: what was recorded is there as long as somebody asks
   * for it.
   */
  #watchEnd(keptMs: number, leftMs: number): NodeJS.Timeout {
    const step = Math.min(keptMs, leftMs, this.#options.idleSeconds * 1000)
    const timer = setTimeout(() => {
      const inUse = performance.now() - this.#lastUsed < step
      if (inUse && leftMs > step) this.#idleTimer = this.#watchEnd(keptMs, leftMs - step)
      else this.#onIdle(this)
    }, step)
    timer.unref()
    return timer
  }

  #endSink(): void {
    const sink = this.#sink
    this.#sink = undefined
    sink?.end()
  }

  /** Begins at the oldest key packet of the log once enough is there to see how far packets are apart. */
  #start(): Segmenter | undefined {
    if (this.failure !== undefined) return undefined
    const { log } = this.#source
    let first = log.oldest
    while (first < log.next && !log.get(first)?.key) first++
    const oldest = log.get(first)
    const newest = log.get(log.next - 1)
    if (oldest === undefined || newest === undefined) return undefined
    if (newest.time - oldest.time < MEASURED && !log.ended) return undefined
    const packets: StreamEntry['packet'][] = []
    for (let number = first; number < log.next; number++) packets.push((log.get(number) as StreamEntry).packet)
    if (!packets.some(({ track }) => isPackaged(track))) return undefined

    const { segmentSeconds, partSeconds } = this.#options
    const targetDuration = Math.round(segmentSeconds * MICROS_PER_SECOND)
    const maxDuration = Math.max(MAX_FIRST_SEGMENT, targetDuration)
    const keys = keyInterval(packets)
    // The second key packet tells how long segments are; before it there is nothing to put into a manifest anyway.
    const hasVideo = packets.some(({ track }) => track.kind === 'video' && isPackaged(track))
    if (hasVideo && keys === undefined && !log.ended && newest.time - oldest.time < maxDuration) return undefined
    const segment =
      hasVideo && keys !== undefined ? Math.max(1, Math.ceil(targetDuration / keys - 0.05)) * keys : targetDuration
    const wanted = Math.round(partSeconds * 1000) * MICROS_PER_MS
    this.#partTarget = choosePartTarget(wanted, packetIntervals(packets), segment)
    this.#position = first
    return new Segmenter({
      targetDuration,
      maxDuration,
      partTarget: this.#partTarget,
      // Numbers go on right behind those of the archive, or there would be no list of both.
      firstNumber:
        this.#firstPeriod > 0
          ? this.#firstNumber
          : Math.max(this.#firstNumber, Math.floor(oldest.time / targetDuration)),
      firstPeriod: this.#firstPeriod,
    })
  }
}
