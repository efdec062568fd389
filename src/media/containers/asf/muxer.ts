/** Writes packets of tracks as an ASF file or stream: ASF 1.20, section 2. */
import type { Machine } from '../../machine.ts'
import type { Packet } from '../../packet.ts'
import type { Track } from '../../track.ts'
import { AsfFileWriter, type FinishedFile } from './file-writer.ts'
import { buildAsfInit } from './header-builder.ts'
import { AsfPacketizer } from './packetizer.ts'

/** FFmpeg's choice, which every player knows. */
const PACKET_SIZE = 3200
const PREROLL_MS = 3000

export interface AsfMuxerOptions {
  /** Bytes of each data packet, 128 to 65 535; 3200 unless said. */
  readonly packetSize?: number
  /** What players are told to gather, milliseconds; 3000 unless said. */
  readonly prerollMs?: number
  /** As `buildAsfInit` takes them. */
  readonly metadata?: Readonly<Record<string, unknown>>
  readonly creationTime?: Date
}

/**
 * Packets in, a whole ASF file or stream out, header first. Tracks that ASF cannot carry are left out. A sink that can go back writes the
 * header of `finish` over the first one, and its index behind the end.
 */
export class AsfMuxer implements Machine<Packet, Uint8Array> {
  readonly #packetizer: AsfPacketizer
  readonly #writer: AsfFileWriter

  /** Throws FormatError ERR_ASF_NO_TRACK when none of the tracks can be carried. */
  constructor(tracks: readonly Track[], options: AsfMuxerOptions = {}) {
    const { packetSize = PACKET_SIZE, prerollMs = PREROLL_MS, ...description } = options
    const init = buildAsfInit({ tracks, packetSize, prerollMs, broadcast: true, ...description })
    this.#packetizer = new AsfPacketizer(init, { padded: true })
    this.#writer = new AsfFileWriter(init)
  }

  write(packet: Packet): void {
    this.#packetizer.write(packet)
    this.#move()
  }

  read(): Uint8Array | undefined {
    return this.#writer.read()
  }

  end(): void {
    this.#packetizer.end()
    this.#move()
  }

  /** Completes the data packet that was begun, so that it need not wait for more. */
  flush(): void {
    this.#packetizer.flush()
    this.#move()
  }

  /** After `end`: header and index of the complete file. */
  finish(): FinishedFile {
    return this.#writer.finish()
  }

  #move(): void {
    for (let packet = this.#packetizer.read(); packet !== undefined; packet = this.#packetizer.read()) {
      this.#writer.write(packet)
    }
  }
}
