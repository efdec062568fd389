/** Measures and checks what a source gives: rates, delay, gaps, and whether timestamps keep the rules. */
import type { Packet } from '../../media/packet.ts'
import { MICROS_PER_SECOND, type Micros } from '../../media/time.ts'
import type { Track } from '../../media/track.ts'
import type { Problem } from './source.ts'

/** A step between two packets of a track longer than this, and than `GAP_FACTOR` usual steps, is a gap. */
const MIN_GAP: Micros = 0.25 * MICROS_PER_SECOND
const GAP_FACTOR = 3
/** Different problems kept; each is counted for ever. */
const MAX_PROBLEMS = 50

/** What came of one track. */
export interface TrackReport {
  readonly id: number
  readonly kind: Track['kind']
  readonly codec: Track['codec']
  readonly width?: number
  readonly height?: number
  readonly sampleRate?: number
  readonly channels?: number
  readonly packets: number
  readonly bytes: number
  /** Bits a second of media time. */
  readonly bitrateBps: number
  /** Packets a second of media time. */
  readonly packetRate: number
  readonly keyPackets: number
  readonly gaps: number
  /** Seconds of media time from the first to the last packet. */
  readonly duration: number
}

/** What came, and whether it kept the rules. */
export interface PlayReport {
  readonly url: string
  readonly tracks: readonly TrackReport[]
  /** Whole data packets of ASF that were taken as they came: all there is of what is protected. */
  readonly dataPackets: number
  /** Seconds since the address was opened. */
  readonly elapsed: number
  /** Seconds until the first packet. */
  readonly startup: number | undefined
  /** Bytes received. */
  readonly bytes: number
  /** Bits a second received since the first packet. */
  readonly bitrateBps: number
  /** Seconds behind the encoder, where the protocol tells: the last value, the mean and the highest. */
  readonly delay: { readonly last: number; readonly mean: number; readonly max: number } | undefined
  readonly discontinuities: number
  readonly problems: readonly (Problem & { readonly count: number })[]
  readonly ended: boolean
}

export class Measurement {
  readonly #url: string
  readonly #opened = performance.now()
  readonly #tracks = new Map<number, TrackMeasurement>()
  readonly #problems = new Map<string, Problem & { count: number }>()
  #firstAt: number | undefined
  #bytes = 0
  #dataPackets = 0
  #delay = { last: 0, sum: 0, count: 0, max: 0 }
  #discontinuities = 0
  #ended = false

  /** `url` is shown as given: without secrets. */
  constructor(url: string) {
    this.#url = url
  }

  get broken(): boolean {
    return this.#problems.size > 0
  }

  /** Seconds behind the encoder, as told last. */
  get delay(): number | undefined {
    return this.#delay.count === 0 ? undefined : this.#delay.last
  }

  addBytes(count: number): void {
    this.#bytes += count
  }

  /** Milliseconds behind the encoder. */
  addDelay(milliseconds: number): void {
    const seconds = milliseconds / 1000
    this.#delay.last = seconds
    this.#delay.sum += seconds
    this.#delay.count++
    this.#delay.max = Math.max(this.#delay.max, seconds)
  }

  addProblem(problem: Problem): void {
    const known = this.#problems.get(problem.rule)
    if (known !== undefined) known.count++
    else if (this.#problems.size < MAX_PROBLEMS) this.#problems.set(problem.rule, { ...problem, count: 1 })
  }

  setTracks(tracks: readonly Track[]): void {
    for (const track of tracks) {
      const known = this.#tracks.get(track.id)
      if (known === undefined) this.#tracks.set(track.id, new TrackMeasurement(track))
      else known.track = track
    }
  }

  addPacket(packet: Packet): void {
    this.#firstAt ??= performance.now()
    if (packet.discontinuity) this.#discontinuities++
    const problem = this.#tracks.get(packet.track.id)?.add(packet)
    if (problem !== undefined) this.addProblem(problem)
  }

  addDataPacket(): void {
    this.#firstAt ??= performance.now()
    this.#dataPackets++
  }

  end(): void {
    this.#ended = true
  }

  report(): PlayReport {
    const now = performance.now()
    const { last, sum, count, max } = this.#delay
    const since = this.#firstAt === undefined ? 0 : (now - this.#firstAt) / 1000
    return {
      url: this.#url,
      tracks: [...this.#tracks.values()].map((track) => track.report()),
      dataPackets: this.#dataPackets,
      elapsed: (now - this.#opened) / 1000,
      startup: this.#firstAt === undefined ? undefined : (this.#firstAt - this.#opened) / 1000,
      bytes: this.#bytes,
      bitrateBps: since > 0 ? Math.round((this.#bytes * 8) / since) : 0,
      delay: count === 0 ? undefined : { last, mean: sum / count, max },
      discontinuities: this.#discontinuities,
      problems: [...this.#problems.values()],
      ended: this.#ended,
    }
  }
}

class TrackMeasurement {
  track: Track
  #packets = 0
  #bytes = 0
  #keys = 0
  #gaps = 0
  #first: Micros | undefined
  #last: Micros = 0
  /** Usual step between packets, an exponential mean. */
  #step: Micros = 0

  constructor(track: Track) {
    this.track = track
  }

  add(packet: Packet): Problem | undefined {
    const first = this.#first === undefined
    const step = packet.dts - this.#last
    let problem: Problem | undefined
    if (first) {
      this.#first = packet.dts
      if (this.track.kind === 'video' && !packet.key) {
        problem = { rule: 'starts-without-key', message: `track ${this.track.id} does not start with a key packet` }
      }
    } else if (!packet.discontinuity) {
      if (step < 0) {
        problem = {
          rule: 'timestamps-backwards',
          message: `track ${this.track.id}: decode time steps back by ${-step} µs at ${packet.dts} µs`,
        }
      } else if (this.track.kind !== 'data') {
        if (step > MIN_GAP && this.#step > 0 && step > GAP_FACTOR * this.#step) this.#gaps++
        else this.#step = this.#step === 0 ? step : this.#step + (step - this.#step) / 8
      }
    }
    if (packet.pts < packet.dts) {
      problem ??= {
        rule: 'presentation-before-decode',
        message: `track ${this.track.id}: presented before decoded at ${packet.dts} µs`,
      }
    }
    this.#last = packet.dts
    this.#packets++
    this.#bytes += packet.data.byteLength
    if (packet.key) this.#keys++
    return problem
  }

  report(): TrackReport {
    const { id, kind, codec, video, audio } = this.track
    const duration = (this.#last - (this.#first ?? this.#last)) / MICROS_PER_SECOND
    return {
      id,
      kind,
      codec,
      ...(video === undefined ? {} : { width: video.width, height: video.height }),
      ...(audio === undefined ? {} : { sampleRate: audio.sampleRate, channels: audio.channels }),
      packets: this.#packets,
      bytes: this.#bytes,
      bitrateBps: duration > 0 ? Math.round((this.#bytes * 8) / duration) : 0,
      packetRate: duration > 0 ? (this.#packets - 1) / duration : 0,
      keyPackets: this.#keys,
      gaps: this.#gaps,
      duration,
    }
  }
}
