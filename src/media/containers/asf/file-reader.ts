/** Reads ASF, WMV and WMA files at random as media (ASF 1.20). */
import { FormatError } from '../../../errors.ts'
import type { ByteSource } from '../../byte-source.ts'
import { KeptAnswer } from '../../kept-answer.ts'
import { Notes } from '../../notes.ts'
import type { Packet } from '../../packet.ts'
import { type ForeignTrack, type KeyPoint, leadingTrack, type MediaReader, type ReadOptions } from '../../reader.ts'
import { protectionMetadata } from '../../source-protection.ts'
import { MICROS_PER_MS, type Micros } from '../../time.ts'
import type { Track } from '../../track.ts'
import { KnownTracks } from '../known-tracks.ts'
import { AsfFile } from './file.ts'
import { readResults } from './file-results.ts'
import { findKeyPoints } from './key-points.ts'
import type { AsfInit } from './model.ts'

/** Packets that are looked through for the configuration of tracks and for their first times. */
const PROBE_PACKETS = 256
/** A file that begins later has a clock of its own, as recordings of live streams do; below, tracks begin apart. */
const MIN_SHIFT: Micros = 500 * MICROS_PER_MS

/**
 * Decode times of key points are their presentation times: ASF has no others, and those of packets are derived while they are read. Holds
 * the header; each reading holds some packets.
 */
export class AsfFileReader implements MediaReader {
  readonly format = 'asf'
  readonly tracks: readonly Track[]
  readonly foreign: readonly ForeignTrack[]
  readonly duration: Micros
  readonly metadata: Readonly<Record<string, string | number>>
  readonly #file: AsfFile
  /** Time of the file at which ours is 0. */
  readonly #zero: Micros
  readonly #notes: Notes
  readonly #keyPoints = new KeptAnswer(() => findKeyPoints(this.#file, this.#zero, this.duration))

  private constructor(file: AsfFile, tracks: readonly Track[], zero: Micros, notes: Notes) {
    this.#file = file
    this.#zero = zero
    this.#notes = notes
    this.tracks = tracks
    this.foreign = foreignOf(file.init, tracks)
    this.metadata = metadataOf(file.init)
    this.duration = Math.max(0, file.startMs * MICROS_PER_MS - zero) + file.durationMs * MICROS_PER_MS
  }

  /** Throws FormatError for what is no ASF file. */
  static async open(source: ByteSource): Promise<AsfFileReader> {
    const file = await AsfFile.open(source)
    const notes = new Notes()
    noteProtection(file.init, notes)
    let tracks: readonly Track[] = []
    const firsts = new Map<number, Micros>()
    try {
      for await (const result of readResults(file, 0, PROBE_PACKETS)) {
        if (result.type === 'tracks') tracks = result.tracks
        else if (!firsts.has(result.packet.track.id)) firsts.set(result.packet.track.id, result.packet.pts)
        const media = tracks.filter(({ kind }) => kind === 'video' || kind === 'audio')
        if (media.length > 0 && media.every(({ id }) => firsts.has(id))) break
      }
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      notes.add(error.message)
    }
    const first = Math.min(...firsts.values())
    const zero = Number.isFinite(first) && (first >= MIN_SHIFT || first < 0) ? first : 0
    return new AsfFileReader(file, tracks, zero, notes)
  }

  get notes(): readonly string[] {
    return this.#notes.list()
  }

  keyPoints(): Promise<readonly KeyPoint[]> {
    return this.#keyPoints.get()
  }

  async *packets(from: Micros | KeyPoint, { tracks }: ReadOptions = {}): AsyncGenerator<Packet> {
    const isPoint = typeof from !== 'number'
    const time = isPoint ? from.pts : from
    const { bytes, packetSize } = this.#file.init
    const number = isPoint
      ? Math.floor((from.position - bytes.byteLength) / packetSize)
      : await this.#file.packetAt((time + this.#zero) / MICROS_PER_MS)
    const known = new KnownTracks(this.tracks)
    const leadId = leadingTrack(this.tracks)?.id
    const isWanted = (id: number) => tracks === undefined || tracks.includes(id)
    // Before the key packet come the ends of objects that began earlier, and sound that is sent ahead of it.
    let start = leadId === undefined || !isWanted(leadId) ? time : undefined
    if (start === undefined && number === 0) start = Number.NEGATIVE_INFINITY
    try {
      for await (const result of readResults(this.#file, number, Number.POSITIVE_INFINITY)) {
        if (result.type !== 'packet' || !isWanted(result.packet.track.id)) continue
        const packet = known.own(result.packet)
        if (packet === undefined) continue
        const { id } = packet.track
        const pts = packet.pts - this.#zero
        if (start === undefined && id === leadId && packet.key && (!isPoint || pts >= time)) start = pts
        if (start === undefined || (pts < start && id !== leadId)) continue
        yield { ...packet, pts, dts: packet.dts - this.#zero }
      }
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      this.#notes.add(`The file could not be read to its end: ${error.message}`)
    }
  }
}

function foreignOf({ streams, encryption }: AsfInit, tracks: readonly Track[]): ForeignTrack[] {
  return streams.flatMap(({ kind, encrypted, track, formatName, language }) => {
    if (!encrypted && track !== undefined && tracks.some(({ id }) => id === track.id)) return []
    return {
      kind: kind === 'video' || kind === 'audio' ? kind : 'data',
      codec: encrypted ? `${formatName} (encrypted: ${encryption?.scheme ?? 'unknown'})` : formatName,
      ...(language !== undefined && { language }),
    }
  })
}

function metadataOf({ description, encryption }: AsfInit): Record<string, string> {
  const { author, ...texts } = description
  const told = Object.entries({ ...texts, artist: author }).filter(([, text]) => text !== '')
  return { ...Object.fromEntries(told), ...protectionMetadata(encryption) }
}

function noteProtection({ encryption }: AsfInit, notes: Notes): void {
  if (encryption === undefined) return
  const { scheme, licenseUrl, keyId } = encryption
  const details = [
    ...(licenseUrl === '' ? [] : [`licences at ${licenseUrl}`]),
    ...(keyId === '' ? [] : [`key ${keyId}`]),
  ]
  notes.add(`The content is protected (${[scheme, ...details].join(', ')}); encrypted streams are not read.`)
}
