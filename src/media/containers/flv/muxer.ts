/** Writes FLV: Video File Format 10.1 annex E.2 and E.3, with Enhanced RTMP bodies where needed. */
import { ByteWriter } from '../../bytes/byte-writer.ts'
import type { Machine } from '../../machine.ts'
import type { Packet } from '../../packet.ts'
import { MICROS_PER_MS, type Micros } from '../../time.ts'
import type { Track } from '../../track.ts'
import { isFlvTrack } from './codec-id.ts'
import { FlvMessageMuxer, flvMessageHead } from './message-muxer.ts'
import type { Metadata } from './metadata.ts'
import { writeFlvHeader, writeTag } from './tag.ts'

const EMPTY = new Uint8Array(0)

/**
 * Packets in, a whole FLV file or stream out: the first piece has the file header and the sequence headers. A packet whose track is
 * not in the set (a changed configuration) is preceded by new sequence headers. Packets of codecs that FLV cannot carry are left out.
 */
export class FlvMuxer implements Machine<Packet, Uint8Array> {
  readonly #muxer = new FlvTagMuxer()
  readonly #metadata: Metadata
  readonly #out: Uint8Array[] = []
  #tracks: readonly Track[]

  constructor(tracks: readonly Track[], metadata: Metadata = {}) {
    this.#tracks = tracks
    this.#metadata = metadata
    this.#out.push(flvFileHeader(tracks), this.#muxer.init(tracks, metadata))
  }

  write(packet: Packet): void {
    if (!isFlvTrack(packet.track)) return
    if (!this.#tracks.includes(packet.track)) {
      this.#tracks = [...this.#tracks.filter((track) => track.id !== packet.track.id), packet.track]
      this.#out.push(this.#muxer.init(this.#tracks, this.#metadata))
    }
    const writer = new ByteWriter(packet.data.byteLength + 32)
    this.#muxer.write(packet, writer)
    this.#out.push(writer.view())
  }

  read(): Uint8Array | undefined {
    return this.#out.shift()
  }

  end(): void {
    // Every tag was complete when its packet was written.
  }
}

/** What a muxer is told of a file that is played from some place. */
export interface FlvFile {
  readonly duration: Micros
  /** Time of the first packet. */
  readonly from: Micros
}

/** The tags alone, for a stream whose viewers each get the file header when they come. */
export class FlvTagMuxer {
  readonly #messages: FlvMessageMuxer
  #lastMs: number

  /** `file`: of what is no live stream. */
  constructor(file?: FlvFile) {
    this.#messages = new FlvMessageMuxer(file?.duration)
    this.#lastMs = Math.round((file?.from ?? 0) / MICROS_PER_MS)
  }

  /** onMetaData and sequence headers as tags: before the first packet, and again when tracks or metadata change. */
  init(tracks: readonly Track[], metadata: Metadata = {}): Uint8Array {
    const writer = new ByteWriter(1024)
    for (const { type, timestampMs, body } of this.#messages.start(tracks, metadata, this.#lastMs)) {
      writeTag(writer, type, timestampMs, body, EMPTY)
    }
    return writer.detach()
  }

  /** Appends the packet as a tag; nothing for a codec that FLV cannot carry. */
  write(packet: Packet, out: ByteWriter): void {
    if (!isFlvTrack(packet.track)) return
    const { type, timestampMs } = flvMessageHead(packet)
    this.#lastMs = timestampMs
    writeTag(out, type, timestampMs, this.#messages.bodyHeader(packet), packet.data)
  }
}

/** The header of an FLV file, with the size of the tag before the first. */
export function flvFileHeader(tracks: readonly Track[]): Uint8Array {
  const writer = new ByteWriter(16)
  writeFlvHeader(writer, {
    hasAudio: tracks.some((track) => track.kind === 'audio' && isFlvTrack(track)),
    hasVideo: tracks.some((track) => track.kind === 'video' && isFlvTrack(track)),
  })
  return writer.toBytes()
}
