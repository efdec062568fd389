/** Descriptions of tracks (RFC 9559 section 5.1.4). */
import { FormatError } from '../../../errors.ts'
import type { ByteReader } from '../../bytes/byte-reader.ts'
import type { Notes } from '../../notes.ts'
import type { ColorInfo } from '../../track.ts'
import { colorOf } from './color.ts'
import { childElements, floatOf, hexOf, textOf, uintOf } from './ebml.ts'
import { ID } from './element-id.ts'
import { languageOf } from './language.ts'

/** More than any film has. */
export const MAX_TRACKS = 64
/** Content compression that takes bytes away which all frames begin with. */
const HEADER_STRIPPING = 3
const ENCODING_COMPRESSION = 0
const SCOPE_FRAMES = 1
const SCOPE_PRIVATE = 2
const ZLIB = 0
/** Bytes; every frame gets them. Real ones have up to some tens. */
const MAX_PREFIX = 1024
/** Where no language is told (RFC 9559 section 5.1.4.1.19). */
const DEFAULT_LANGUAGE = 'eng'

/** TrackType. */
export const TRACK_TYPE = { VIDEO: 1, AUDIO: 2, SUBTITLE: 17 } as const

export interface TrackEntry {
  /** What blocks say. */
  readonly number: number
  /** What tags say; hexadecimal digits, because it has 64 bits. */
  readonly uid: string
  /** One of TRACK_TYPE, or another. */
  readonly type: number
  readonly codecId: string
  readonly codecPrivate: Uint8Array | undefined
  /** To be played unless somebody chooses otherwise. */
  readonly isDefault: boolean
  /** BCP 47. */
  readonly language: string | undefined
  readonly name: string | undefined
  /** Nanoseconds of a frame; 0: not said. */
  readonly defaultDuration: number
  /** Nanoseconds that times in blocks are late by. */
  readonly codecDelay: number
  readonly video: { readonly width: number; readonly height: number; readonly color: ColorInfo | undefined } | undefined
  readonly audio: { readonly sampleRate: number; readonly channels: number; readonly bitDepth: number } | undefined
  /** What is put before each frame; `undefined` for frames that cannot be read: see `encoding`. */
  readonly prefix: Uint8Array | undefined
  /** For people: how frames are compressed or encrypted, where they cannot be read. */
  readonly encoding: string | undefined
}

/** The tracks that the file describes, in its order. Those that are broken are left out with a note. Throws FormatError where none is left. */
export function readTrackEntries(tracks: ByteReader, webm: boolean, notes: Notes): TrackEntry[] {
  const entries: TrackEntry[] = []
  const { offset } = tracks
  try {
    for (const { id, body } of childElements(tracks)) {
      if (id !== ID.TRACK_ENTRY) continue
      if (entries.length === MAX_TRACKS) {
        notes.add(`Only the first ${MAX_TRACKS} tracks are read.`)
        break
      }
      const entry = readOrNote(body, webm, notes)
      if (entry !== undefined && !entries.some(({ number }) => number === entry.number)) entries.push(entry)
    }
  } catch (error) {
    if (!(error instanceof FormatError) || entries.length === 0) throw error
    notes.add(`The description of the tracks is damaged: ${error.message}`)
  }
  if (entries.length > 0) return entries
  throw new FormatError('ERR_MATROSKA_NO_TRACKS', 'expected a track, found none', offset)
}

function readOrNote(body: ByteReader, webm: boolean, notes: Notes): TrackEntry | undefined {
  try {
    return readTrackEntry(body, webm)
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    notes.add(`The description of a track is damaged: ${error.message}`)
    return undefined
  }
}

function readTrackEntry(entry: ByteReader, webm: boolean): TrackEntry {
  const { offset } = entry
  let number = 0
  let uid = ''
  let type = 0
  let codecId = ''
  let codecPrivate: Uint8Array | undefined
  let isDefault = true
  // Recordings of browsers say no language, and that does not make them English.
  let language = webm ? '' : DEFAULT_LANGUAGE
  let bcp47 = ''
  let name: string | undefined
  let defaultDuration = 0
  let codecDelay = 0
  let video: TrackEntry['video']
  let audio: TrackEntry['audio']
  let encoding: Encoding = PLAIN
  for (const { id, body } of childElements(entry)) {
    if (id === ID.TRACK_NUMBER) number = uintOf(body)
    else if (id === ID.TRACK_UID) uid = hexOf(body)
    else if (id === ID.TRACK_TYPE) type = uintOf(body)
    else if (id === ID.CODEC_ID) codecId = textOf(body)
    else if (id === ID.CODEC_PRIVATE) codecPrivate = body.rest()
    else if (id === ID.FLAG_DEFAULT) isDefault = uintOf(body) !== 0
    else if (id === ID.LANGUAGE) language = textOf(body)
    else if (id === ID.LANGUAGE_BCP47) bcp47 = textOf(body)
    else if (id === ID.NAME) name = textOf(body) || undefined
    else if (id === ID.DEFAULT_DURATION) defaultDuration = uintOf(body)
    else if (id === ID.CODEC_DELAY) codecDelay = uintOf(body)
    else if (id === ID.VIDEO) video = readVideo(body)
    else if (id === ID.AUDIO) audio = readAudio(body)
    else if (id === ID.CONTENT_ENCODINGS) encoding = readEncodings(body)
  }
  if (number === 0 || codecId === '') {
    throw new FormatError('ERR_MATROSKA_TRACK', 'expected the number and the codec of a track, found none', offset)
  }
  if (encoding.privateToo && codecPrivate !== undefined) codecPrivate = withPrefix(encoding.prefix, codecPrivate)
  return {
    number,
    uid,
    type,
    codecId,
    codecPrivate,
    isDefault,
    language: languageOf(bcp47 === '' ? language : bcp47),
    name,
    defaultDuration,
    codecDelay,
    video,
    audio,
    prefix: encoding.prefix,
    encoding: encoding.name,
  }
}

function readVideo(video: ByteReader): TrackEntry['video'] {
  const sizes = new Map<number, number>()
  let color: ColorInfo | undefined
  for (const { id, body } of childElements(video)) {
    if (id === ID.COLOUR) color = colorOf(body)
    else if (SIZES.has(id)) sizes.set(id, uintOf(body))
  }
  const of = (id: number) => sizes.get(id) ?? 0
  return {
    width: Math.max(0, of(ID.PIXEL_WIDTH) - of(ID.PIXEL_CROP_LEFT) - of(ID.PIXEL_CROP_RIGHT)),
    height: Math.max(0, of(ID.PIXEL_HEIGHT) - of(ID.PIXEL_CROP_TOP) - of(ID.PIXEL_CROP_BOTTOM)),
    color,
  }
}

const SIZES: ReadonlySet<number> = new Set<number>([
  ID.PIXEL_WIDTH,
  ID.PIXEL_HEIGHT,
  ID.PIXEL_CROP_LEFT,
  ID.PIXEL_CROP_RIGHT,
  ID.PIXEL_CROP_TOP,
  ID.PIXEL_CROP_BOTTOM,
])

function readAudio(audio: ByteReader): TrackEntry['audio'] {
  let sampleRate = 8000
  let output: number | undefined
  let channels = 1
  let bitDepth = 0
  for (const { id, body } of childElements(audio)) {
    if (id === ID.SAMPLING_FREQUENCY) sampleRate = floatOf(body)
    else if (id === ID.OUTPUT_SAMPLING_FREQUENCY) output = floatOf(body)
    else if (id === ID.CHANNELS) channels = uintOf(body)
    else if (id === ID.BIT_DEPTH) bitDepth = uintOf(body)
  }
  const rate = Math.round(output ?? sampleRate)
  return { sampleRate: rate > 0 && rate < 1e6 ? rate : 0, channels: channels < 256 ? channels : 0, bitDepth }
}

interface Encoding {
  readonly prefix: Uint8Array | undefined
  readonly privateToo: boolean
  readonly name: string | undefined
}

const PLAIN: Encoding = { prefix: new Uint8Array(0), privateToo: false, name: undefined }

function readEncodings(encodings: ByteReader): Encoding {
  const list = [...childElements(encodings)].filter(({ id }) => id === ID.CONTENT_ENCODING)
  const [first] = list
  if (first === undefined) return PLAIN
  return list.length === 1 ? readEncoding(first.body) : unreadable('encoded in several ways')
}

function readEncoding(encoding: ByteReader): Encoding {
  let scope: number = SCOPE_FRAMES
  let type = ENCODING_COMPRESSION
  let algorithm = ZLIB
  let settings = new Uint8Array(0)
  for (const { id, body } of childElements(encoding)) {
    if (id === ID.CONTENT_ENCODING_SCOPE) scope = uintOf(body)
    else if (id === ID.CONTENT_ENCODING_TYPE) type = uintOf(body)
    else if (id === ID.CONTENT_COMPRESSION) {
      for (const part of childElements(body)) {
        if (part.id === ID.CONTENT_COMP_ALGO) algorithm = uintOf(part.body)
        else if (part.id === ID.CONTENT_COMP_SETTINGS) settings = part.body.rest().slice()
      }
    }
  }
  if (type !== ENCODING_COMPRESSION) return unreadable('encrypted')
  if (algorithm !== HEADER_STRIPPING || settings.byteLength > MAX_PREFIX) return unreadable('compressed')
  return {
    prefix: (scope & SCOPE_FRAMES) === 0 ? PLAIN.prefix : settings,
    privateToo: (scope & SCOPE_PRIVATE) !== 0,
    name: undefined,
  }
}

function unreadable(name: string): Encoding {
  return { prefix: undefined, privateToo: false, name }
}

/** `bytes` behind `prefix`; `bytes` itself where that is empty. */
export function withPrefix(prefix: Uint8Array | undefined, bytes: Uint8Array): Uint8Array {
  if (prefix === undefined || prefix.byteLength === 0) return bytes
  const joined = new Uint8Array(prefix.byteLength + bytes.byteLength)
  joined.set(prefix)
  joined.set(bytes, prefix.byteLength)
  return joined
}
