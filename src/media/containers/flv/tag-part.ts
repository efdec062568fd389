/** What an audio or video message holds, and the parts of Enhanced RTMP v2 that sound and picture share: ModEx and multitrack. */
import { FormatError } from '../../../errors.ts'
import type { ByteReader } from '../../bytes/byte-reader.ts'

/** One track's share of a message; a message of a single track has one. */
export interface TagPart<Codec> {
  /** `config`: a sequence header. `metadata`: AMF 0 values about the picture. `end`: the sequence ends. */
  readonly kind: 'config' | 'frame' | 'metadata' | 'end'
  /** `undefined`: a codec we do not carry, called `codecName`. */
  readonly codec: Codec | undefined
  readonly codecName: string
  /** Enhanced RTMP track id, 0 for the default track. */
  readonly trackId: number
  /** Decoding can start here. */
  readonly key: boolean
  /** Presentation after decoding, milliseconds, signed. */
  readonly compositionMs: number
  /** Added to the message's timestamp; below a millisecond. */
  readonly nanoseconds: number
  /** View of the message: configuration record or coded frame. */
  readonly data: Uint8Array
}

/** AvMultitrackType. */
export const MULTITRACK = { ONE_TRACK: 0, MANY_TRACKS: 1, MANY_TRACKS_MANY_CODECS: 2 } as const

/** Track ids above would run into the ids of the next kind (TRACK_ID_BASE). */
export const MAX_TRACK_ID = 99
/** Tracks in one message. */
export const MAX_TRACKS_PER_MESSAGE = 16
/** ModEx prefixes before one message. */
const MAX_MOD_EX = 8
const TIMESTAMP_OFFSET_NANO = 0
const MAX_NANOSECONDS = 999_999

/** Reads ModEx prefixes; gives the packet type behind them. */
export function readModEx(
  reader: ByteReader,
  packetType: number,
  modEx: number,
): { packetType: number; nanoseconds: number } {
  let type = packetType
  let nanoseconds = 0
  for (let count = 0; type === modEx; count++) {
    if (count >= MAX_MOD_EX) {
      throw new FormatError('ERR_FLV_MOD_EX', `expected at most ${MAX_MOD_EX} ModEx prefixes`, reader.offset)
    }
    let size = reader.u8() + 1
    if (size === 256) size = reader.u16() + 1
    const data = reader.sub(size)
    const next = reader.u8()
    type = next & 15
    if (next >> 4 === TIMESTAMP_OFFSET_NANO && size >= 3) nanoseconds = Math.min(data.u24(), MAX_NANOSECONDS)
  }
  return { packetType: type, nanoseconds }
}

/** Cuts the rest of a multitrack message into its tracks; `fourCc` is given where all have one codec. */
export function readMultitrack(
  reader: ByteReader,
  multitrackType: number,
): { fourCc: string; trackId: number; body: ByteReader }[] {
  if (multitrackType > MULTITRACK.MANY_TRACKS_MANY_CODECS) {
    throw new FormatError(
      'ERR_FLV_MULTITRACK',
      `expected a multitrack type of 0 to 2, found ${multitrackType}`,
      reader.offset,
    )
  }
  const manyCodecs = multitrackType === MULTITRACK.MANY_TRACKS_MANY_CODECS
  const shared = manyCodecs ? '' : reader.latin1(4)
  const tracks: { fourCc: string; trackId: number; body: ByteReader }[] = []
  do {
    if (tracks.length >= MAX_TRACKS_PER_MESSAGE) {
      throw new FormatError('ERR_FLV_MULTITRACK', `expected at most ${MAX_TRACKS_PER_MESSAGE} tracks`, reader.offset)
    }
    const fourCc = manyCodecs ? reader.latin1(4) : shared
    const trackId = reader.u8()
    if (trackId > MAX_TRACK_ID) {
      const message = `expected a track id of at most ${MAX_TRACK_ID}, found ${trackId}`
      throw new FormatError('ERR_FLV_MULTITRACK', message, reader.offset)
    }
    const size = multitrackType === MULTITRACK.ONE_TRACK ? reader.remaining : reader.u24()
    tracks.push({ fourCc, trackId, body: reader.sub(size) })
  } while (reader.remaining > 0)
  return tracks
}
