/** Reads Matroska and WebM files from a source with random access (RFC 9559, RFC 8794). */
import { FormatError } from '../../../errors.ts'
import type { ByteSource } from '../../byte-source.ts'
import { Notes } from '../../notes.ts'
import type { Packet } from '../../packet.ts'
import { type ForeignTrack, type KeyPoint, leadingTrack, type MediaReader, type ReadOptions } from '../../reader.ts'
import { MICROS_PER_MS, MICROS_PER_SECOND, type Micros } from '../../time.ts'
import type { Track } from '../../track.ts'
import { BlockReader } from '../isobmff/block-reader.ts'
import { BlockCursor } from './block-cursor.ts'
import { CuedBlocks, cuedBlocks } from './cued-blocks.ts'
import { type CueEntry, cuesHold, readCues } from './cues.ts'
import { FileClock } from './file-clock.ts'
import { readInfo, readTags } from './info.ts'
import { measureEnd, pointAt, pointsOfCues, scanKeyPoints } from './key-points.ts'
import { type Blocks, type WalkStart, walkPackets } from './packet-walk.ts'
import { probeTracks } from './probe.ts'
import { openSegment, type Segment } from './segment.ts'
import { readTrackEntries } from './track-entry.ts'
import type { TrackLane } from './track-lane.ts'
import { describeTracks } from './tracks.ts'

/** A file that begins later has a clock of its own, as recordings of live streams do; below, tracks begin apart. */
const MIN_SHIFT: Micros = 500 * MICROS_PER_MS
/** By which the index and the declared duration may differ. */
const MAX_LAST_GROUP: Micros = 60 * MICROS_PER_SECOND
/** Before a place in the file, where sound that belongs to it may lie. */
const INTERLEAVING: Micros = 2 * MICROS_PER_SECOND
/** Before a place, where text that is still shown may begin. */
const MAX_TEXT_SHOWN: Micros = 60 * MICROS_PER_SECOND

interface Opened {
  readonly segment: Segment
  readonly lanes: readonly TrackLane[]
  readonly foreign: readonly ForeignTrack[]
  readonly clock: FileClock
  readonly cues: ReadonlyMap<number, readonly CueEntry[]>
  readonly metadata: Readonly<Record<string, string>>
  readonly notes: Notes
}

/** Blocks from a place on, and what of them is wanted. */
interface Reading {
  readonly blocks: Blocks
  readonly start: WalkStart
}

/**
 * Decode times are made up of the presentation times that the container has, group by group: the same wherever reading begins. Tracks that
 * are to be played unless chosen otherwise come first. Holds the description and the index; each reading holds some blocks of the file.
 */
export class MatroskaReader implements MediaReader {
  readonly format = 'matroska'
  readonly tracks: readonly Track[]
  readonly foreign: readonly ForeignTrack[]
  readonly duration: Micros
  readonly metadata: Readonly<Record<string, string>>
  readonly #source: ByteSource
  readonly #opened: Opened
  readonly #lead: TrackLane | undefined
  #keyPoints: Promise<readonly KeyPoint[]> | undefined
  /** Of text tracks that were asked for together, by their numbers. */
  readonly #cued = new Map<string, ReturnType<typeof cuedBlocks>>()

  private constructor(source: ByteSource, opened: Opened, duration: Micros) {
    this.#source = source
    this.#opened = opened
    this.tracks = opened.lanes.map(({ track }) => track)
    this.foreign = opened.foreign
    this.metadata = opened.metadata
    this.duration = duration
    this.#lead = leadOf(opened.lanes)
  }

  /** Throws FormatError for what is no Matroska file, or has no description of tracks. */
  static async open(source: ByteSource): Promise<MatroskaReader> {
    const blocks = new BlockReader(source)
    const notes = new Notes()
    const segment = await openSegment(blocks, notes)
    const { parts, webm, dataStart, end } = segment
    const info = readInfo(parts.info, notes)
    const tags = readTags(parts.tags, notes)
    const entries = readTrackEntries(parts.tracks, webm, notes)
    const probes = await probeTracks(blocks, segment, entries, info.tick)
    const { lanes, foreign } = describeTracks(entries, probes, info.tick, tags.bitrates, notes)
    const firsts = lanes.flatMap(({ number, track }) =>
      track.kind === 'text' ? [] : (probes.get(number)?.times.slice(0, 1) ?? []),
    )
    const first = firsts.reduce((least, time) => Math.min(least, time), Number.POSITIVE_INFINITY)
    const zero = Number.isFinite(first) && first >= MIN_SHIFT ? first : 0
    const opened: Opened = {
      segment,
      lanes,
      foreign,
      clock: new FileClock(info.tick, zero),
      cues: readCues(parts.cues, dataStart, end, notes),
      metadata: { ...tags.metadata, ...info.metadata },
      notes,
    }
    const duration = await durationOf(blocks, opened, zero === 0 ? info.duration : undefined)
    return new MatroskaReader(source, opened, duration)
  }

  get notes(): readonly string[] {
    return this.#opened.notes.list()
  }

  keyPoints(): Promise<readonly KeyPoint[]> {
    this.#keyPoints ??= this.#findKeyPoints()
    return this.#keyPoints
  }

  async *packets(from: Micros | KeyPoint, { tracks }: ReadOptions = {}): AsyncGenerator<Packet> {
    const { lanes, clock, notes } = this.#opened
    const wanted = lanes.filter(({ track }) => tracks === undefined || tracks.includes(track.id))
    const byNumber = new Map(wanted.map((lane) => [lane.number, lane]))
    try {
      const { blocks, start } = (await this.#cuedText(from, wanted)) ?? (await this.#blocksFrom(from, wanted))
      yield* walkPackets(blocks, byNumber, start, clock, notes)
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      notes.add(`The file could not be read to its end: ${error.message}`)
    }
  }

  /** Text alone, where the index knows all of it. */
  async #cuedText(from: Micros | KeyPoint, wanted: readonly TrackLane[]): Promise<Reading | undefined> {
    const { cues, segment, clock, notes } = this.#opened
    if (wanted.length === 0 || wanted.some(({ track }) => track.kind !== 'text')) return undefined
    const numbers = wanted.map(({ number }) => number)
    const key = numbers.join()
    const finding = this.#cued.get(key) ?? cuedBlocks(this.#source, cues, numbers, segment.end)
    this.#cued.set(key, finding)
    const all = await finding
    if (all === undefined) return undefined
    const others = beginningOr(from)
    const first = wanted[0] as TrackLane
    const near = all.filter(({ time }) => clock.time(first, time) >= others - MAX_TEXT_SHOWN)
    return { blocks: new CuedBlocks(this.#source, near, segment.end, notes), start: { lead: undefined, others } }
  }

  async #blocksFrom(from: Micros | KeyPoint, wanted: readonly TrackLane[]): Promise<Reading> {
    const { position, start } = await this.#startOf(from, wanted)
    const { segment, notes } = this.#opened
    return { blocks: new BlockCursor(new BlockReader(this.#source), position, segment.end, notes), start }
  }

  async #startOf(
    from: Micros | KeyPoint,
    wanted: readonly TrackLane[],
  ): Promise<{ position: number; start: WalkStart }> {
    const lead = wanted.find((lane) => lane === this.#lead)
    const others = beginningOr(from)
    const { firstCluster } = this.#opened.segment
    const beginning = { position: firstCluster, start: { lead: undefined, others: Number.NEGATIVE_INFINITY } }
    if (others === Number.NEGATIVE_INFINITY) return beginning
    const points = await this.keyPoints()
    if (lead === undefined) {
      const before = wanted.some(({ track }) => track.kind === 'text') ? MAX_TEXT_SHOWN : INTERLEAVING
      const position = points.findLast(({ pts }) => pts <= others - before)?.position ?? firstCluster
      return { position, start: { lead, others } }
    }
    const point = typeof from === 'number' ? points.findLast(({ pts }) => pts <= from) : from
    if (point === undefined) return beginning
    const start = { lead: { lane: lead, cluster: point.position, pts: point.pts }, others: point.dts }
    if (wanted.length === 1) return { position: point.position, start }
    const earlier = points.findLast(({ pts }) => pts < point.pts)
    return { position: earlier?.position ?? firstCluster, start }
  }

  async #findKeyPoints(): Promise<readonly KeyPoint[]> {
    const { segment, cues, clock, notes } = this.#opened
    const lead = this.#lead
    if (lead === undefined) return []
    const blocks = new BlockReader(this.#source)
    const known = cues.get(lead.number) ?? []
    if (lead.track.kind === 'video' && known.length > 0) {
      if (await cuesHold(blocks, known, segment.end)) {
        return this.#fromBeginning(await pointsOfCues(this.#source, lead, known, clock, segment.end), lead)
      }
      notes.add('The index is wrong; the file is read through in its place.')
    }
    return scanKeyPoints(blocks, segment, lead, clock, notes)
  }

  /** Some indexes leave the first key frame out, which is where the file begins. */
  #fromBeginning(points: readonly KeyPoint[], lead: TrackLane): readonly KeyPoint[] {
    const { segment, clock } = this.#opened
    const first = points[0]
    if (first === undefined || first.position <= segment.firstCluster || lead.firstTicks === undefined) return points
    const pts = clock.time(lead, lead.firstTicks)
    return pts < first.pts ? [pointAt(lead, pts, segment.firstCluster), ...points] : points
  }
}

/** The time of a place; everything there is, where that is the beginning. */
function beginningOr(from: Micros | KeyPoint): Micros {
  if (typeof from !== 'number') return from.pts
  return from <= 0 ? Number.NEGATIVE_INFINITY : from
}

function leadOf(lanes: readonly TrackLane[]): TrackLane | undefined {
  const lead = leadingTrack(lanes.map(({ track }) => track))
  return lanes.find(({ track }) => track === lead)
}

/** As declared where the index agrees with it, else measured. */
async function durationOf(blocks: BlockReader, opened: Opened, declared: Micros | undefined): Promise<Micros> {
  const { segment, lanes, clock, cues } = opened
  const lead = leadOf(lanes)
  const last = lead === undefined ? undefined : cues.get(lead.number)?.at(-1)
  if (declared !== undefined && lead !== undefined && last !== undefined && !segment.cutOff) {
    const time = clock.time(lead, last.time)
    if (time <= declared && declared - time <= MAX_LAST_GROUP) return declared
  }
  return (await measureEnd(blocks, segment, lanes, clock, new Notes())) ?? (segment.cutOff ? 0 : (declared ?? 0))
}
