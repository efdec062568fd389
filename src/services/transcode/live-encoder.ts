/** A live stream encoded for browsers: one encoder for all who watch, started again when it fails, ended when nobody watches. */
import { setTimeout as delay } from 'node:timers/promises'
import { HeadendError, UnavailableError } from '../../errors.ts'
import { Hub } from '../../live/hub.ts'
import type { Publisher } from '../../live/publisher.ts'
import type { Stream } from '../../live/stream.ts'
import { FlvDemuxer } from '../../media/containers/flv/demuxer.ts'
import { hasSampleEntry } from '../../media/containers/isobmff/sample-entry.ts'
import { MICROS_PER_MS, MICROS_PER_SECOND, type Micros } from '../../media/time.ts'
import type { Track } from '../../media/track.ts'
import { isStreamedMedia } from '../../packaging/browser-codecs.ts'
import type { Child } from './child.ts'
import { OUTPUT_OFFSET_MS, peakVideoKbps } from './encode-arguments.ts'
import { chooseFrameRate, rateOfTimes, rateValue } from './frame-rate.ts'
import { type LivePlan, liveArguments } from './live-arguments.ts'
import { encodedTracks, feedEncoder } from './live-input.ts'
import { fpsMode } from './programs.ts'
import type { WorkerKit } from './worker-kit.ts'
import type { WorkerSlot } from './worker-slots.ts'

/** Failures in a row, without this much media in between, after which it is given up. */
const MAX_FAILURES = 6
const GOOD_RUN: Micros = 10 * MICROS_PER_SECOND
const FIRST_BACKOFF_MS = 250
const LAST_BACKOFF_MS = 8000
/** Media that may go in without any coming out. */
const MAX_SILENCE: Micros = 15 * MICROS_PER_SECOND
/** Of live streams without sizes or rates: their codecs do not tell. */
const ASSUMED = { width: 640, height: 480, channels: 2 }
/** Others may have to give way first, milliseconds. */
const SLOT_WAIT_MS = 2000

export class LiveEncoder {
  /** H.264 and AAC; known to no hub. */
  readonly stream: Stream
  /** Resolves when it is over. */
  readonly over: Promise<void>
  readonly #source: Stream
  readonly #kit: WorkerKit
  readonly #publisher: Publisher
  readonly #hub: Hub
  readonly #slots: readonly WorkerSlot[]
  readonly #stopped = new AbortController()
  #holders = 0
  #skipped = 0
  #failure: HeadendError | undefined
  /** Source time of the rendition's time zero. */
  #origin: Micros | undefined

  private constructor(source: Stream, kit: WorkerKit, slots: readonly WorkerSlot[]) {
    this.#source = source
    this.#kit = kit
    this.#slots = slots
    // A hub of its own: nobody finds the stream by its path.
    const settings = { graceMs: 0, onBusy: 'refuse', windowMs: source.windowMs } as const
    this.#hub = new Hub({ pathSettings: () => settings })
    this.#publisher = this.#hub.publish(source.path)
    this.stream = this.#publisher.stream
    this.over = this.#drive()
  }

  /** Throws UnavailableError ERR_TRANSCODE_NO_FFMPEG, ERR_TRANSCODE_BUSY. */
  static async start(source: Stream, kit: WorkerKit): Promise<LiveEncoder> {
    await kit.programs()
    const live = await kit.liveSlots.acquire({ waitMs: 0 })
    try {
      return new LiveEncoder(source, kit, [live, await kit.slots.acquire({ waitMs: SLOT_WAIT_MS })])
    } catch (error) {
      live.release()
      throw error
    }
  }

  /** Why it ended before its source. */
  get failure(): HeadendError | undefined {
    return this.#failure
  }

  get stopped(): boolean {
    return this.#stopped.signal.aborted
  }

  /** Packets of the source that were passed over because the encoder was too slow. */
  get skipped(): number {
    return this.#skipped
  }

  /** Wall time of the rendition's time zero, by the clock of the source. */
  get epoch(): Date | undefined {
    const { epoch } = this.#source
    if (epoch === undefined || this.#origin === undefined) return this.stream.epoch
    return new Date(epoch.getTime() + this.#origin / MICROS_PER_MS)
  }

  /** One more who watches; returns how to stop that. The encoder ends with the last. */
  hold(): () => void {
    this.#holders++
    let released = false
    return () => {
      if (released) return
      released = true
      if (--this.#holders === 0) this.stop()
    }
  }

  stop(): void {
    this.#stopped.abort()
  }

  async #drive(): Promise<void> {
    const { signal } = this.#stopped
    const { path } = this.#source
    this.#kit.log.info({ path }, 'a live stream is encoded for browsers')
    let failures = 0
    try {
      while (!this.stopped) {
        const began = this.stream.newest
        try {
          if (!(await this.#run())) break
          if (this.stream.newest === began) {
            throw new UnavailableError('ERR_TRANSCODE_FAILED', 'the tracks change before anything of them is encoded')
          }
          failures = 0
        } catch (error) {
          if (this.stopped) break
          failures = this.stream.newest - began > GOOD_RUN ? 1 : failures + 1
          this.#kit.log.counted('ERR_TRANSCODE_FAILED', { error, path }, 'the encoder of a live stream ended')
          if (failures >= MAX_FAILURES) throw error
          await delay(Math.min(LAST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** failures), undefined, { signal })
        }
      }
    } catch (error) {
      if (!this.stopped) {
        const message = `${path} cannot be encoded for browsers`
        this.#failure =
          error instanceof HeadendError
            ? error
            : new UnavailableError('ERR_TRANSCODE_FAILED', message, { cause: error })
      }
    } finally {
      this.#stopped.abort()
      this.#publisher.close({ final: true })
      this.#hub.close()
      for (const slot of this.#slots) slot.release()
      this.#kit.log.info({ path, skipped: this.#skipped }, 'a live stream is not encoded any more')
    }
  }

  /** One run of ffmpeg. Returns false when there will be no other: the stream is over, or browsers play it as it is now. */
  async #run(): Promise<boolean> {
    const tracks = encodedTracks(this.#source.tracks)
    if (tracks.length === 0 || isStreamedMedia(this.#source)) return false
    const programs = await this.#kit.programs()
    if (this.stopped) return false
    const plan = this.#plan(tracks, fpsMode(programs))
    const stallMs = this.#kit.options().stallSeconds * 1000
    const child = this.#kit.start(programs, liveArguments(plan), {
      program: 'ffmpeg',
      input: true,
      cpuSeconds: 0,
      nice: 5,
      // A publisher that pauses gives nothing to encode: `#watch` compares what goes in with what comes out.
      stallMs: Number.POSITIVE_INFINITY,
    })
    const cursor = this.#source.subscribe()
    const stop = () => {
      cursor.close()
      child.stop()
    }
    this.#stopped.signal.addEventListener('abort', stop, { once: true })
    const progress = { in: 0 as Micros, out: 0 as Micros }
    let silent = false
    try {
      const reading = this.#publish(child, (time) => {
        progress.out = time
      })
      // Looked at when the input has ended; until then its failure ends the input.
      reading.catch(() => cursor.close())
      const end = await feedEncoder(cursor, child.input, {
        tracks,
        container: plan.container,
        stallMs,
        signal: this.#stopped.signal,
        onWritten: ({ dts }) => {
          if (progress.in === 0) progress.out = dts
          progress.in = dts
          silent = progress.in - progress.out > MAX_SILENCE
          if (silent) child.stop()
        },
      })
      if (end !== 'gone') child.input.end()
      await reading
      if (silent) throw new UnavailableError('ERR_TRANSCODE_FAILED', 'the encoder takes media and gives none')
      if (end === 'gone' && !this.stopped) throw new UnavailableError('ERR_TRANSCODE_FAILED', 'the encoder ended')
      return end === 'changed'
    } finally {
      this.#skipped += cursor.skipped
      this.#stopped.signal.removeEventListener('abort', stop)
      stop()
    }
  }

  /** What the encoder writes, into the rendition. */
  async #publish(child: Child, onTime: (time: Micros) => void): Promise<void> {
    const demuxer = new FlvDemuxer()
    const offset = OUTPUT_OFFSET_MS * MICROS_PER_MS
    for await (const bytes of child.output()) {
      demuxer.write(bytes)
      for (let result = demuxer.read(); result !== undefined; result = demuxer.read()) {
        if (result.type === 'tracks') {
          this.#publisher.announce(result.tracks)
          continue
        }
        const { packet } = result
        const dts = packet.dts - offset
        this.#origin ??= dts
        onTime(dts)
        this.#publisher.write({ ...packet, dts, pts: packet.pts - offset })
      }
    }
  }

  #plan(tracks: readonly Track[], fpsModeOption: LivePlan['fpsMode']): LivePlan {
    const options = this.#kit.options()
    const video = tracks.find(({ kind }) => kind === 'video')
    const audio = tracks.find(({ kind }) => kind === 'audio')
    const rate = chooseFrameRate(rateOfTimes(this.#times(video)) ?? video?.video?.frameRate)
    const width = video?.video?.width || ASSUMED.width
    const height = video?.video?.height || ASSUMED.height
    const channels = Math.min(2, audio?.audio?.channels || ASSUMED.channels)
    return {
      // What MP4 cannot hold is Windows Media's.
      container: tracks.every(({ codec }) => hasSampleEntry(codec)) ? 'mp4' : 'asf',
      kinds: new Set(tracks.map(({ kind }) => kind)),
      rate,
      maxHeight: options.maxHeight,
      peakKbps: peakVideoKbps(width, height, rateValue(rate), options.videoKbps),
      audioKbps: Math.max(32, Math.round((options.audioKbps * channels) / 2)),
      channels,
      threads: this.#kit.threads,
      fpsMode: fpsModeOption,
    }
  }

  /** Of the pictures that the source's log holds. */
  #times(track: Track | undefined): readonly Micros[] {
    const { log } = this.#source
    const times: Micros[] = []
    for (let number = log.oldest; number < log.next; number++) {
      const packet = log.get(number)?.packet
      if (packet !== undefined && packet.track === track) times.push(packet.pts)
    }
    return times
  }
}
