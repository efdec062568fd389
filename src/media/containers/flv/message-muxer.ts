/** Packets to RTMP and FLV messages: Video File Format 10.1 annex E.4 for old codecs, Enhanced RTMP v2 for the others and for more tracks. */
import { writeAmf0 } from '../../amf/amf0.ts'
import { ByteWriter } from '../../bytes/byte-writer.ts'
import { flacStreamHeader } from '../../codecs/flac/config.ts'
import { readOpusConfig, writeOpusHead } from '../../codecs/opus/config.ts'
import type { Packet } from '../../packet.ts'
import { MICROS_PER_MS, type Micros } from '../../time.ts'
import { TRACK_ID_BASE, type Track } from '../../track.ts'
import { type AudioForm, audioConfigHeader, audioFrameHeader } from './audio-tag.ts'
import { type FlvAudioCodec, type FlvVideoCodec, isFlvTrack } from './codec-id.ts'
import type { FlvMessage } from './message.ts'
import { isHighDynamicRange, type Metadata, onMetaData, writeColorInfo } from './metadata.ts'
import { MAX_TRACK_ID } from './tag-part.ts'
import { type VideoForm, videoConfigHeader, videoFrameHeader, videoMetadataHeader } from './video-tag.ts'

type Form = { readonly video: VideoForm } | { readonly audio: AudioForm; readonly frameHeader: Uint8Array } | undefined

const EMPTY = new Uint8Array(0)

/**
 * Call `start` first and again whenever the tracks change. The default tracks go out so that players before Enhanced RTMP know them
 * where that is possible: H.264, AAC and MP3. Tracks of codecs that FLV has no name for are left out of `start`; their packets have
 * no message, so ask `isFlvTrack` first.
 */
export class FlvMessageMuxer {
  readonly #duration: Micros | undefined
  #forms: ReadonlyMap<number, Form> = new Map()

  /** `duration`: of a file, for its metadata. */
  constructor(duration?: Micros) {
    this.#duration = duration
  }

  /** onMetaData, then the sequence headers of all tracks. `timestampMs` is that of the packets that follow. */
  start(tracks: readonly Track[], metadata: Metadata = {}, timestampMs = 0): FlvMessage[] {
    const ordered = tracks.filter(isFlvTrack).sort((a, b) => a.id - b.id)
    this.#forms = new Map(ordered.map((track) => [track.id, formOf(track, ordered)]))
    const messages: FlvMessage[] = [
      { type: 'data', timestampMs, body: metadataBody(ordered, metadata, this.#duration) },
    ]
    for (const track of ordered) {
      const form = this.#forms.get(track.id)
      if (form === undefined) continue
      if ('video' in form) messages.push(...videoStart(form.video, track, timestampMs))
      else messages.push(...audioStart(form.audio, track, timestampMs))
    }
    return messages
  }

  /**
   * What stands before `packet.data` in the body of its message; empty for data tracks. So a body is written without joining the
   * two. May be shared between packets: do not write to it.
   */
  bodyHeader(packet: Packet): Uint8Array {
    const form = this.#forms.get(packet.track.id) ?? formOf(packet.track, [packet.track])
    if (form === undefined) return EMPTY
    if ('audio' in form) return form.frameHeader
    return videoFrameHeader(form.video, packet.key, toMs(packet.pts) - toMs(packet.dts))
  }

  /** The message of a packet; a copy of its data. */
  mux(packet: Packet): FlvMessage {
    const { type, timestampMs } = flvMessageHead(packet)
    return { type, timestampMs, body: join(this.bodyHeader(packet), packet.data) }
  }
}

/** Type and timestamp of the message that a packet becomes. */
export function flvMessageHead(packet: Packet): Pick<FlvMessage, 'type' | 'timestampMs'> {
  const { kind } = packet.track
  return { type: kind === 'text' ? 'data' : kind, timestampMs: toMs(packet.dts) }
}

function formOf(track: Track, tracks: readonly Track[]): Form {
  const first = tracks.find((other) => other.kind === track.kind) === track
  const trackId = first ? 0 : Math.min(track.id - TRACK_ID_BASE[track.kind], MAX_TRACK_ID)
  if (track.kind === 'video') {
    const codec = track.codec as FlvVideoCodec
    return { video: { codec, trackId, legacy: trackId === 0 && codec === 'h264' } }
  }
  if (track.kind === 'data') return undefined
  const codec = track.codec as FlvAudioCodec
  const { sampleRate = 0, channels = 0 } = track.audio ?? {}
  const audio = { codec, trackId, legacy: trackId === 0 && (codec === 'aac' || codec === 'mp3'), sampleRate, channels }
  return { audio, frameHeader: audioFrameHeader(audio) }
}

function videoStart(form: VideoForm, track: Track, timestampMs: number): FlvMessage[] {
  const messages: FlvMessage[] = []
  if (track.config !== undefined) {
    messages.push({ type: 'video', timestampMs, body: join(videoConfigHeader(form), track.config) })
  }
  const color = track.video?.color
  if (!form.legacy && color !== undefined && isHighDynamicRange(color)) {
    const writer = new ByteWriter()
    writeAmf0(writer, 'colorInfo')
    writeAmf0(writer, writeColorInfo(color))
    messages.push({ type: 'video', timestampMs, body: join(videoMetadataHeader(form), writer.view()) })
  }
  return messages
}

function audioStart(form: AudioForm, track: Track, timestampMs: number): FlvMessage[] {
  const header = audioStartHeader(form, track)
  return header === undefined ? [] : [{ type: 'audio', timestampMs, body: join(audioConfigHeader(form), header) }]
}

/** The content of the sequence header; MP3, AC-3 and E-AC-3 have none, their frames tell everything. */
function audioStartHeader(form: AudioForm, { config }: Track): Uint8Array | undefined {
  if (config === undefined) return undefined
  switch (form.codec) {
    case 'aac':
      return config
    case 'opus':
      return writeOpusHead(readOpusConfig(config))
    case 'flac':
      return flacStreamHeader(config)
    default:
      return undefined
  }
}

function metadataBody(tracks: readonly Track[], metadata: Metadata, duration: Micros | undefined): Uint8Array {
  const writer = new ByteWriter()
  writeAmf0(writer, 'onMetaData')
  writeAmf0(writer, onMetaData(tracks, metadata, duration))
  return writer.toBytes()
}

function toMs(micros: Micros): number {
  return Math.round(micros / MICROS_PER_MS)
}

function join(header: Uint8Array, data: Uint8Array): Uint8Array {
  const body = new Uint8Array(header.byteLength + data.byteLength)
  body.set(header)
  body.set(data, header.byteLength)
  return body
}
