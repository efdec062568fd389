/** Sample entries: a track's codec and its configuration (ISO/IEC 14496-12 section 8.5.2 and 12; 14496-15; the codecs' own bindings). */
import { FormatError } from '../../../errors.ts'
import type { ByteReader } from '../../bytes/byte-reader.ts'
import type { ByteWriter } from '../../bytes/byte-writer.ts'
import type { AudioParameters, Codec, ColorInfo, Track, VideoParameters } from '../../track.ts'
import { type Box, childBoxes, readFullBoxHeader, writeBox, writeFullBox } from './box.ts'
import { readColorBox, writeColorBoxes } from './color.ts'
import { type ElementaryStream, readElementaryStream, writeElementaryStream } from './descriptor.ts'
import { readSoundFields } from './sound-fields.ts'
import type { TextForm } from './timed-text.ts'

/** Object type indications of ISO/IEC 14496-1 that `mp4a` is used with. */
const OBJECT_TYPE_AAC = 0x40
const OBJECT_TYPE_MP3 = 0x6b
const OBJECT_TYPES: ReadonlyMap<number, Codec> = new Map([
  [OBJECT_TYPE_AAC, 'aac'],
  // The profiles of MPEG-2 AAC.
  [0x66, 'aac'],
  [0x67, 'aac'],
  [0x68, 'aac'],
  // MP3 with the half sample rates of MPEG-2.
  [0x69, 'mp3'],
  [OBJECT_TYPE_MP3, 'mp3'],
])

/** 72 dpi in 16.16, what every writer puts. */
const RESOLUTION = 0x0048_0000
const DEPTH_COLOR = 0x0018
const SAMPLE_BITS = 16

interface Binding {
  /** Type of the entry that we write. */
  readonly entry: string
  /** Further types that are read as the same. */
  readonly alternatives?: readonly string[]
  /** Box of the configuration; `undefined`: `esds`. */
  readonly config?: string
  /** That box is a full box of this version, and its record in a Track is without version and flags. */
  readonly version?: number
}

const BINDINGS: Partial<Record<Codec, Binding>> = {
  h264: { entry: 'avc1', alternatives: ['avc3'], config: 'avcC' },
  h265: { entry: 'hvc1', alternatives: ['hev1'], config: 'hvcC' },
  av1: { entry: 'av01', config: 'av1C' },
  vp8: { entry: 'vp08', config: 'vpcC', version: 1 },
  vp9: { entry: 'vp09', config: 'vpcC', version: 1 },
  // An `mp4a` without `esds` is AAC: the later of two with the same type is found by it.
  mp3: { entry: 'mp4a', alternatives: ['.mp3'] },
  aac: { entry: 'mp4a' },
  opus: { entry: 'Opus', config: 'dOps' },
  flac: { entry: 'fLaC', config: 'dfLa', version: 0 },
  ac3: { entry: 'ac-3', config: 'dac3' },
  eac3: { entry: 'ec-3', config: 'dec3' },
}

/** What is written for codecs whose packets say all, where the source gave no record: VP8 of 8 bits and 4:2:0. */
const DEFAULT_CONFIG: Partial<Record<Codec, Uint8Array>> = {
  vp8: Uint8Array.of(0, 0, 0x82, 2, 2, 2, 0, 0),
}

const CODEC_OF_ENTRY = new Map(
  Object.entries(BINDINGS).flatMap(([codec, { entry, alternatives = [] }]) =>
    [entry, ...alternatives].map((type) => [type, codec as Codec] as const),
  ),
)

/** The codec of an entry by its type alone; `undefined` for one we do not know. */
export function codecOfEntry(type: string): Codec | undefined {
  return type === 'mp4a' ? 'aac' : CODEC_OF_ENTRY.get(type)
}

/** What a sample entry tells of its track. */
export interface SampleEntry {
  readonly codec: Codec
  /** As Track.config; a view. */
  readonly config?: Uint8Array
  readonly video?: VideoParameters
  readonly audio?: AudioParameters
  readonly bitrateBps?: number
  /** Of text: the form of its samples. */
  readonly textForm?: TextForm
}

/** Whether packets of this codec can be stored as samples. Those of text are not samples: see `writeTextSegment`. */
export function hasSampleEntry(codec: Codec): boolean {
  return BINDINGS[codec] !== undefined
}

/**
 * Writes the entry of `track`. Throws ERR_MP4_NO_CONFIG when the codec needs a configuration and the track has none.
 * A protected track has the same entry under another type, with one box more at its end.
 */
export function writeSampleEntry(writer: ByteWriter, track: Track): void {
  if (track.codec === 'webvtt') {
    writeTextEntry(writer)
    return
  }
  const binding = BINDINGS[track.codec]
  if (binding === undefined) {
    throw new FormatError('ERR_MP4_CODEC', `expected a codec with a sample entry, found ${track.codec}`)
  }
  if (track.config === undefined && track.codec !== 'mp3' && DEFAULT_CONFIG[track.codec] === undefined) {
    throw new FormatError(
      'ERR_MP4_NO_CONFIG',
      `expected a configuration of the ${track.codec} track ${track.id}, found none`,
    )
  }
  writeBox(writer, binding.entry, () => {
    writer.zeros(6).u16(1)
    if (track.kind === 'video') writeVisualFields(writer, track)
    else writeAudioFields(writer, track)
    writeConfig(writer, track, binding)
    if (track.video?.color !== undefined) writeColorBoxes(writer, track.video.color)
    writeBitrate(writer, track.bitrateBps)
  })
}

/** `wvtt` for WebVTT without header text (ISO/IEC 14496-30 section 7.5). */
function writeTextEntry(writer: ByteWriter): void {
  writeBox(writer, 'wvtt', () => {
    writer.zeros(6).u16(1)
    writeBox(writer, 'vttC', () => writer.latin1('WEBVTT'))
  })
}

/** Reads one entry of `stsd`; `undefined` when it is of a codec we do not know or is protected. */
export function readSampleEntry(entry: Box): SampleEntry | undefined {
  const textForm = TEXT_FORMS[entry.type]
  if (textForm !== undefined) return { codec: 'webvtt', textForm }
  const codec = CODEC_OF_ENTRY.get(entry.type)
  if (codec === undefined) return undefined
  const { body } = entry
  body.skip(8)
  const visual = VISUAL_ENTRIES.has(entry.type)
  const video = visual ? readVisualFields(body) : undefined
  const audio = visual ? undefined : readSoundFields(body)

  let config: Uint8Array | undefined
  let stream: ElementaryStream | undefined
  let color: ColorInfo | undefined
  let bitrateBps = 0
  for (const child of childBoxes(entry)) {
    if (child.type === BINDINGS[codec]?.config) {
      if (BINDINGS[codec]?.version !== undefined) readFullBoxHeader(child.body)
      config = child.body.rest()
    } else if (child.type === 'esds' || child.type === 'wave') {
      stream = readStream(child) ?? stream
    } else if (child.type === 'btrt') {
      child.body.skip(4)
      const max = child.body.u32()
      bitrateBps = child.body.u32() || max
    } else if (video !== undefined) {
      const told = readColorBox(child)
      if (told !== undefined) color = { ...color, ...told }
    }
  }
  const streamCodec = entry.type === 'mp4a' && stream !== undefined ? OBJECT_TYPES.get(stream.objectType) : codec
  if (streamCodec === undefined) return undefined
  bitrateBps ||= stream?.bitrateBps ?? 0
  config ??= streamCodec === 'mp3' ? undefined : stream?.decoderInfo
  return {
    codec: streamCodec,
    ...(config !== undefined && { config }),
    ...(video !== undefined && { video: color === undefined ? video : { ...video, color } }),
    ...(audio !== undefined && { audio }),
    ...(bitrateBps > 0 && { bitrateBps }),
  }
}

/** QuickTime's own text has the form of `tx3g`, without styles. */
const TEXT_FORMS: Readonly<Record<string, TextForm>> = { tx3g: 'tx3g', text: 'tx3g', wvtt: 'wvtt' }

const VISUAL_ENTRIES: ReadonlySet<string> = new Set(['avc1', 'avc3', 'hvc1', 'hev1', 'av01', 'vp08', 'vp09'])

function writeVisualFields(writer: ByteWriter, track: Track): void {
  writer
    .zeros(16)
    .u16(Math.min(track.video?.width ?? 0, 0xffff))
    .u16(Math.min(track.video?.height ?? 0, 0xffff))
    .u32(RESOLUTION)
    .u32(RESOLUTION)
    .u32(0)
    .u16(1) // frame_count
    .zeros(32) // compressorname
    .u16(DEPTH_COLOR)
    .u16(0xffff)
}

function readVisualFields(reader: ByteReader): VideoParameters {
  reader.skip(16)
  const width = reader.u16()
  const height = reader.u16()
  reader.skip(50)
  return { width, height }
}

function writeAudioFields(writer: ByteWriter, track: Track): void {
  const sampleRate = track.audio?.sampleRate ?? 0
  writer
    .zeros(8)
    .u16(track.audio?.channels ?? 2)
    .u16(SAMPLE_BITS)
    .u32(0)
    // 16.16; a rate that does not fit is told by the configuration and the timescale alone.
    .u16(sampleRate > 0xffff ? 0 : sampleRate)
    .u16(0)
}

/** `esds`, which QuickTime has within `wave`. */
function readStream(box: Box): ElementaryStream | undefined {
  if (box.type === 'esds') {
    readFullBoxHeader(box.body)
    return readElementaryStream(box.body)
  }
  for (const child of childBoxes(box)) if (child.type === 'esds') return readStream(child)
  return undefined
}

function writeConfig(writer: ByteWriter, track: Track, { config: type, version }: Binding): void {
  const config = track.config ?? DEFAULT_CONFIG[track.codec]
  if (type === undefined) {
    writeFullBox(writer, 'esds', { version: 0, flags: 0 }, () => {
      writeElementaryStream(writer, {
        objectType: track.codec === 'mp3' ? OBJECT_TYPE_MP3 : OBJECT_TYPE_AAC,
        bitrateBps: track.bitrateBps ?? 0,
        ...(config !== undefined && { decoderInfo: config }),
      })
    })
  } else if (config !== undefined && version === undefined) {
    writeBox(writer, type, () => writer.bytes(config))
  } else if (config !== undefined && version !== undefined) {
    // Some sources send version and flags along. No record begins with these bytes.
    const along = config[0] === version && config[1] === 0 && config[2] === 0 && config[3] === 0
    writeFullBox(writer, type, { version, flags: 0 }, () => writer.bytes(along ? config.subarray(4) : config))
  }
}

function writeBitrate(writer: ByteWriter, bitrateBps: number | undefined): void {
  if (bitrateBps === undefined || bitrateBps <= 0) return
  const rate = Math.min(Math.round(bitrateBps), 0xffff_ffff)
  writeBox(writer, 'btrt', () => {
    writer.u32(0).u32(rate).u32(rate)
  })
}
