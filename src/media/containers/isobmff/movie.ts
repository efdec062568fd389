/** What a movie says of its tracks: `moov` without the sample tables (ISO/IEC 14496-12 section 8.2 to 8.8). */
import { FormatError } from '../../../errors.ts'
import { type TrackParameters, trackParameters } from '../../codecs/track-parameters.ts'
import type { ForeignTrack } from '../../reader.ts'
import { type Micros, ticksToMicros } from '../../time.ts'
import { TRACK_ID_BASE, type Track, type TrackKind, type VideoParameters } from '../../track.ts'
import { type Box, childBoxes, readFullBoxHeader, topLevelBoxes } from './box.ts'
import { type EditList, NO_EDITS } from './edit-list.ts'
import { readMeta, readUserData } from './movie-metadata.ts'
import type { SampleEntry } from './sample-entry.ts'
import type { TextForm } from './timed-text.ts'
import { knownDuration, readTimedHeader, readTrackBoxes, type TrackBoxes } from './track-boxes.ts'
import { canonicalConfig } from './unit-length.ts'

/** An hour of a two-track file has about 2 MiB of sample tables; a day 48. */
export const MAX_MOOV_BYTES = 64 * 1024 * 1024
/** More tracks than any programme has. */
export const MAX_MOVIE_TRACKS = 64

/** A file that claims to be longer is lying, and its times would lose bits. */
export const MAX_MEDIA_SECONDS = 10 * 365 * 24 * 3600
/** Used where `mvhd` is missing. */
const DEFAULT_MOVIE_TIMESCALE = 1000

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
   * that shows media is honoured, with the empty ones before it; later edits and rates are not.
   */
  readonly editTicks: number
  /** Taken off decode times in ticks, so that no sample is shown before it is decoded: for negative composition offsets. */
  readonly decodeTicks: number
  /** In the media, where its edit list ends: nothing that is decoded then or later is shown. Infinite where it does not say. */
  readonly endTicks: number
  /** Bytes of the length before each unit of a H.264 or H.265 sample; `undefined` for other codecs. */
  readonly unitLengthBytes: number | undefined
  /** Of text: the form of its samples. */
  readonly textForm: TextForm | undefined
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
  /** Tracks of codecs we do not know. Those that hold chapters are left out. */
  readonly foreign: readonly ForeignTrack[]
  /** Title, artist, encoder … */
  readonly metadata: Readonly<Record<string, string | number>>
  /** What is not honoured, for people. */
  readonly notes: readonly string[]
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
  const metadata: Record<string, string | number> = {}
  let extendsBox: MovieExtends | undefined
  for (const box of childBoxes(moov)) {
    if (box.type === 'mvhd') {
      ;({ timescale: movieTimescale, duration: movieDuration } = readTimedHeader(box))
    } else if (box.type === 'mvex') {
      extendsBox = readMovieExtends(box)
    } else if (box.type === 'udta') {
      readUserData(box, metadata)
    } else if (box.type === 'meta') {
      readMeta(box, metadata)
    } else if (box.type === 'trak') {
      if (found.length >= MAX_MOVIE_TRACKS) {
        throw new FormatError('ERR_MP4_TOO_MANY_TRACKS', `expected at most ${MAX_MOVIE_TRACKS} tracks`, box.body.offset)
      }
      found.push(readTrackBoxes(box))
    }
  }
  const protection = found.find((boxes) => boxes.protection !== undefined)?.protection
  if (protection !== undefined) {
    metadata['drmScheme'] = protection.scheme
    if (protection.keyId !== '') metadata['drmKeyId'] = protection.keyId
  }
  const chapters = new Set(found.flatMap(({ chapterTracks }) => chapterTracks))
  const shown = found.filter(({ trackId }) => !chapters.has(trackId))
  const counts: Record<TrackKind, number> = { video: 0, audio: 0, data: 0, text: 0 }
  const tracks: MovieTrack[] = []
  const foreign: ForeignTrack[] = []
  for (const boxes of shown) {
    const track = movieTrack(boxes, movieTimescale, extendsBox, counts)
    if (track === undefined) foreign.push(foreignTrack(boxes))
    else tracks.push(track)
  }
  // In a file with fragments mvhd counts only the samples outside them.
  const ticks = extendsBox === undefined ? movieDuration : extendsBox.duration
  const duration = movieTimescale === 0 ? 0 : ticksToMicros(ticks, movieTimescale)
  return { tracks, fragmented: extendsBox !== undefined, duration, foreign, metadata, notes: shown.flatMap(editNotes) }
}

const KIND_OF_HANDLER: Readonly<Record<string, TrackKind>> = {
  vide: 'video',
  soun: 'audio',
  text: 'text',
  sbtl: 'text',
  subt: 'text',
  subp: 'text',
  clcp: 'text',
}

function foreignTrack({ handler, foreignCodec, language }: TrackBoxes): ForeignTrack {
  const kind = KIND_OF_HANDLER[handler] ?? 'data'
  return { kind, codec: foreignCodec, ...(language !== undefined && { language }) }
}

function editNotes({ trackId, edits: { furtherEdits } }: TrackBoxes): string[] {
  if (furtherEdits === 0) return []
  return [`The edit list of track ${trackId} has more than one part; what is behind the first is not shown.`]
}

interface MovieExtends {
  readonly duration: number
  readonly defaults: ReadonlyMap<number, SampleDefaults>
}

function movieTrack(
  boxes: TrackBoxes,
  movieTimescale: number,
  extendsBox: MovieExtends | undefined,
  counts: Record<TrackKind, number>,
): MovieTrack | undefined {
  const { entry, sampleTable, timescale, trackId } = boxes
  if (entry === undefined || sampleTable === undefined || timescale === 0 || trackId === 0) return undefined
  const { textForm } = entry
  const kind: TrackKind = textForm !== undefined ? 'text' : entry.video === undefined ? 'audio' : 'video'
  const { config, unitLengthBytes } = canonicalConfig(entry.codec, entry.config)
  const { bitrateBps } = entry
  const { video, audio } = kind === 'text' ? NO_PARAMETERS : parametersOf(entry, timescale)
  const ofMovie = movieTimescale === 0 ? 0 : timescale / movieTimescale
  const { emptyTicks, mediaTime, shownTicks } = believableEdits(boxes, ofMovie)
  // In fragments what is shown is told by them, not by an edit that was written before.
  const isEnded = shownTicks > 0 && ofMovie > 0 && extendsBox === undefined
  return {
    trackId,
    track: {
      id: TRACK_ID_BASE[kind] + counts[kind]++,
      kind,
      codec: entry.codec,
      ...(config !== undefined && { config }),
      ...(video !== undefined && { video: turned(video, boxes.rotation) }),
      ...(audio !== undefined && { audio }),
      timescale,
      ...(boxes.language !== undefined && { language: boxes.language }),
      ...(boxes.name !== undefined && { name: boxes.name }),
      ...(bitrateBps !== undefined && { bitrateBps }),
    },
    timescale,
    editTicks: Math.round(emptyTicks * ofMovie) - mediaTime,
    decodeTicks: 0,
    endTicks: isEnded ? mediaTime + Math.ceil(shownTicks * ofMovie) : Number.POSITIVE_INFINITY,
    unitLengthBytes,
    textForm,
    defaults: extendsBox?.defaults.get(trackId) ?? { duration: 0, size: 0, flags: 0 },
    sampleTable,
  }
}

/** An edit list that moves a track by years is none. */
function believableEdits({ edits, timescale }: TrackBoxes, ofMovie: number): EditList {
  const largest = Math.max(edits.emptyTicks * ofMovie, edits.mediaTime)
  return largest <= MAX_MEDIA_SECONDS * timescale ? edits : NO_EDITS
}

const NO_PARAMETERS: TrackParameters = {}

function turned(video: VideoParameters, rotation: VideoParameters['rotation']): VideoParameters {
  return rotation === undefined ? video : { ...video, rotation }
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
