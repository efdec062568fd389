/** What is in the data packets of a file, from any of them on. */
import type { DemuxResult } from '../../container.ts'
import type { AsfFile } from './file.ts'
import { AsfPacketDemuxer } from './packet-demuxer.ts'

/** Bytes of a file that are read at once. */
const READ_BYTES = 131_072

/** Demuxes up to `count` data packets from number `first` on. Throws FormatError where too many are broken. */
export async function* readResults(file: AsfFile, first: number, count: number): AsyncGenerator<DemuxResult> {
  const demuxer = new AsfPacketDemuxer(file.init)
  const atOnce = Math.max(1, Math.floor(READ_BYTES / file.init.packetSize))
  const end = Math.min(file.packetCount, first + count)
  for (let number = first; number < end; number += atOnce) {
    const packets = await file.readPackets(number, Math.min(atOnce, end - number))
    if (packets.length === 0) break
    for (const { bytes } of packets) {
      demuxer.write(bytes)
      for (let result = demuxer.read(); result !== undefined; result = demuxer.read()) yield result
    }
  }
  demuxer.end()
  for (let result = demuxer.read(); result !== undefined; result = demuxer.read()) yield result
}
