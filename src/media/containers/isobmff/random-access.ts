/** The index at the end of a movie of fragments: `mfra` (ISO/IEC 14496-12 section 8.8.9 to 8.8.11). */
import { ByteWriter } from '../../bytes/byte-writer.ts'
import { writeBox, writeFullBox } from './box.ts'

/** A fragment whose first sample decoding can start with. */
export interface RandomAccessPoint {
  /** Presentation time of that sample, in ticks of its track. */
  readonly ticks: number
  /** Where the `moof` begins in the file. */
  readonly moofOffset: number
}

/** The places of one track. */
export interface RandomAccessTrack {
  /** track_ID. */
  readonly trackId: number
  /** In the order of their time. */
  readonly points: readonly RandomAccessPoint[]
}

/** `mfro`, whose last field tells a reader that comes from the end of the file how long `mfra` is. */
const MFRO_BYTES = 16

/** The bytes of `mfra`, which go behind the last fragment. Each fragment has one track with one run. */
export function writeRandomAccess(tracks: readonly RandomAccessTrack[]): Uint8Array {
  const writer = new ByteWriter(1024)
  writeBox(writer, 'mfra', () => {
    for (const { trackId, points } of tracks) {
      writeFullBox(writer, 'tfra', { version: 1, flags: 0 }, () => {
        writer
          .u32(trackId)
          .u32(0) // the three numbers of each entry have one byte each
          .u32(points.length)
        for (const { ticks, moofOffset } of points) {
          writer.u64(ticks).u64(moofOffset).u8(1).u8(1).u8(1) // traf, trun and sample count from 1
        }
      })
    }
    writeFullBox(writer, 'mfro', { version: 0, flags: 0 }, () => {
      writer.u32(writer.length - 12 + MFRO_BYTES)
    })
  })
  return writer.toBytes()
}
