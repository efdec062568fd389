/** An ASF file as the encoder sends it: its data packets as they are, paced by their send times, and the packets within beside them. */
import { openFileSource } from '../../library/open-source.ts'
import type { DemuxResult } from '../../media/container.ts'
import { AsfFile } from '../../media/containers/asf/file.ts'
import type { AsfPacket } from '../../media/containers/asf/model.ts'
import { AsfPacketDemuxer } from '../../media/containers/asf/packet-demuxer.ts'
import { withLaterTimes } from '../../media/containers/asf/time-shift.ts'
import { MICROS_PER_MS } from '../../media/time.ts'
import { inRealTime } from './pace.ts'

/** A whole data packet of the input's own wire, before the packets that it completes. */
export interface AsfInputPacket {
  readonly type: 'asf'
  readonly packet: AsfPacket
}

/** Data packets read from the file at once. */
const PACKETS_PER_READ = 64

/** Owns the file from the first `read` to `close`. */
export class AsfInput {
  readonly #path: string
  readonly #signal: AbortSignal
  #open: { readonly asf: AsfFile; readonly demuxer: AsfPacketDemuxer; close(): Promise<void> } | undefined
  /** Added to the times of the next time round, milliseconds. */
  #laterMs = 0

  constructor(path: string, signal: AbortSignal) {
    this.#path = path
    this.#signal = signal
  }

  /**
   * Once through the file in real time. The next call goes through it again, with times that go on where they ended and the same
   * header, so that a receiver sees one long programme. Throws FormatError for what is no ASF file.
   */
  async *read(): AsyncGenerator<DemuxResult | AsfInputPacket> {
    const timeOf = (result: DemuxResult | AsfInputPacket) =>
      result.type === 'asf' ? result.packet.sendTimeMs * MICROS_PER_MS : undefined
    yield* inRealTime(this.#results(), timeOf, this.#signal)
  }

  async close(): Promise<void> {
    await this.#open?.close()
    this.#open = undefined
  }

  async *#results(): AsyncGenerator<DemuxResult | AsfInputPacket> {
    this.#open ??= await openFile(this.#path)
    const { asf, demuxer } = this.#open
    const laterMs = this.#laterMs
    let newestMs = asf.startMs
    let count = 0
    while (count < asf.packetCount) {
      const packets = await asf.readPackets(count, PACKETS_PER_READ)
      if (packets.length === 0) break
      count += packets.length
      for (const read of packets) {
        newestMs = Math.max(newestMs, read.sendTimeMs)
        const packet = laterMs === 0 ? read : later(read, laterMs)
        yield { type: 'asf', packet }
        demuxer.write(packet.bytes)
        for (let result = demuxer.read(); result !== undefined; result = demuxer.read()) yield result
      }
    }
    // Not every header tells how long the last packet lasts: it may be as long as the others.
    const spanMs = newestMs - asf.startMs
    const step = Math.round(spanMs / Math.max(1, count - 1))
    this.#laterMs = laterMs + Math.max(asf.durationMs, spanMs + step)
  }
}

function later(packet: AsfPacket, laterMs: number): AsfPacket {
  return {
    ...packet,
    bytes: withLaterTimes(packet.bytes, packet.init.packetSize, laterMs),
    sendTimeMs: packet.sendTimeMs + laterMs,
  }
}

async function openFile(path: string) {
  const source = await openFileSource(path)
  try {
    const asf = await AsfFile.open(source)
    return { asf, demuxer: new AsfPacketDemuxer(asf.init), close: () => source.close() }
  } catch (error) {
    await source.close()
    throw error
  }
}
