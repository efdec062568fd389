/** Opens a media file whatever its container is. The bytes tell; names and types are not believed. */
import { FormatError } from '../errors.ts'
import type { ByteSource } from './byte-source.ts'
import { isAdts } from './containers/adts/frames.ts'
import { id3TagSize } from './containers/bare-sound/id3v2.ts'
import { isMp3 } from './containers/mp3/frames.ts'
import { isTransportStream } from './containers/mpegts/packet-sync.ts'
import type { MediaFormat, MediaReader } from './reader.ts'

/** Bytes of a file's beginning that tell its format; the longest marks are three frames of sound without container, one after another. */
export const FORMAT_HEAD_BYTES = 8 * 1024

/** Boxes that files of MP4 begin with, and of QuickTime, which knew no `ftyp` at first. */
const MOVIE_BOXES: ReadonlySet<string> = new Set(['ftyp', 'moov', 'mdat', 'wide', 'free', 'skip', 'pnot'])

/** Id of the header that every EBML file begins with. */
const EBML_HEADER = [0x1a, 0x45, 0xdf, 0xa3]
/** GUID of the Header Object, with which every ASF file begins. */
const ASF_HEADER = [0x30, 0x26, 0xb2, 0x75, 0x8e, 0x66, 0xcf, 0x11, 0xa6, 0xd9, 0x00, 0xaa, 0x00, 0x62, 0xce, 0x6c]

interface FormatEntry {
  readonly format: MediaFormat
  /** For people. */
  readonly name: string
  /** Whether a file that begins so is of this format. */
  matches(head: Uint8Array): boolean
  /** Readers are loaded with the first file of their format. */
  open(source: ByteSource): Promise<MediaReader>
}

/** In the order in which they are asked: the surest marks first. */
const FORMATS: readonly FormatEntry[] = [
  {
    format: 'asf',
    name: 'ASF (WMV, WMA)',
    matches: (head) => ASF_HEADER.every((byte, at) => head[at] === byte),
    open: async (source) => (await import('./containers/asf/file-reader.ts')).AsfFileReader.open(source),
  },
  {
    format: 'flv',
    name: 'FLV',
    matches: (head) => latin1(head.subarray(0, 3)) === 'FLV',
    open: async (source) => (await import('./containers/flv/file-reader.ts')).FlvFileReader.open(source),
  },
  {
    format: 'matroska',
    name: 'Matroska or WebM',
    matches: (head) => EBML_HEADER.every((byte, at) => head[at] === byte),
    open: async (source) => (await import('./containers/matroska/matroska-reader.ts')).MatroskaReader.open(source),
  },
  {
    format: 'mp4',
    name: 'MP4 or MOV',
    matches: (head) => MOVIE_BOXES.has(latin1(head.subarray(4, 8))),
    open: async (source) => (await import('./containers/isobmff/movie-reader.ts')).MovieReader.open(source),
  },
  {
    format: 'mpegts',
    name: 'MPEG-TS',
    matches: isTransportStream,
    open: async (source) => (await import('./containers/mpegts/reader.ts')).TsReader.open(source),
  },
  // The weakest marks, last. Behind a tag that is longer than what was read, either may come.
  {
    format: 'aac',
    name: 'AAC (ADTS)',
    matches: (head) => isAdts(head.subarray(id3TagSize(head))),
    open: async (source) => (await import('./containers/adts/reader.ts')).openAdtsReader(source),
  },
  {
    format: 'mp3',
    name: 'MP3',
    matches: (head) => id3TagSize(head) > 0 || isMp3(head),
    open: async (source) => (await import('./containers/bare-sound/open.ts')).openTaggedSound(source),
  },
]

/** The container of a file that begins so; `undefined` when it is none that is read. */
export function formatOf(head: Uint8Array): MediaFormat | undefined {
  return FORMATS.find(({ matches }) => matches(head))?.format
}

/** Throws FormatError: ERR_MEDIA_UNKNOWN_FORMAT for a file of no known container, else what the container's own reader throws. */
export async function openReader(source: ByteSource): Promise<MediaReader> {
  const head = await source.read(0, FORMAT_HEAD_BYTES)
  const entry = FORMATS.find(({ matches }) => matches(head))
  if (entry !== undefined) return entry.open(source)
  const found = [...head.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
  throw new FormatError(
    'ERR_MEDIA_UNKNOWN_FORMAT',
    `expected a file of ${FORMATS.map(({ name }) => name).join(', ')}, found one that begins with ${found || 'nothing'}`,
    0,
  )
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes)
}
