/** The fields of a sample entry of sound, in the three versions of QuickTime (ISO/IEC 14496-12 section 12.2.3; Apple, Sound Sample Descriptions). */
import { ByteReader } from '../../bytes/byte-reader.ts'
import type { AudioParameters } from '../../track.ts'

/** Fields that version 1 of QuickTime has besides: samples in a packet, bytes in a packet, in a frame, in a sample. */
const VERSION_1_BYTES = 16
/** And version 2, behind rate and channels. */
const VERSION_2_REST = 20
const MAX_SAMPLE_RATE = 1_000_000
const MAX_CHANNELS = 255

/** Reads up to the boxes of the entry. */
export function readSoundFields(reader: ByteReader): AudioParameters {
  const version = reader.u16()
  reader.skip(6)
  const channels = reader.u16()
  reader.skip(6)
  const sampleRate = reader.u16()
  reader.skip(2)
  if (version === 1 && !isBoxNext(reader)) reader.skip(Math.min(VERSION_1_BYTES, reader.remaining))
  if (version !== 2) return { sampleRate, channels }
  reader.skip(4)
  const rate = reader.f64()
  const count = reader.u32()
  reader.skip(VERSION_2_REST)
  return {
    sampleRate: rate > 0 && rate < MAX_SAMPLE_RATE ? Math.round(rate) : 0,
    channels: count <= MAX_CHANNELS ? count : 0,
  }
}

/** ISO has a version 1 too, without further fields. */
function isBoxNext(reader: ByteReader): boolean {
  if (reader.remaining < 8) return false
  const next = new ByteReader(reader.bytes.subarray(reader.position, reader.position + 8))
  const size = next.u32()
  return size >= 8 && size <= reader.remaining && /^[\x20-\x7e]{4}$/.test(next.latin1(4))
}
