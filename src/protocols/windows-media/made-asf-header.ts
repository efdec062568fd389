/** The header of an ASF file that is made while it is played, and the numbers that its packets have. */

import { buildAsfInit } from '../../media/containers/asf/header-builder.ts'
import type { AsfInit } from '../../media/containers/asf/model.ts'
import { isAsfTrack } from '../../media/containers/asf/track-format.ts'
import type { MediaReader } from '../../media/reader.ts'
import { MICROS_PER_MS, MICROS_PER_SECOND, type Micros } from '../../media/time.ts'
import type { Track } from '../../media/track.ts'

/** As FFmpeg makes them: what small objects cost is little, and so is what is lost with one. */
const PACKET_SIZE = 3200
/** What a player is told to gather before it shows anything, milliseconds. */
const PREROLL_MS = 3000
/** A part of the file has room for that many times the packets of the average. */
const ROOM = 4
/** Of the media, for the heads of packets and payloads. */
const OVERHEAD = 1.1
/** Where a track does not say. */
const PICTURES_PER_SECOND = 60
const SOUNDS_PER_SECOND = 100
const AUDIO_BITRATE = 128_000
/** Packet numbers are of 32 bits, and players count bytes with them. */
const MAX_PACKETS = 2 ** 31

export interface MadeHeader {
  readonly init: AsfInit
  readonly tracks: readonly Track[]
  /** Numbers for each second. How many packets a part has is only known when it was made, so numbers are places in time, with gaps. */
  readonly packetsPerSecond: number
}

/**
 * The same file always has the same header. `offset`: what is added to times of the file. Throws FormatError when there is no track that ASF
 * carries, or one whose configuration cannot be read.
 */
export function makeHeader(reader: MediaReader, size: number, offset: Micros): MadeHeader {
  const seconds = Math.max(1, (reader.duration + offset) / MICROS_PER_SECOND)
  const bytesPerSecond = size / seconds
  const tracks = withBitrates(reader.tracks.filter(isAsfTrack), bytesPerSecond * 8)
  const objects = tracks.reduce((sum, { kind, video }) => {
    if (kind === 'video') return sum + (video?.frameRate ?? PICTURES_PER_SECOND)
    return sum + SOUNDS_PER_SECOND
  }, 0)
  const wanted = Math.ceil((ROOM * bytesPerSecond * OVERHEAD) / PACKET_SIZE + objects)
  const packetsPerSecond = Math.max(1, Math.min(wanted, Math.floor(MAX_PACKETS / seconds)))
  const packetCount = Math.ceil(seconds * packetsPerSecond)
  const build = (fileSize: number) =>
    buildAsfInit({
      tracks,
      packetSize: PACKET_SIZE,
      prerollMs: PREROLL_MS,
      broadcast: false,
      metadata: reader.metadata,
      durationMs: (reader.duration + offset) / MICROS_PER_MS,
      packetCount,
      fileSize,
    })
  const media = packetCount * PACKET_SIZE
  const { bytes } = build(media)
  return { init: build(bytes.byteLength + media), tracks, packetsPerSecond }
}

/** Players plan with what a stream needs: what the file does not tell is what its size leaves. */
function withBitrates(tracks: readonly Track[], total: number): readonly Track[] {
  const told = tracks.map(({ kind, bitrateBps }) => bitrateBps ?? (kind === 'audio' ? AUDIO_BITRATE : 0))
  const rest = Math.max(
    0,
    told.reduce((left, one) => left - one, total),
  )
  const untold = tracks.filter(({ kind, bitrateBps }) => kind === 'video' && bitrateBps === undefined).length
  return tracks.map((track, index) => {
    const bitrateBps = track.bitrateBps ?? (track.kind === 'video' ? Math.round(rest / untold) : told[index])
    return bitrateBps === undefined || bitrateBps <= 0 ? track : { ...track, bitrateBps }
  })
}
