/** Reads FLV files at random as media: Video File Format 10.1 annex E, Enhanced RTMP v2. */
import { FormatError } from '../../../errors.ts'
import type { ByteSource } from '../../byte-source.ts'
import type { DemuxResult } from '../../container.ts'
import { KeptAnswer } from '../../kept-answer.ts'
import { Notes } from '../../notes.ts'
import type { Packet } from '../../packet.ts'
import { type ForeignTrack, type KeyPoint, leadingTrack, type MediaReader, type ReadOptions } from '../../reader.ts'
import { MICROS_PER_MS, type Micros } from '../../time.ts'
import type { Track } from '../../track.ts'
import { KnownTracks } from '../known-tracks.ts'
import { type FlvPlace, type FlvScan, pointsOfMetadata, scanTags } from './file-index.ts'
import { type FlvStart, readStart } from './file-start.ts'
import { findLastTime } from './last-time.ts'
import type { FlvMessage } from './message.ts'
import { FlvMessageDemuxer } from './message-demuxer.ts'
import { TagWalk } from './tag-walk.ts'

/** A file that begins later has a clock of its own, as recordings of live streams do; below, tracks begin apart. */
const MIN_SHIFT: Micros = 500 * MICROS_PER_MS

/** Holds the configurations of its tracks; each reading holds a piece of the file. */
export class FlvFileReader implements MediaReader {
  readonly format = 'flv'
  readonly tracks: readonly Track[]
  readonly foreign: readonly ForeignTrack[]
  readonly duration: Micros
  readonly metadata: Readonly<Record<string, string | number>>
  readonly #source: ByteSource
  readonly #start: FlvStart
  readonly #place: FlvPlace | undefined
  readonly #scan: Promise<FlvScan> | undefined
  readonly #notes: Notes
  readonly #keyPoints = new KeptAnswer(() => this.#findKeyPoints())

  private constructor(
    source: ByteSource,
    start: FlvStart,
    facts: { place: FlvPlace | undefined; scan: FlvScan | undefined; duration: Micros; notes: Notes },
  ) {
    this.#source = source
    this.#start = start
    this.#place = facts.place
    this.#scan = facts.scan && Promise.resolve(facts.scan)
    this.#notes = facts.notes
    this.tracks = start.tracks
    this.foreign = start.foreign
    this.duration = facts.duration
    this.metadata = textsOf(start.metadata)
  }

  /** Throws FormatError for what is no FLV file, and for one without sound and picture. */
  static async open(source: ByteSource): Promise<FlvFileReader> {
    const notes = new Notes()
    const start = await readStart(source, notes)
    const lead = leadingTrack(start.tracks)
    const zero = start.firstTime >= MIN_SHIFT || start.firstTime < 0 ? start.firstTime : 0
    const place = lead && { source, start: start.position, zero, lead }
    const last = await findLastTime(source, start.position)
    const scan = last === undefined && place !== undefined ? await scanTags(place, notes) : undefined
    const duration = Math.max(0, (last ?? scan?.end ?? 0) - zero)
    return new FlvFileReader(source, start, { place, scan, duration, notes })
  }

  get notes(): readonly string[] {
    return this.#notes.list()
  }

  keyPoints(): Promise<readonly KeyPoint[]> {
    return this.#keyPoints.get()
  }

  async *packets(from: Micros | KeyPoint, { tracks }: ReadOptions = {}): AsyncGenerator<Packet> {
    const point = typeof from === 'number' ? await this.#pointBefore(from) : from
    const leadId = leadingTrack(this.tracks)?.id
    const isWanted = (id: number) => tracks === undefined || tracks.includes(id)
    const isLed = leadId !== undefined && isWanted(leadId)
    const first = isLed ? (point?.dts ?? Number.NEGATIVE_INFINITY) : typeof from === 'number' ? from : from.dts
    const zero = this.#place?.zero ?? 0
    const known = new KnownTracks(this.tracks)
    try {
      for await (const result of this.#results(point?.position ?? this.#start.position)) {
        if (result.type !== 'packet' || !isWanted(result.packet.track.id)) continue
        const packet = known.own(result.packet)
        if (packet === undefined || packet.dts - zero < first) continue
        yield zero === 0 ? packet : { ...packet, pts: packet.pts - zero, dts: packet.dts - zero }
      }
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      this.#notes.add(`The file could not be read to its end: ${error.message}`)
    }
  }

  /** `undefined`: the start of the file. */
  async #pointBefore(time: Micros): Promise<KeyPoint | undefined> {
    if (time <= 0) return undefined
    const points = await this.keyPoints()
    const point = points.findLast(({ pts }) => pts <= time)
    // What other tracks have before the first key picture belongs to the start.
    return point === points[0] ? undefined : point
  }

  async *#results(position: number): AsyncGenerator<DemuxResult> {
    const demuxer = new FlvMessageDemuxer()
    const walk = new TagWalk(this.#source, position)
    demuxer.expect(this.#start.header)
    let isFirst = true
    for (let tag = await walk.next(); tag !== undefined; tag = await walk.next()) {
      const { type, timestampMs } = tag.header
      if (type === undefined) continue
      if (isFirst && position > this.#start.position) this.#configure(demuxer, timestampMs)
      isFirst = false
      this.#write(demuxer, { type, timestampMs, body: tag.body }, tag.position)
      for (let result = demuxer.read(); result !== undefined; result = demuxer.read()) yield result
    }
    for (const lost of walk.lost) this.#notes.add('A tag is broken; the file is read on behind it', lost)
    demuxer.end()
    for (let result = demuxer.read(); result !== undefined; result = demuxer.read()) yield result
  }

  /** Tells a demuxer that begins in the middle what stood at the start. */
  #configure(demuxer: FlvMessageDemuxer, timestampMs: number): void {
    for (const { type, body } of this.#start.configurations) demuxer.write({ type, timestampMs, body })
  }

  #write(demuxer: FlvMessageDemuxer, message: FlvMessage, position: number): void {
    try {
      demuxer.write(message)
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      this.#notes.add(`The content of a tag is broken and left out: ${error.code}`, position)
    }
  }

  async #findKeyPoints(): Promise<readonly KeyPoint[]> {
    const place = this.#place
    if (place === undefined) return []
    const indexed =
      this.#scan === undefined ? await pointsOfMetadata(this.#start.metadata, place, this.duration) : undefined
    if (indexed !== undefined) return indexed
    return (await (this.#scan ?? scanTags(place, this.#notes))).keyPoints
  }
}

/** Of the file that this one was made of; nothing for people. */
const TECHNICAL_NAMES: ReadonlySet<string> = new Set(['major_brand', 'minor_version', 'compatible_brands'])
const MAX_TEXT_LENGTH = 1000

/** Texts of onMetaData; numbers there describe tracks. */
function textsOf(metadata: Readonly<Record<string, unknown>>): Record<string, string> {
  const told: Record<string, string> = {}
  for (const [name, value] of Object.entries(metadata)) {
    if (typeof value !== 'string' || value === '' || TECHNICAL_NAMES.has(name)) continue
    told[name.slice(0, MAX_TEXT_LENGTH)] = value.slice(0, MAX_TEXT_LENGTH)
  }
  return told
}
