/** The first tags of an FLV file: its tracks, what it says of itself, and when it begins. */
import { FormatError } from '../../../errors.ts'
import type { ByteSource } from '../../byte-source.ts'
import { ByteReader } from '../../bytes/byte-reader.ts'
import type { Notes } from '../../notes.ts'
import type { ForeignTrack } from '../../reader.ts'
import type { Micros } from '../../time.ts'
import type { Track } from '../../track.ts'
import { readAudioTag } from './audio-tag.ts'
import type { FlvMessage } from './message.ts'
import { FlvMessageDemuxer } from './message-demuxer.ts'
import type { Metadata } from './metadata.ts'
import { FLV_HEADER_SIZE, type FlvHeader, readFlvHeader, TAG_TRAILER_SIZE } from './tag.ts'
import { TagWalk } from './tag-walk.ts'
import { readVideoTag } from './video-tag.ts'

/** Tags that are looked at for tracks, and their bytes. */
const MAX_TAGS = 512
const MAX_BYTES = 4 * 1024 * 1024
/** Of configurations that are kept for readings from the middle: more than the tracks there can be. */
const MAX_CONFIGURATIONS = 64

/** Names of handlers stand within: `@setDataFrame` may come before. */
const METADATA_HEAD_BYTES = 40

export interface FlvStart {
  readonly header: { readonly audio: boolean; readonly video: boolean }
  /** Of the first tag. */
  readonly position: number
  readonly tracks: readonly Track[]
  readonly foreign: readonly ForeignTrack[]
  readonly metadata: Metadata
  /** Messages with configurations and metadata. */
  readonly configurations: readonly Omit<FlvMessage, 'timestampMs'>[]
  /** Presentation time of the first picture or sound, in the time of the file. */
  readonly firstTime: Micros
}

/** Throws FormatError for what is no FLV file, and for one without any picture or sound. */
export async function readStart(source: ByteSource, notes: Notes): Promise<FlvStart> {
  const header = kindsOf(readFlvHeader(await source.read(0, FLV_HEADER_SIZE)))
  const position = header.size + TAG_TRAILER_SIZE
  const demuxer = new FlvMessageDemuxer()
  demuxer.expect(header)
  const walk = new TagWalk(source, position)
  const foreign = new Map<string, ForeignTrack>()
  const configurations: Omit<FlvMessage, 'timestampMs'>[] = []
  const found: Found = { tracks: [], metadata: {}, firsts: new Map() }
  let bytes = 0
  for (let count = 0; count < MAX_TAGS && bytes < MAX_BYTES && !isComplete(found); count++) {
    const tag = await walk.next()
    if (tag === undefined) break
    const { type, timestampMs } = tag.header
    if (type === undefined) continue
    bytes += tag.body.byteLength
    try {
      const parts = type === 'video' ? readVideoTag(tag.body) : type === 'audio' ? readAudioTag(tag.body) : []
      for (const { codec, codecName } of parts) {
        if (codec === undefined && type !== 'data')
          foreign.set(`${type} ${codecName}`, { kind: type, codec: codecName })
      }
      const configures =
        isMetadata(type, tag.body) || parts.some(({ kind }) => kind === 'config' || kind === 'metadata')
      if (configures && configurations.length < MAX_CONFIGURATIONS)
        configurations.push({ type, body: tag.body.slice() })
      demuxer.write({ type, timestampMs, body: tag.body })
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      // It is told of as a foreign track.
      if (error.code !== 'ERR_FLV_CODEC') notes.add(`The content of a tag is broken: ${error.code}`, tag.position)
    }
    take(demuxer, found)
  }
  demuxer.end()
  take(demuxer, found)
  if (found.tracks.length === 0 && foreign.size === 0) {
    throw new FormatError('ERR_FLV_EMPTY', 'expected sound or picture at the start of the file, found none', position)
  }
  const first = Math.min(...found.firsts.values())
  return {
    header,
    position,
    tracks: found.tracks,
    foreign: [...foreign.values()],
    metadata: found.metadata,
    configurations,
    firstTime: Number.isFinite(first) ? first : 0,
  }
}

interface Found {
  tracks: readonly Track[]
  metadata: Metadata
  /** First presentation time of each track. */
  readonly firsts: Map<number, Micros>
}

function kindsOf({ hasAudio, hasVideo, size }: FlvHeader) {
  return { audio: hasAudio, video: hasVideo, size }
}

function isMetadata(type: FlvMessage['type'], body: Uint8Array): boolean {
  if (type !== 'data') return false
  const head = new ByteReader(body.subarray(0, METADATA_HEAD_BYTES))
  return head.latin1(head.remaining).includes('onMetaData')
}

/** All tracks have shown themselves and their first packets. */
function isComplete({ tracks, firsts }: Found): boolean {
  return tracks.length > 0 && tracks.every(({ id, kind }) => kind === 'data' || firsts.has(id))
}

function take(demuxer: FlvMessageDemuxer, found: Found): void {
  for (let result = demuxer.read(); result !== undefined; result = demuxer.read()) {
    if (result.type === 'tracks') {
      found.tracks = result.tracks
      found.metadata = result.metadata ?? found.metadata
    } else if (result.packet.track.kind !== 'data') {
      const { id } = result.packet.track
      found.firsts.set(id, Math.min(found.firsts.get(id) ?? Number.POSITIVE_INFINITY, result.packet.pts))
    }
  }
}
