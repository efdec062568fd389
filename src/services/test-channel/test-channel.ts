/** The built-in test channel: a picture with a running wall clock and a sound, made here in real time. */
import type { Publisher } from '../../live/publisher.ts'
import type { Packet } from '../../media/packet.ts'
import { MICROS_PER_MS, type Micros } from '../../media/time.ts'
import { TRACK_ID_BASE, type Track } from '../../media/track.ts'
import { H264MosaicEncoder } from './h264-mosaic-encoder.ts'
import { FRAME_MS, FRAME_RATE, TestPicture } from './test-picture.ts'
import { SAMPLE_RATE, soundIndexAt, soundTime, type TestSound } from './test-sound.ts'

const FRAME_MICROS: Micros = FRAME_MS * MICROS_PER_MS
/** A longer pause, or step of the wall clock, is not caught up with: time in the stream goes on from where it was. */
const MAX_CATCH_UP_FRAMES = FRAME_RATE
/** How long packets are held back while nobody watches; a viewer who comes meanwhile waits this long at most. */
const UNWATCHED_MS = 200

/** Wall time and one timer; in tests they are moved by hand. */
export interface TestChannelClock {
  /** Milliseconds since 1970. */
  now(): number
  /** Calls back once after that many milliseconds; the result takes it back. */
  after(delayMs: number, callback: () => void): () => void
}

const SYSTEM_CLOCK: TestChannelClock = {
  now: () => Date.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs)
    return () => clearTimeout(timer)
  },
}

/** What a channel is made of and driven by. */
export interface TestChannelOptions {
  readonly sound: TestSound
  readonly clock?: TestChannelClock
  /** Whether anybody takes packets now; while nobody does they come in groups, for fewer wake-ups. Default: always. */
  readonly watched?: () => boolean
  /** Called when the publisher refuses a packet: it was closed or taken over. The channel has stopped then. */
  readonly onEnd?: (error: unknown) => void
}

/** What the channel needs of a Publisher. */
export type TestChannelTarget = Pick<Publisher, 'announce' | 'write'>

/**
 * Announces one H.264 and one AAC track and writes packets in real time until `close`. The publisher stays the caller's to close.
 */
export function startTestChannel(target: TestChannelTarget, options: TestChannelOptions): { close(): void } {
  const { sound, clock = SYSTEM_CLOCK, watched, onEnd } = options
  // From the full second before: every group of pictures is as long as the others then, the first too.
  const source = new TestSource(sound, Math.floor(clock.now() / 1000) * 1000)
  let cancel = () => {}
  let closed = false
  const run = () => {
    try {
      for (const packet of source.packetsUntil(clock.now())) {
        target.write(packet)
        // A reader may close the channel while it takes the packet.
        if (closed) return
      }
    } catch (error) {
      closed = true
      onEnd?.(error)
      return
    }
    // From the wall clock each time, so that late timers do not add up.
    const held = watched === undefined || watched() ? 0 : UNWATCHED_MS
    cancel = clock.after(Math.max(1, source.nextMs + held - clock.now()), run)
  }
  target.announce(source.tracks)
  run()
  return {
    close() {
      closed = true
      cancel()
    },
  }
}

/** The packets of the channel by wall time; no clock of its own. */
export class TestSource {
  readonly tracks: readonly Track[]
  readonly #video: Track
  readonly #audio: Track
  readonly #sound: TestSound
  readonly #picture = new TestPicture()
  readonly #encoder = new H264MosaicEncoder(this.#picture.picture, FRAME_RATE)
  /** Next video frame and sound frame, both counted from 1970. */
  #frame: number
  #soundIndex: number
  /** Wall time of stream time zero. */
  #origin: Micros
  #startKey = true

  /** The first packet is a key picture at `nowMs`, milliseconds since 1970, and has time zero. */
  constructor(sound: TestSound, nowMs: number) {
    this.#sound = sound
    this.#frame = Math.floor(nowMs / FRAME_MS)
    this.#origin = this.#frame * FRAME_MICROS
    this.#soundIndex = soundIndexAt(sound, this.#origin)
    this.#video = {
      id: TRACK_ID_BASE.video,
      kind: 'video',
      codec: 'h264',
      config: this.#encoder.config,
      video: { width: this.#encoder.width, height: this.#encoder.height, frameRate: FRAME_RATE },
      timescale: 90_000,
    }
    this.#audio = {
      id: TRACK_ID_BASE.audio,
      kind: 'audio',
      codec: 'aac',
      config: sound.config,
      audio: { sampleRate: SAMPLE_RATE, channels: 2 },
      timescale: SAMPLE_RATE,
    }
    this.tracks = [this.#video, this.#audio]
  }

  /** When the next packet is due, milliseconds since 1970. */
  get nextMs(): number {
    return this.#frame * FRAME_MS
  }

  /** What is due by now, in order of time. */
  *packetsUntil(nowMs: number): IterableIterator<Packet> {
    const last = Math.floor(nowMs / FRAME_MS)
    if (Math.abs(last - this.#frame) > MAX_CATCH_UP_FRAMES) this.#jump(last)
    while (this.#frame <= last) {
      const time = this.#frame * FRAME_MICROS
      while (soundTime(this.#sound, this.#soundIndex) < time) yield this.#nextSound()
      yield this.#nextPicture(time - this.#origin)
    }
  }

  #nextSound(): Packet {
    const { frames } = this.#sound
    const time = soundTime(this.#sound, this.#soundIndex) - this.#origin
    const data = frames[this.#soundIndex % frames.length] as Uint8Array
    this.#soundIndex++
    return { track: this.#audio, data, pts: time, dts: time, key: true }
  }

  #nextPicture(time: Micros): Packet {
    this.#picture.draw(this.#frame)
    const { data, key } = this.#encoder.encode(this.#startKey || this.#frame % FRAME_RATE === 0)
    this.#startKey = false
    this.#frame++
    return { track: this.#video, data, pts: time, dts: time, key }
  }

  /** Goes on at wall-clock frame `frame` with the stream time that comes next. */
  #jump(frame: number): void {
    const soundEnd = soundTime(this.#sound, this.#soundIndex) - this.#origin
    this.#origin += (frame - this.#frame) * FRAME_MICROS
    this.#frame = frame
    this.#soundIndex = soundIndexAt(this.#sound, this.#origin + soundEnd)
    this.#startKey = true
  }
}
