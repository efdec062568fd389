/** Writes data packets of any source as an ASF file, as they are but padded to its fixed size (ASF 1.20, sections 2, 3.2 and 5.1). */
import { ByteWriter } from '../../bytes/byte-writer.ts'
import type { Machine } from '../../machine.ts'
import { ASF_GUID, writeGuid } from './guid.ts'
import { readAsfHeader, writeAsfHeader } from './header.ts'
import { IndexBuilder } from './index-builder.ts'
import { type AsfInit, type AsfPacket, DATA_OBJECT_HEADER_LENGTH } from './model.ts'
import { FILE_FLAG } from './objects/file-properties.ts'
import { withPadding } from './padding.ts'
import { withLaterTimes } from './time-shift.ts'

/** What turns the written bytes into a complete file. */
export interface FinishedFile {
  /** Takes the place of the first bytes written: of the same length. */
  readonly header: Uint8Array
  /** Goes behind the last packet; may be empty. */
  readonly index: Uint8Array
}

/** What is known of a file when it is complete. */
interface FileFacts {
  readonly packetCount: number
  readonly durationMs: number
  readonly fileSize: number
}

export interface AsfFileWriterOptions {
  /** Times begin at zero, whatever the first packet says: for recordings of live streams, whose times may begin anywhere. */
  readonly fromZero?: boolean
}

const TICKS_PER_MS = 10_000n
/** Times are of 32 bits: to add this less some takes that some off. */
const TIME_RANGE = 2 ** 32
const DATA_OBJECT_RESERVED = 0x0101

/**
 * The first piece read is a header that tells neither sizes nor counts, as of a live stream; then every packet comes in the fixed size.
 * A reader can play that as it is, so a sink that cannot go back needs no more. One that can calls `finish`.
 */
export class AsfFileWriter implements Machine<AsfPacket, Uint8Array> {
  readonly #init: AsfInit
  readonly #index: IndexBuilder
  readonly #fromZero: boolean
  readonly #out: Uint8Array[] = []
  #packetCount = 0
  #startMs: number | undefined

  constructor(init: AsfInit, options: AsfFileWriterOptions = {}) {
    this.#init = init
    this.#fromZero = options.fromZero === true
    this.#index = new IndexBuilder(init)
    this.#out.push(headerWith(init, undefined))
  }

  /**
   * Packets of the header given; where they come from does not matter. Throws FormatError for one that is larger than its packets, or has
   * a broken head.
   */
  write(packet: AsfPacket): void {
    const { packetSize } = this.#init
    this.#startMs ??= packet.sendTimeMs
    const early = this.#fromZero && this.#startMs > 0
    const shifted = early ? withLaterTimes(packet.bytes, packetSize, TIME_RANGE - this.#startMs) : packet.bytes
    const bytes = withPadding(shifted, packetSize)
    this.#index.write(bytes, this.#packetCount++)
    this.#out.push(bytes)
  }

  read(): Uint8Array | undefined {
    return this.#out.shift()
  }

  end(): void {
    // Every packet was complete when it was written.
  }

  /** Header and index of what was written so far. */
  finish(): FinishedFile {
    const { bytes, packetSize, prerollMs } = this.#init
    const packetCount = this.#packetCount
    const index = this.#index.finish()
    const fileSize = bytes.byteLength + packetCount * packetSize + index.byteLength
    const startMs = this.#fromZero ? 0 : (this.#startMs ?? 0)
    const durationMs = Math.max(0, this.#index.lastMs - prerollMs - startMs)
    return { header: headerWith(this.#init, { packetCount, durationMs, fileSize }), index }
  }
}

/** The header with these facts, or as of a live stream without. */
function headerWith(init: AsfInit, facts: FileFacts | undefined): Uint8Array {
  const { packetCount = 0, durationMs = 0, fileSize = 0 } = facts ?? {}
  const header = readAsfHeader(init.bytes)
  const duration = BigInt(durationMs) * TICKS_PER_MS
  const objects = header.objects.map((object) => {
    if (object.type !== 'file-properties') return object
    const kept = object.flags & ~(FILE_FLAG.BROADCAST | FILE_FLAG.SEEKABLE)
    return {
      ...object,
      flags: kept | (facts === undefined ? FILE_FLAG.BROADCAST : FILE_FLAG.SEEKABLE),
      fileSize: BigInt(fileSize),
      packetCount: BigInt(packetCount),
      sendDuration: duration,
      playDuration: facts === undefined ? 0n : duration + BigInt(init.prerollMs) * TICKS_PER_MS,
    }
  })
  const writer = new ByteWriter(init.bytes.byteLength)
  writer.bytes(writeAsfHeader({ ...header, objects }))
  writeGuid(writer, ASF_GUID.DATA)
  writer.u64le(DATA_OBJECT_HEADER_LENGTH + packetCount * init.packetSize)
  return writer.bytes(init.fileId).u64le(packetCount).u16le(DATA_OBJECT_RESERVED).toBytes()
}
