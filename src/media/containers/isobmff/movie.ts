/** What a movie says of its tracks: `moov` without the sample tables (ISO/IEC 14496-12 section 8.2 to 8.8). */
import { FormatError } from '../../../errors.ts'
import { ByteReader } from '../../bytes/byte-reader.ts'
import { type TrackParameters, trackParameters } from '../../codecs/track-parameters.ts'
import { type Micros, ticksToMicros } from '../../time.ts'
import { TRACK_ID_BASE, type Track, type TrackKind } from '../../track.ts'
import { type Box, childBoxes, readEntryCount, readFullBoxHeader, topLevelBoxes } from './box.ts'
import { unpackLanguage } from './language.ts'
import { readSampleEntry, type SampleEntry } from './sample-entry.ts'
import { canonicalConfig } from './unit-length.ts'

/** An hour of a two-track file has about 2 MiB of sample tables; a day 48. */
export const MAX_MOOV_BYTES = 64 * 1024 * 1024
/** More tracks than any programme has. */
export const MAX_MOVIE_TRACKS = 64

/** Used where `mvhd` is missing. */
const DEFAULT_MOVIE_TIMESCALE = 1000
const MAX_NAME_CHARACTERS = 256

/** What fragments leave out: the values of `trex`. */
export interface SampleDefaults {
  readonly duration: number
  readonly size: number
  readonly flags: number
}

/** A track of a movie that was read. */
export interface MovieTrack {
  /** track_ID in the file; `track.id` is our own. */
  readonly trackId: number
  readonly track: Track
  /** Ticks a second of `mdhd`. */
  readonly timescale: number
  /**
   * Added to a decode or composition time in ticks gives the time of the movie: what the edit list says. Its first edit
   * that shows media is honoured, with the empty ones before it; later edits, rates and end trims are not.
   */
  readonly editTicks: number
  /** Bytes of the length before each unit of a H.264 or H.265 sample; `undefined` for other codecs. */
  readonly unitLengthBytes: number | undefined
  readonly defaults: SampleDefaults
  /** `stbl`, with its content unread. */
  readonly sampleTable: Box
}

export interface Movie {
  /** Of the codecs we know, in the order of the file. */
  readonly tracks: readonly MovieTrack[]
  /** Has `mvex`: samples come in fragments. */
  readonly fragmented: boolean
  /** As `mvhd` declares, with fragments as `mehd` does; 0 when unknown. */
  readonly duration: Micros
}

/** Reads `ftyp` and `moov` in one piece. Throws FormatError when they are broken or `moov` is missing. */
export function readInitSegment(bytes: Uint8Array): Movie {
  for (const box of topLevelBoxes(bytes)) {
    if (box.type === 'moov') return readMovie(box)
  }
  throw new FormatError('ERR_MP4_NO_MOOV', 'expected a moov box, found none')
}

/** Reads the content of `moov`. Configurations of the tracks are views. */
export function readMovie(moov: Box): Movie {
  let movieTimescale = DEFAULT_MOVIE_TIMESCALE
  let movieDuration = 0
  const found: TrackBoxes[] = []
  let extendsBox: MovieExtends | undefined
  for (const box of childBoxes(moov)) {
    if (box.type === 'mvhd') {
      ;({ timescale: movieTimescale, duration: movieDuration } = readTimedHeader(box))
    } else if (box.type === 'mvex') {
      extendsBox = readMovieExtends(box)
    } else if (box.type === 'trak') {
      if (found.length >= MAX_MOVIE_TRACKS) {
        throw new FormatError('ERR_MP4_TOO_MANY_TRACKS', `expected at most ${MAX_MOVIE_TRACKS} tracks`, box.body.offset)
      }
      found.push(readTrackBoxes(box))
    }
  }
  const counts: Record<TrackKind, number> = { video: 0, audio: 0, data: 0, text: 0 }
  const tracks: MovieTrack[] = []
  for (const boxes of found) {
    const track = movieTrack(boxes, movieTimescale, extendsBox, counts)
    if (track !== undefined) tracks.push(track)
  }
  // In a file with fragments mvhd counts only the samples outside them.
  const ticks = extendsBox === undefined ? movieDuration : extendsBox.duration
  const duration = movieTimescale === 0 ? 0 : ticksToMicros(ticks, movieTimescale)
  return { tracks, fragmented: extendsBox !== undefined, duration }
}

interface MovieExtends {
  readonly duration: number
  readonly defaults: ReadonlyMap<number, SampleDefaults>
}

/** What is read of a `trak`. */
interface TrackBoxes {
  trackId: number
  timescale: number
  language: string | undefined
  name: string | undefined
  /** In ticks of the movie: how much later than the movie the media begins. */
  emptyEdit: number
  /** In ticks of the media: where in it the movie begins. */
  mediaTime: number
  entry: SampleEntry | undefined
  sampleTable: Box | undefined
}

function movieTrack(
  boxes: TrackBoxes,
  movieTimescale: number,
  extendsBox: MovieExtends | undefined,
  counts: Record<TrackKind, number>,
): MovieTrack | undefined {
  const { entry, sampleTable, timescale, trackId } = boxes
  if (entry === undefined || sampleTable === undefined || timescale === 0 || trackId === 0) return undefined
  const kind: TrackKind = entry.video === undefined ? 'audio' : 'video'
  const { config, unitLengthBytes } = canonicalConfig(entry.codec, entry.config)
  const { bitrateBps } = entry
  const { video, audio } = parametersOf(entry, timescale)
  return {
    trackId,
    track: {
      id: TRACK_ID_BASE[kind] + counts[kind]++,
      kind,
      codec: entry.codec,
      ...(config !== undefined && { config }),
      ...(video !== undefined && { video }),
      ...(audio !== undefined && { audio }),
      timescale,
      ...(boxes.language !== undefined && { language: boxes.language }),
      ...(boxes.name !== undefined && { name: boxes.name }),
      ...(bitrateBps !== undefined && { bitrateBps }),
    },
    timescale,
    editTicks:
      (movieTimescale === 0 ? 0 : Math.round((boxes.emptyEdit * timescale) / movieTimescale)) - boxes.mediaTime,
    unitLengthBytes,
    defaults: extendsBox?.defaults.get(trackId) ?? { duration: 0, size: 0, flags: 0 },
    sampleTable,
  }
}

/** The configuration knows more than the entry (HE-AAC, frame rate), except the size and what colour boxes say. */
function parametersOf(entry: SampleEntry, timescale: number): TrackParameters {
  const told = readParameters(entry)
  if (entry.video !== undefined) {
    const { width, height } = entry.video
    const color = { ...told.video?.color, ...entry.video.color }
    return {
      video: {
        ...told.video,
        width: width || (told.video?.width ?? 0),
        height: height || (told.video?.height ?? 0),
        ...(Object.keys(color).length > 0 && { color }),
      },
    }
  }
  const { sampleRate, channels } = told.audio ?? entry.audio ?? { sampleRate: 0, channels: 0 }
  return { audio: { sampleRate: sampleRate || timescale, channels: channels || 2 } }
}

function readParameters({ codec, config }: SampleEntry): TrackParameters {
  try {
    return trackParameters(codec, config)
  } catch (error) {
    // The entry says enough to go on; whether the record is good is for the decoder to judge.
    if (error instanceof FormatError) return {}
    throw error
  }
}

function readTrackBoxes(trak: Box): TrackBoxes {
  const boxes: TrackBoxes = {
    trackId: 0,
    timescale: 0,
    language: undefined,
    name: undefined,
    emptyEdit: 0,
    mediaTime: 0,
    entry: undefined,
    sampleTable: undefined,
  }
  readInto(trak, boxes)
  return boxes
}

function readInto(parent: Box, boxes: TrackBoxes): void {
  for (const box of childBoxes(parent)) {
    const { body } = box
    switch (box.type) {
      case 'edts':
      case 'mdia':
      case 'minf':
        readInto(box, boxes)
        break
      case 'tkhd':
        body.skip(readFullBoxHeader(body).version === 1 ? 16 : 8)
        boxes.trackId = body.u32()
        break
      case 'elst':
        readEditList(box, boxes)
        break
      case 'mdhd': {
        const header = readTimedHeader(box)
        boxes.timescale = header.timescale
        boxes.language ??= unpackLanguage(body.u16())
        break
      }
      case 'elng':
        readFullBoxHeader(body)
        boxes.language = text(body.utf8(body.remaining)) ?? boxes.language
        break
      case 'hdlr':
        body.skip(24)
        boxes.name = trackName(body.utf8(body.remaining))
        break
      case 'stbl':
        boxes.entry = readDescription(box)
        boxes.sampleTable = box
        break
      default:
    }
  }
}

/** The first entry of `stsd` is the track's; a change of entry in the middle of a track is not followed. */
function readDescription(sampleTable: Box): SampleEntry | undefined {
  const { bytes, offset } = sampleTable.body
  // Of its own, so that the sample tables can be read from the start later.
  const copy: Box = { ...sampleTable, body: new ByteReader(bytes, offset) }
  for (const box of childBoxes(copy)) {
    if (box.type !== 'stsd') continue
    readFullBoxHeader(box.body)
    box.body.skip(4)
    for (const entry of childBoxes(box)) return readSampleEntry(entry)
  }
  return undefined
}

/** `elst`: empty edits first, then the one that shows media. */
function readEditList(box: Box, boxes: TrackBoxes): void {
  const { body } = box
  const { version } = readFullBoxHeader(body)
  const wide = version === 1
  const count = readEntryCount(body, wide ? 20 : 12, 'elst')
  for (let i = 0; i < count; i++) {
    const duration = wide ? body.u64() : body.u32()
    const mediaTime = wide ? body.i64() : body.i32()
    body.skip(4)
    if (mediaTime >= 0) {
      boxes.mediaTime = mediaTime
      return
    }
    boxes.emptyEdit += duration
  }
}

/** `mvhd` and `mdhd` begin alike. */
function readTimedHeader(box: Box): { timescale: number; duration: number } {
  const { body } = box
  const { version } = readFullBoxHeader(body)
  if (version === 1) {
    body.skip(16)
    return { timescale: body.u32(), duration: knownDuration(body.view(8)) }
  }
  body.skip(8)
  return { timescale: body.u32(), duration: knownDuration(body.view(4)) }
}

/** All ones mean: unknown. */
function knownDuration(bytes: Uint8Array): number {
  if (bytes.every((byte) => byte === 0xff)) return 0
  const reader = new ByteReader(bytes)
  return bytes.byteLength === 8 ? reader.u64() : reader.u32()
}

function readMovieExtends(mvex: Box): MovieExtends {
  let duration = 0
  const defaults = new Map<number, SampleDefaults>()
  for (const { type, body } of childBoxes(mvex)) {
    if (type === 'mehd') {
      duration = knownDuration(body.view(readFullBoxHeader(body).version === 1 ? 8 : 4))
    } else if (type === 'trex') {
      readFullBoxHeader(body)
      const trackId = body.u32()
      body.skip(4)
      defaults.set(trackId, { duration: body.u32(), size: body.u32(), flags: body.u32() })
    }
  }
  return { duration, defaults }
}

/** The name in `hdlr`, unless it is what a muxer puts for everybody. */
function trackName(raw: string): string | undefined {
  const name = text(raw)
  return name === undefined || /handler|media$|^(video|sound|audio)$/i.test(name) ? undefined : name
}

/** Up to the terminating zero; `undefined` when empty or absurd. */
function text(raw: string): string | undefined {
  const end = raw.indexOf('\0')
  const value = end === -1 ? raw : raw.slice(0, end)
  return value === '' || value.length > MAX_NAME_CHARACTERS ? undefined : value
}
