/** A stream's packets to aligned CMAF segments and parts of every track (CMAF ISO/IEC 23000-19 section 7.3, RFC 8216bis section 6.2.1). */

import { writeInitSegment } from '../media/containers/isobmff/init-segment.ts'
import { hasSampleEntry } from '../media/containers/isobmff/sample-entry.ts'
import type { Machine } from '../media/machine.ts'
import type { Packet } from '../media/packet.ts'
import { MICROS_PER_MS, MICROS_PER_SECOND, type Micros } from '../media/time.ts'
import type { Track } from '../media/track.ts'
import { type BuiltPart, PartBuilder } from './part-builder.ts'
import { sameDecoder } from './same-decoder.ts'

/*
 *  leading video   K · · · · K · · · · K · · · · K · ·      K: key packet
 *  boundaries      │ 7       │ 8       │ 9       │ 10
 *  audio           · ·│· · · · ·│· · · · ·│· · · · ·│· ·
 *
 * The leading track (the first video track, else the first audio track) sets boundaries; every other track crosses one with its
 * first packet at or after it, so segment numbers mean the same time in all renditions. A packet of another track waits until the
 * leading one has passed it, or for a part's length at most. A discontinuity is a boundary that begins a new period.
 */

/** Lengths of what is made. */
export interface SegmenterOptions {
  /** A segment ends at the first key packet of the leading track that is this far from its start. */
  readonly targetDuration: Micros
  /** While no segment is complete, one is cut without a key packet at this length; after that at the length the first one set. */
  readonly maxDuration: Micros
  /** Longest part. */
  readonly partTarget: Micros
  /** Number of the first segment. */
  readonly firstNumber: number
  /** Number of the first period. Default 0. */
  readonly firstPeriod?: number
}

/** What becomes of the packets, in the order of each track. */
export type SegmenterResult =
  /** The initialization that the following segments of this track need. */
  | {
      readonly type: 'init'
      readonly track: Track
      readonly period: number
      readonly bytes: Uint8Array
    }
  /** A segment begins. Periods count up; a new one is a discontinuity. */
  | {
      readonly type: 'open'
      readonly track: Track
      readonly number: number
      readonly period: number
      readonly start: Micros
    }
  | { readonly type: 'part'; readonly track: Track; readonly part: BuiltPart }
  /** The open segment of the track is complete. Without parts it is a gap; `end` is where it would have ended. */
  | { readonly type: 'close'; readonly track: Track; readonly end: Micros }

/** A key packet may come this much before its time: clocks of milliseconds and of encoders jitter. */
const KEY_TOLERANCE: Micros = 100 * MICROS_PER_MS
/** Packets of other tracks wait so long for the leading track to begin a period; then the period begins without it. */
const LEAD_WAIT: Micros = 2 * MICROS_PER_SECOND
/** Tracks mark a common discontinuity within this time of each other. */
const COMMON_DISCONTINUITY: Micros = 5 * MICROS_PER_SECOND
/** EXTINF is compared with the target duration after rounding, so a segment may be this much longer. */
const ROUNDING_ROOM: Micros = 450 * MICROS_PER_MS
/** A pause of the leading track that makes its segment too long becomes a gap when it is longer than this. */
const SHORTEST_GAP: Micros = 500 * MICROS_PER_MS
/** Gaps in a row; a longer pause makes one long gap. */
const MAX_GAPS = 20
/** Packets that wait for the leading track, per track: 2 s of 2.5 ms Opus frames. */
const MAX_WAITING_PACKETS = 800

/** Where a segment starts. */
interface Boundary {
  readonly number: number
  readonly time: Micros
  readonly period: number
}

/** One track on its way through the boundaries. */
interface Rendition {
  track: Track
  readonly builder: PartBuilder
  /** Packets that wait for the leading track, or for a new period. */
  waiting: Packet[]
  /** The segment it is in; `undefined` before its first. */
  current: Boundary | undefined
  /** Period of its newest init segment. */
  initPeriod: number
  /** Its packets go into no period before this one. */
  minPeriod: number
  /** The packet that waits for that period, first of its track. */
  first: Packet | undefined
  awaitingKey: boolean
}

/** One stream's. Tracks come and go with their packets. */
export class Segmenter implements Machine<Packet, SegmenterResult> {
  readonly #options: SegmenterOptions
  readonly #renditions = new Map<number, Rendition>()
  /** Starts of the segments that not every rendition has left; the newest is last. */
  #boundaries: Boundary[] = []
  #lead: Rendition | undefined
  /** Newest decode time of the leading track. */
  #leadTime: Micros = 0
  /** Tracks that have marked the newest period's discontinuity. */
  #marked = new Set<number>()
  #period: number
  /** Number of the newest period's first segment. */
  #periodStart = 0
  /** The leading track's next key packet begins a new period. */
  #newPeriodDue = false
  #limit: Micros
  #limitKnown = false
  readonly #results: SegmenterResult[] = []

  constructor(options: SegmenterOptions) {
    this.#options = options
    this.#limit = options.maxDuration
    this.#period = this.#firstPeriod - 1
  }

  /**
   * EXT-X-TARGETDURATION in seconds: `undefined` until the first segment is complete, then fixed. A later group of pictures that is
   * longer is cut at a packet that is not a key.
   */
  get targetDuration(): number | undefined {
    return this.#limitKnown ? Math.round((this.#limit - ROUNDING_ROOM) / MICROS_PER_SECOND) : undefined
  }

  /** Takes the packets of all tracks as the stream's log has them. Those that MP4 cannot carry are ignored. */
  write(packet: Packet): void {
    if (!isPackaged(packet.track)) return
    const rendition = this.#renditions.get(packet.track.id) ?? this.#join(packet.track)
    if (this.#lead === undefined) this.#begin(rendition, packet)
    else if (rendition === this.#lead) this.#writeLead(rendition, packet)
    else {
      rendition.waiting.push(packet)
      this.#release(Math.max(this.#leadTime, packet.dts - this.#options.partTarget))
    }
  }

  read(): SegmenterResult | undefined {
    return this.#results.shift()
  }

  get #firstPeriod(): number {
    return this.#options.firstPeriod ?? 0
  }

  /** Closes all segments. */
  end(): void {
    if (this.#lead === undefined) return
    this.#release(Number.POSITIVE_INFINITY)
    let end = this.#leadTime
    for (const { builder } of this.#renditions.values()) end = Math.max(end, builder.end ?? 0)
    for (const rendition of this.#renditions.values()) {
      if (rendition.current !== undefined) this.#close(rendition, undefined, end)
    }
    this.#renditions.clear()
    this.#lead = undefined
  }

  #join(track: Track): Rendition {
    // Video that joins audio takes the lead with its first key packet, in a period of its own.
    const takesLead = track.kind === 'video' && this.#lead?.track.kind === 'audio'
    const late = this.#lead !== undefined && !takesLead && this.#boundaries.at(-1)?.number !== this.#periodStart
    // The set of renditions of a period does not change after its first segment.
    if (late) this.#newPeriodDue = true
    const rendition: Rendition = {
      track,
      builder: new PartBuilder(track.kind, this.#options.partTarget),
      waiting: [],
      current: undefined,
      initPeriod: -1,
      minPeriod: late ? this.#period + 1 : 0,
      first: undefined,
      awaitingKey: track.kind === 'video',
    }
    this.#renditions.set(track.id, rendition)
    return rendition
  }

  /** Waits for the first key packet of a video track; a stream that has none within 2 s begins with its audio. */
  #begin(rendition: Rendition, packet: Packet): void {
    if (packet.track.kind === 'video') {
      if (!packet.key) return
      rendition.waiting = [packet]
    } else {
      rendition.waiting.push(packet)
      if (!waitedLong(rendition)) return
    }
    this.#lead = rendition
    const queued = rendition.waiting
    rendition.waiting = []
    this.#startPeriod((queued[0] as Packet).dts, rendition)
    for (const one of queued) this.#writeLead(rendition, one)
  }

  #writeLead(rendition: Rendition, packet: Packet): void {
    if (this.#isDiscontinuity(rendition, packet)) {
      rendition.minPeriod = this.#period + 1
      rendition.awaitingKey = packet.track.kind === 'video'
      this.#newPeriodDue = true
    }
    if (this.#newPeriodDue && packet.key) {
      this.#release(packet.dts - 1)
      this.#startPeriod(packet.dts, rendition)
    } else this.#cut(rendition, packet)
    this.#leadTime = packet.dts
    this.#deliver(rendition, packet)
    this.#release(packet.dts)
  }

  /** Begins a new segment with this packet of the leading track, if it is time. */
  #cut({ builder }: Rendition, packet: Packet): void {
    const { targetDuration } = this.#options
    const { time } = this.#newest()
    const elapsed = packet.dts - time
    const due =
      packet.track.kind === 'video'
        ? packet.key && elapsed + KEY_TOLERANCE >= targetDuration
        : elapsed >= targetDuration
    const tooLong = elapsed + builder.interval > this.#limit
    if (!due && !tooLong) return
    const end = builder.end ?? time
    if (elapsed > this.#limit && packet.dts - end > SHORTEST_GAP && end > time) {
      const step = this.#limit - ROUNDING_ROOM
      for (let gaps = 0, at = end; gaps < MAX_GAPS && packet.dts - at > KEY_TOLERANCE; gaps++, at += step)
        this.#startSegment(at)
    }
    if (packet.dts > this.#newest().time) this.#startSegment(packet.dts)
  }

  /** Hands on what waits and is not after `time`. */
  #release(time: Micros): void {
    for (const rendition of this.#renditions.values()) {
      const { waiting } = rendition
      while (waiting.length > 0) {
        const packet = waiting[0] as Packet
        if (rendition.minPeriod > this.#period) {
          if (!waitedLong(rendition)) break
          // The leading track does not come: this one leads.
          this.#lead = rendition
          this.#startPeriod(packet.dts, rendition)
        } else if (packet.dts > time && waiting.length < MAX_WAITING_PACKETS) break
        waiting.shift()
        if (!this.#writeFollower(rendition, packet)) waiting.unshift(packet)
      }
    }
  }

  /** Returns false when the packet has to wait for a new period. */
  #writeFollower(rendition: Rendition, packet: Packet): boolean {
    const { kind, id } = packet.track
    if (kind === 'video' && packet.key && this.#lead?.track.kind !== 'video') {
      // Video has come, or come back, to a stream that audio leads.
      rendition.track = packet.track
      this.#lead = rendition
      this.#leadTime = packet.dts
      this.#startPeriod(Math.max(packet.dts, this.#newest().time + 1), rendition)
    } else if (packet === rendition.first) {
      this.#marked.add(id)
    } else if (this.#isDiscontinuity(rendition, packet)) {
      rendition.first = packet
      rendition.minPeriod = this.#period + 1
      rendition.awaitingKey = kind === 'video'
      this.#newPeriodDue = true
      return false
    } else if (packet.dts - this.#newest().time >= this.#limit) {
      // The leading track is silent.
      this.#startSegment(packet.dts)
    }
    this.#deliver(rendition, packet)
    return true
  }

  /** Says whether a packet breaks with the ones before it, and has not broken together with another track's already. */
  #isDiscontinuity(rendition: Rendition, packet: Packet): boolean {
    const { track } = packet
    const changed = rendition.initPeriod >= 0 && !sameDecoder(rendition.track, track)
    rendition.track = track
    if (!changed && packet.discontinuity === undefined) return false
    if (rendition.minPeriod > this.#period || rendition.current === undefined) return false
    const newest = this.#newest()
    const common =
      !this.#marked.has(track.id) && this.#period > this.#firstPeriod && newest.number === this.#periodStart
    if (!common || Math.abs(packet.dts - newest.time) > COMMON_DISCONTINUITY) return true
    this.#marked.add(track.id)
    // What it still has from before the new period's start belongs to neither.
    rendition.minPeriod = newest.period
    return false
  }

  #startSegment(time: Micros): void {
    // What waits from before belongs to the segments before.
    this.#release(time - 1)
    const { number, period, time: start } = this.#newest()
    if (!this.#limitKnown) {
      const seconds = Math.round(Math.max(time - start, this.#options.targetDuration) / MICROS_PER_SECOND)
      this.#limit = Math.max(1, seconds) * MICROS_PER_SECOND + ROUNDING_ROOM
      this.#limitKnown = true
    }
    this.#addBoundary({ number: number + 1, time, period })
  }

  #startPeriod(time: Micros, rendition: Rendition): void {
    const number = (this.#boundaries.at(-1)?.number ?? this.#options.firstNumber - 1) + 1
    this.#period++
    this.#periodStart = number
    this.#newPeriodDue = false
    this.#marked = new Set([rendition.track.id])
    this.#addBoundary({ number, time, period: this.#period })
  }

  #addBoundary(boundary: Boundary): void {
    const previous = this.#boundaries.at(-1)
    this.#boundaries.push(boundary)
    // A track without packets does not hold its playlist back by more than a segment.
    for (const rendition of this.#renditions.values()) {
      const { current } = rendition
      if (current === undefined || previous === undefined || current.number >= previous.number) continue
      this.#enter(rendition, previous, previous.time)
    }
    this.#boundaries = this.#boundaries.filter(({ number }) => number >= boundary.number - MAX_GAPS)
  }

  #newest(): Boundary {
    return this.#boundaries.at(-1) as Boundary
  }

  /** Puts a packet into the segment that its time is in. */
  #deliver(rendition: Rendition, packet: Packet): void {
    if (rendition.awaitingKey && !packet.key) return
    const target = this.#boundaryOf(rendition, packet)
    if (target === undefined) return
    rendition.awaitingKey = false
    const { track, builder } = rendition
    if (rendition.initPeriod !== target.period) {
      rendition.initPeriod = target.period
      this.#results.push({ type: 'init', track, period: target.period, bytes: writeInitSegment([track]) })
    }
    if (target !== rendition.current) this.#enter(rendition, target, packet.dts)
    for (const part of builder.write(packet)) this.#results.push({ type: 'part', track, part })
  }

  /** The newest segment that a packet reaches, never one before the current; `undefined`: it is from before its first. */
  #boundaryOf({ current, minPeriod }: Rendition, packet: Packet): Boundary | undefined {
    let reached = current !== undefined && current.period >= minPeriod ? current : undefined
    // Encoders set the key packets of several video tracks some frames apart.
    const early = packet.track.kind === 'video' && packet.key ? KEY_TOLERANCE : 0
    for (const boundary of this.#boundaries) {
      if (boundary.period < minPeriod || (current !== undefined && boundary.number <= current.number)) continue
      if (packet.dts + early < boundary.time) break
      reached = boundary
    }
    return reached
  }

  /** Leaves the current segment for `target`; segments between are gaps. `next`: decode time of the packet that crosses. */
  #enter(rendition: Rendition, target: Boundary, next: Micros | undefined): void {
    const { track, current } = rendition
    if (current !== undefined) {
      const passed = this.#boundaries.filter(({ number }) => number > current.number && number <= target.number)
      const following = passed[0] ?? target
      this.#close(
        rendition,
        following === target && target.period === current.period ? next : undefined,
        following.time,
      )
      for (const [index, skipped] of passed.slice(0, -1).entries()) {
        this.#open(track, skipped)
        this.#results.push({ type: 'close', track, end: (passed[index + 1] as Boundary).time })
      }
    }
    this.#open(track, target)
    rendition.current = target
  }

  #open(track: Track, { number, period, time }: Boundary): void {
    this.#results.push({ type: 'open', track, number, period, start: time })
  }

  #close({ track, builder }: Rendition, next: Micros | undefined, end: Micros): void {
    for (const part of builder.endSegment(next)) this.#results.push({ type: 'part', track, part })
    this.#results.push({ type: 'close', track, end })
  }
}

function waitedLong({ waiting }: Rendition): boolean {
  const oldest = waiting[0]
  const newest = waiting.at(-1)
  if (oldest === undefined || newest === undefined) return false
  return newest.dts - oldest.dts >= LEAD_WAIT || waiting.length >= MAX_WAITING_PACKETS
}

/** MP4 can carry the track. */
export function isPackaged(track: Track): boolean {
  return track.kind !== 'data' && hasSampleEntry(track.codec) && (track.config !== undefined || track.codec === 'mp3')
}
