/** A header for tracks of any source, so that they go out as ASF: live, or a file (ASF 1.20 sections 3, 4 and 5.1). */
import { FormatError } from '../../../errors.ts'
import { ByteWriter } from '../../bytes/byte-writer.ts'
import type { Track } from '../../track.ts'
import { ASF_GUID, GUID_LENGTH, writeGuid } from './guid.ts'
import { parseAsfInit, writeAsfHeader } from './header.ts'
import type { AsfObject } from './header-objects.ts'
import { type AsfInit, DATA_OBJECT_HEADER_LENGTH, MAX_STREAM_NUMBER } from './model.ts'
import { CODEC_TYPE } from './objects/codec-list.ts'
import type { ContentDescriptionObject } from './objects/content-description.ts'
import { EXTENDED_STREAM_FLAG, type ExtendedStreamPropertiesObject } from './objects/extended-stream-properties.ts'
import { FILE_FLAG, type FilePropertiesObject } from './objects/file-properties.ts'
import type { LanguageListObject } from './objects/language-list.ts'
import { writeAudioSpread } from './objects/stream-properties.ts'
import { isAsfTrack, type StreamFormat, writeTrackFormat } from './track-format.ts'

export interface AsfInitOptions {
  /** Those that ASF cannot carry (`isAsfTrack`) are left out. */
  readonly tracks: readonly Track[]
  /** Bytes of every data packet: MIN_ASF_PACKET_SIZE to MAX_ASF_PACKET_SIZE. */
  readonly packetSize: number
  /** Milliseconds that presentation times in packets will be ahead of media time; also what players buffer. */
  readonly prerollMs: number
  /** Live: size, count and duration are not valid, and nobody can seek. */
  readonly broadcast: boolean
  /** `title`, `author` or `artist`, `copyright`, `description` or `comment`, `rating` are taken, if they are texts. */
  readonly metadata?: Readonly<Record<string, unknown>>
  /** Of a file: milliseconds of media, preroll not included. */
  readonly durationMs?: number
  /** Of a file. */
  readonly packetCount?: number
  /** Of a file, bytes with header and indexes. */
  readonly fileSize?: number
  /** 16 bytes; without it made from the header, so that the same header has the same one. */
  readonly fileId?: Uint8Array
  /** Sets of stream numbers of which one is to be sent at a time, because they are the same at other bit rates. */
  readonly exclusions?: readonly (readonly number[])[]
  readonly creationTime?: Date
}

/** Where neither track nor codec tells. */
const DEFAULT_BITRATE = { video: 1_000_000, audio: 128_000, data: 1_000, text: 1_000 } as const
/** Texts are cut here, so that headers stay within the 8 KiB that small players keep for them. */
const MAX_TEXT_LENGTH = 255
const TICKS_PER_MS = 10_000n
const TICKS_PER_SECOND = 10_000_000
/** Milliseconds from 1601, where FILETIME begins, to 1970. */
const FILETIME_EPOCH_MS = 11_644_473_600_000
/** Audio Spread of codecs that have no blocks, as FFmpeg writes it. */
const NO_BLOCK = 0x190
const SILENCE = Uint8Array.of(0)
const UNKNOWN_LANGUAGE = 'und'
const DATA_OBJECT_RESERVED = 0x0101

/**
 * Builds the header and reads it back, so that the init is what any reader of its bytes gets; its streams have the very tracks of the
 * options, numbered from 1 in their order. Throws ERR_ASF_NO_TRACK when no track is left, FormatError for a configuration that cannot be
 * read.
 */
export function buildAsfInit(options: AsfInitOptions): AsfInit {
  const tracks = options.tracks.filter(isAsfTrack)
  if (tracks.length === 0 || tracks.length > MAX_STREAM_NUMBER) {
    const codecs = options.tracks.map(({ codec }) => codec).join(', ')
    throw new FormatError(
      'ERR_ASF_NO_TRACK',
      `expected 1 to ${MAX_STREAM_NUMBER} tracks that ASF carries, found ${tracks.length} of ${codecs || 'none'}`,
    )
  }
  const entries = tracks.map((track, index) => entryOf(track, index + 1))
  const build = (fileId: Uint8Array) => initBytes(options, entries, fileId)
  const bytes = build(options.fileId ?? fingerprint(build(new Uint8Array(GUID_LENGTH))))
  const init = parseAsfInit(bytes)
  return { ...init, streams: init.streams.map((stream) => ({ ...stream, track: tracks[stream.number - 1] })) }
}

/** `undefined` for a track that the header has no stream for. */
export function streamNumberOf(init: AsfInit, track: Track): number | undefined {
  return init.streams.find((stream) => stream.track?.id === track.id)?.number
}

/** A track on its way into the header. */
interface Entry {
  readonly track: Track
  readonly number: number
  readonly format: StreamFormat
  readonly bitrate: number
}

function entryOf(track: Track, number: number): Entry {
  const format = writeTrackFormat(track)
  const told = track.bitrateBps ?? (format.wave?.bytesPerSecond ?? 0) * 8
  return { track, number, format, bitrate: u32(told) || DEFAULT_BITRATE[track.kind] }
}

function initBytes(options: AsfInitOptions, entries: readonly Entry[], fileId: Uint8Array): Uint8Array {
  const objects = headerObjects(options, entries, fileId)
  const header = writeAsfHeader({ objects, objectCount: objects.length, reserved: 1 })
  const { broadcast, fileSize = 0, packetCount = 0, packetSize } = options
  const writer = new ByteWriter(header.byteLength + DATA_OBJECT_HEADER_LENGTH)
  writer.bytes(header)
  writeGuid(writer, ASF_GUID.DATA)
  // A size without packets where it is not known yet: some readers refuse 0.
  const filled = broadcast || fileSize === 0 ? 0 : packetCount * packetSize
  writer.u64le(DATA_OBJECT_HEADER_LENGTH + filled).bytes(fileId)
  return writer
    .u64le(broadcast ? 0 : packetCount)
    .u16le(DATA_OBJECT_RESERVED)
    .toBytes()
}

function headerObjects(options: AsfInitOptions, entries: readonly Entry[], fileId: Uint8Array): AsfObject[] {
  const description = contentDescription(options.metadata ?? {})
  return [
    fileProperties(options, entries, fileId),
    headerExtension(options, entries),
    ...(description === undefined ? [] : [description]),
    ...entries.map(streamProperties),
    {
      type: 'codec-list',
      reserved: ASF_GUID.RESERVED_2,
      codecs: entries.filter(({ track }) => track.kind !== 'data').map(codecEntry),
    },
    { type: 'stream-bitrates', entries: entries.map(({ number, bitrate }) => ({ flags: number, bitrate })) },
    ...(options.exclusions ?? []).map(
      (streams): AsfObject => ({
        type: 'bitrate-mutual-exclusion',
        exclusionType: ASF_GUID.MUTEX_BITRATE,
        streams,
      }),
    ),
  ]
}

function fileProperties(options: AsfInitOptions, entries: readonly Entry[], fileId: Uint8Array): FilePropertiesObject {
  const { broadcast, durationMs = 0, prerollMs, packetSize, creationTime } = options
  const duration = broadcast ? 0n : BigInt(Math.round(durationMs)) * TICKS_PER_MS
  const created = creationTime?.getTime() ?? Number.NaN
  return {
    type: 'file-properties',
    fileId,
    fileSize: BigInt(broadcast ? 0 : (options.fileSize ?? 0)),
    creationDate: Number.isNaN(created) ? 0n : BigInt(Math.max(0, created + FILETIME_EPOCH_MS)) * TICKS_PER_MS,
    packetCount: BigInt(broadcast ? 0 : (options.packetCount ?? 0)),
    playDuration: duration === 0n ? 0n : duration + BigInt(prerollMs) * TICKS_PER_MS,
    sendDuration: duration,
    preroll: BigInt(prerollMs),
    flags: broadcast ? FILE_FLAG.BROADCAST : FILE_FLAG.SEEKABLE,
    minPacketSize: packetSize,
    maxPacketSize: packetSize,
    maxBitrate: u32(entries.reduce((sum, { bitrate }) => sum + bitrate, 0)),
  }
}

function headerExtension(options: AsfInitOptions, entries: readonly Entry[]): AsfObject {
  const languages = languageList(entries)
  return {
    type: 'header-extension',
    reserved: ASF_GUID.RESERVED_1,
    reserved2: 6,
    objects: [
      ...(languages === undefined ? [] : [languages]),
      ...entries.map((entry) => extendedStreamProperties(options, entry, languages?.languages ?? [])),
    ],
  }
}

function languageList(entries: readonly Entry[]): LanguageListObject | undefined {
  if (entries.every(({ track }) => track.language === undefined)) return undefined
  return { type: 'language-list', languages: [...new Set(entries.map(({ track }) => languageText(track)))] }
}

function languageText({ language = UNKNOWN_LANGUAGE }: Track): string {
  return terminated(language.slice(0, MAX_LANGUAGE_LENGTH))
}

/** Its length is one byte, in bytes with the terminator. */
const MAX_LANGUAGE_LENGTH = 126

function extendedStreamProperties(
  { prerollMs, broadcast }: AsfInitOptions,
  { track, number, bitrate }: Entry,
  languages: readonly string[],
): ExtendedStreamPropertiesObject {
  const bucket = { bitrate, bufferMs: prerollMs, initialFullnessMs: 0 }
  const { frameRate = 0 } = track.video ?? {}
  const languageIndex = Math.max(0, languages.indexOf(languageText(track)))
  return {
    type: 'extended-stream-properties',
    startTime: 0n,
    endTime: 0n,
    average: bucket,
    peak: bucket,
    maxObjectSize: 0,
    flags: broadcast ? 0 : EXTENDED_STREAM_FLAG.SEEKABLE,
    streamNumber: number,
    languageIndex,
    averageTimePerFrame: frameRate > 0 ? BigInt(Math.round(TICKS_PER_SECOND / frameRate)) : 0n,
    names: track.name === undefined ? [] : [{ languageIndex, name: terminated(track.name) }],
    payloadExtensions: [],
  }
}

function contentDescription(metadata: Readonly<Record<string, unknown>>): ContentDescriptionObject | undefined {
  const text = (...names: readonly string[]): string => {
    const value = names.map((name) => metadata[name]).find((one) => typeof one === 'string' && one !== '')
    return typeof value === 'string' ? terminated(value) : ''
  }
  const object = {
    type: 'content-description',
    title: text('title'),
    author: text('author', 'artist'),
    copyright: text('copyright'),
    description: text('description', 'comment'),
    rating: text('rating'),
  } as const
  const { title, author, copyright, description, rating } = object
  return `${title}${author}${copyright}${description}${rating}` === '' ? undefined : object
}

function streamProperties({ number, format, track }: Entry): AsfObject {
  const { wave } = format
  const audio = track.kind === 'audio' && wave !== undefined
  const blockLength = audio && track.codec.startsWith('wma') && wave.blockAlign > 0 ? wave.blockAlign : NO_BLOCK
  return {
    type: 'stream-properties',
    streamType: format.streamType,
    errorCorrectionType: audio ? ASF_GUID.AUDIO_SPREAD : ASF_GUID.NO_ERROR_CORRECTION,
    timeOffset: 0n,
    flags: number,
    reserved: 0,
    typeSpecific: format.typeSpecific,
    errorCorrection: audio
      ? writeAudioSpread({ span: 1, packetLength: blockLength, chunkLength: blockLength, silence: SILENCE })
      : new Uint8Array(0),
  }
}

function codecEntry({ track, format }: Entry) {
  return {
    codecType: track.kind === 'video' ? CODEC_TYPE.VIDEO : CODEC_TYPE.AUDIO,
    name: terminated(CODEC_NAMES[track.codec] ?? track.codec),
    description: terminated(''),
    info: format.info,
  }
}

const CODEC_NAMES: Readonly<Partial<Record<Track['codec'], string>>> = {
  h264: 'H.264',
  aac: 'AAC',
  mp3: 'MP3',
  wma1: 'Windows Media Audio 7',
  wma2: 'Windows Media Audio 9',
  wmapro: 'Windows Media Audio 9 Professional',
  wmalossless: 'Windows Media Audio 9 Lossless',
  wmavoice: 'Windows Media Audio 9 Voice',
  wmv1: 'Windows Media Video 7',
  wmv2: 'Windows Media Video 8',
  wmv3: 'Windows Media Video 9',
  vc1: 'Windows Media Video 9 Advanced Profile',
  msmpeg4v2: 'Microsoft MPEG-4 Video V2',
  msmpeg4v3: 'Microsoft MPEG-4 Video V3',
}

function terminated(text: string): string {
  return `${text.slice(0, MAX_TEXT_LENGTH)}\0`
}

function u32(value: number): number {
  return value > 0 ? Math.min(Math.round(value), 0xffff_ffff) : 0
}

/** 16 bytes that differ between headers: four FNV-1a sums, each begun with another number. */
function fingerprint(bytes: Uint8Array): Uint8Array {
  const writer = new ByteWriter(GUID_LENGTH)
  for (let round = 0; round < GUID_LENGTH / 4; round++) {
    let sum = Math.imul(0x811c_9dc5 ^ round, 0x0100_0193)
    for (const byte of bytes) sum = Math.imul(sum ^ byte, 0x0100_0193)
    writer.u32le(sum >>> 0)
  }
  return writer.toBytes()
}
