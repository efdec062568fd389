/** RTMP and FLV messages to tracks and packets: Video File Format 10.1 annex E.4 and Enhanced RTMP v2. */
import { FormatError } from '../../../errors.ts'
import { readAmf0, readAmf0Values } from '../../amf/amf0.ts'
import { amfProperties, newAmfObject } from '../../amf/value.ts'
import { ByteReader } from '../../bytes/byte-reader.ts'
import type { DemuxResult } from '../../container.ts'
import type { Machine } from '../../machine.ts'
import type { Packet } from '../../packet.ts'
import { ClockUnwrapper, MICROS_PER_MS, type Micros } from '../../time.ts'
import { TRACK_ID_BASE, type Track } from '../../track.ts'
import { type AudioPart, readAudioTag } from './audio-tag.ts'
import type { FlvMessage } from './message.ts'
import { announcedTracks, type Metadata, readColorInfo, trackHints } from './metadata.ts'
import { TrackSource } from './track-source.ts'
import { readVideoTag, type VideoPart } from './video-tag.ts'

/** Tracks of each kind. */
const MAX_TRACKS_PER_KIND = 16
/** How long packets are held for tracks that have not shown themselves yet: media time, packets, bytes. */
const MAX_SETTLE_MICROS = 1_000_000
const MAX_HELD_PACKETS = 64
const MAX_HELD_BYTES = 16 * 1024 * 1024

const DATA_TRACK: Track = { id: TRACK_ID_BASE.data, kind: 'data', codec: 'amf0-data', timescale: 1000 }

interface HeldPacket {
  /** `undefined`: the data track. */
  readonly source: TrackSource | undefined
  readonly packet: Omit<Packet, 'track'>
}

/**
 * Takes messages, gives tracks and packets. Packets are held until the tracks are known that onMetaData announces, or sound and picture
 * both, or for about a second. Time is unwrapped from 32 bits but not repaired. Script data other than onMetaData becomes packets of a
 * data track, and unknown Enhanced RTMP codecs are skipped.
 */
export class FlvMessageDemuxer implements Machine<FlvMessage, DemuxResult> {
  readonly #clock = new ClockUnwrapper(32)
  readonly #sources = new Map<number, TrackSource>()
  readonly #results: DemuxResult[] = []
  #held: HeldPacket[] = []
  #heldBytes = 0
  #firstTime: Micros | undefined
  #messages = 0
  #metadata: Metadata | undefined
  #expected: ReadonlySet<number> | undefined
  #hasData = false
  #settled = false
  /** The set changed since it was told. */
  #changed = false
  #skippedCodec: string | undefined

  /** What a file header says: which kinds to wait for. onMetaData overrules it. */
  expect({ audio, video }: { readonly audio: boolean; readonly video: boolean }): void {
    if (!audio && !video) return
    this.#expected = new Set([...(video ? [TRACK_ID_BASE.video] : []), ...(audio ? [TRACK_ID_BASE.audio] : [])])
  }

  /** Throws FormatError for broken messages, and when all that comes is in codecs we do not carry. The body belongs to the packets. */
  write(message: FlvMessage): void {
    const time = this.#clock.unwrap(message.timestampMs) * MICROS_PER_MS
    if (message.type === 'data') this.#writeData(message.body, time)
    else if (message.type === 'video')
      for (const part of readVideoTag(message.body)) this.#writePart('video', part, time)
    else for (const part of readAudioTag(message.body)) this.#writePart('audio', part, time)
    if (!this.#settled) this.#settleWhenLate(time)
  }

  read(): DemuxResult | undefined {
    return this.#results.shift()
  }

  end(): void {
    if (!this.#settled && this.#tracks().length > 0) this.#settle()
  }

  #writePart(kind: 'audio' | 'video', part: VideoPart | AudioPart, time: Micros): void {
    if (part.codec === undefined) {
      this.#skippedCodec = part.codecName
      return
    }
    const source = this.#source(kind, part.codec, part.trackId)
    if (part.kind === 'config') this.#configure(source, part.codec, part.data)
    else if (part.kind === 'metadata') this.#writeColor(source, part.data)
    else if (part.kind === 'frame' && part.data.byteLength > 0) this.#writeFrame(source, part, time)
  }

  #source(kind: 'audio' | 'video', codec: TrackSource['codec'], trackId: number): TrackSource {
    const id = TRACK_ID_BASE[kind] + trackId
    const existing = this.#sources.get(id)
    if (existing !== undefined) return existing
    const count = [...this.#sources.values()].filter((source) => source.kind === kind).length
    if (count >= MAX_TRACKS_PER_KIND) {
      throw new FormatError('ERR_FLV_TOO_MANY_TRACKS', `expected at most ${MAX_TRACKS_PER_KIND} ${kind} tracks`)
    }
    const source = new TrackSource(kind, codec, trackId)
    if (this.#metadata !== undefined) source.hint(trackHints(this.#metadata, kind, trackId))
    this.#sources.set(id, source)
    return source
  }

  #configure(source: TrackSource, codec: TrackSource['codec'], header: Uint8Array): void {
    if (source.isRepeated(codec, header)) return
    // What is held belongs to the configuration before.
    if (!this.#settled && this.#held.some((held) => held.source === source)) this.#settle()
    this.#track(source, () => source.configure(codec, header))
  }

  #writeColor(source: TrackSource, data: Uint8Array): void {
    const [name, value] = readAmf0Values(new ByteReader(data))
    if (source.kind !== 'video' || name !== 'colorInfo') return
    this.#track(source, () => source.colorize(readColorInfo(value)))
  }

  #writeFrame(source: TrackSource, part: VideoPart | AudioPart, time: Micros): void {
    if (part.codec !== undefined && part.codec !== source.codec) {
      // Another codec without a header that announced it: only what tells itself by its frames can begin so.
      const next = new TrackSource(source.kind, part.codec, source.trackId)
      next.learn(part.data, part.key)
      if (next.track === undefined) return
      if (!this.#settled) this.#settle()
      if (this.#metadata !== undefined) next.hint(trackHints(this.#metadata, source.kind, source.trackId))
      this.#sources.set(source.id, next)
      this.#changed = true
      this.#writeFrame(next, part, time)
      return
    }
    const before = source.track
    source.learn(part.data, part.key)
    if (source.track !== before) this.#changed = true
    // Before the first sequence header nothing can be decoded.
    if (source.track === undefined) return
    const data = source.canonical(part.data)
    if (data.byteLength === 0) return
    const dts = time + Math.floor(part.nanoseconds / 1000)
    this.#emit(source, { data, dts, pts: dts + part.compositionMs * MICROS_PER_MS, key: part.key })
  }

  /** Notices when a step gives a source another track. */
  #track(source: TrackSource, step: () => void): void {
    const before = source.track
    step()
    if (source.track !== before) this.#changed = true
  }

  #writeData(body: Uint8Array, time: Micros): void {
    const reader = new ByteReader(body)
    if (reader.remaining === 0) return
    let start = 0
    let name = readAmf0(reader)
    if (name === '@setDataFrame' && reader.remaining > 0) {
      start = reader.position
      name = readAmf0(reader)
    }
    if (typeof name !== 'string' || name === '@clearDataFrame') return
    const values = readAmf0Values(reader)
    if (name === 'onMetaData') {
      this.#writeMetadata(amfProperties(values[0]) ?? newAmfObject())
      return
    }
    if (!this.#hasData) {
      this.#hasData = true
      this.#changed = true
    }
    this.#emit(undefined, { data: body.subarray(start), dts: time, pts: time, key: true })
  }

  #writeMetadata(metadata: Metadata): void {
    // Some encoders repeat it with counters that move; only the first one, and what it changes in tracks, is news.
    if (this.#metadata === undefined) this.#changed = true
    this.#metadata = metadata
    const { audio, video } = announcedTracks(metadata)
    if (audio.length + video.length > 0) {
      const ids = [...video.map((id) => TRACK_ID_BASE.video + id), ...audio.map((id) => TRACK_ID_BASE.audio + id)]
      this.#expected = new Set(ids)
    }
    for (const source of this.#sources.values()) {
      this.#track(source, () => source.hint(trackHints(metadata, source.kind, source.trackId)))
    }
  }

  #emit(source: TrackSource | undefined, packet: Omit<Packet, 'track'>): void {
    if (this.#settled) {
      this.#push(source, packet)
      return
    }
    this.#held.push({ source, packet })
    this.#heldBytes += packet.data.byteLength
    if (source !== undefined && this.#isComplete()) this.#settle()
  }

  #isComplete(): boolean {
    const known = (id: number) => this.#sources.get(id)?.track !== undefined
    if (this.#expected !== undefined) return [...this.#expected].every(known)
    const kinds = new Set(
      [...this.#sources.values()].filter((source) => source.track !== undefined).map(({ kind }) => kind),
    )
    return kinds.has('audio') && kinds.has('video')
  }

  #settleWhenLate(time: Micros): void {
    this.#messages++
    this.#firstTime ??= time
    const waited = Math.abs(time - this.#firstTime)
    const full = this.#held.length >= MAX_HELD_PACKETS || this.#heldBytes >= MAX_HELD_BYTES
    if (waited < MAX_SETTLE_MICROS && !full && this.#messages < MAX_HELD_PACKETS * 4) return
    if (this.#held.length > 0) this.#settle()
    else if (this.#skippedCodec !== undefined) {
      throw new FormatError('ERR_FLV_CODEC', `expected a codec that this server carries, found ${this.#skippedCodec}`)
    }
  }

  #settle(): void {
    this.#settled = true
    this.#changed = true
    for (const { source, packet } of this.#held) this.#push(source, packet)
    this.#held = []
    if (this.#changed) this.#pushTracks()
  }

  #push(source: TrackSource | undefined, packet: Omit<Packet, 'track'>): void {
    if (this.#changed) this.#pushTracks()
    const track = source === undefined ? DATA_TRACK : source.track
    if (track !== undefined) {
      // Spelled out: every packet of every publisher passes here, and a spread makes a larger, slower object.
      const { data, pts, dts, key } = packet
      this.#results.push({ type: 'packet', packet: { track, data, pts, dts, key } })
    }
  }

  #pushTracks(): void {
    this.#changed = false
    const metadata = this.#metadata
    this.#results.push({ type: 'tracks', tracks: this.#tracks(), ...(metadata !== undefined && { metadata }) })
  }

  #tracks(): Track[] {
    const tracks = [...this.#sources.values()].flatMap(({ track }) => track ?? [])
    if (this.#hasData) tracks.push(DATA_TRACK)
    return tracks.sort((a, b) => a.id - b.id)
  }
}
