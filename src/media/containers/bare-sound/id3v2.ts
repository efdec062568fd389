/** ID3v2 tags before bare sound: what they say of it, and where it begins. id3.org: ID3v2.2, ID3v2.3.0, ID3v2.4.0 structure and frames. */
import { type ByteSource, memorySource } from '../../byte-source.ts'
import type { Notes } from '../../notes.ts'
import type { PicturePlace } from '../../reader.ts'
import { readAttachedPicture } from './id3v2-picture.ts'
import { decodeId3Text } from './id3v2-text.ts'
import { WindowedSource } from './windowed-source.ts'

/** Bytes of a tag's header, and of its footer. */
const HEADER_SIZE = 10
/** Tags one after another. */
const MAX_TAGS = 8
/** Frames of one tag. */
const MAX_FRAMES = 512
/** Bytes of a text frame that are read. */
const MAX_TEXT_BYTES = 4096
/** Bytes of a tag whose frames cannot be read in place, because zero bytes were put into it. */
const MAX_UNSYNCHRONISED_BYTES = 256 * 1024

const FLAG = { UNSYNCHRONISED: 0x80, EXTENDED: 0x40, FOOTER: 0x10 } as const
/** Of a frame, second byte of its flags. Compressed and encrypted ones are passed over. */
const FRAME_FLAG_3 = { COMPRESSED: 0x80, ENCRYPTED: 0x40, GROUPED: 0x20 } as const
const FRAME_FLAG_4 = { GROUPED: 0x40, COMPRESSED: 0x08, ENCRYPTED: 0x04, UNSYNCHRONISED: 0x02, LENGTH: 0x01 } as const

/** Frames of text that are told, by version 2.3 and 2.4, and by 2.2. */
const TEXT_FRAMES: Readonly<Record<string, string>> = {
  TIT2: 'title',
  TT2: 'title',
  TPE1: 'artist',
  TP1: 'artist',
  TALB: 'album',
  TAL: 'album',
  TPE2: 'albumArtist',
  TP2: 'albumArtist',
  TCOM: 'composer',
  TCM: 'composer',
  TCON: 'genre',
  TCO: 'genre',
  TRCK: 'track',
  TRK: 'track',
  TDRC: 'date',
  TYER: 'date',
  TYE: 'date',
  TCOP: 'copyright',
  TCR: 'copyright',
  TSSE: 'encoder',
  TSS: 'encoder',
}

export interface Id3Tags {
  /** Bytes: where they end, 0 without any. */
  readonly end: number
  readonly metadata: Readonly<Record<string, string>>
  readonly picture: PicturePlace | undefined
}

interface TagHeader {
  readonly version: number
  readonly flags: number
  /** Of the frames, in bytes. */
  readonly size: number
}

/** A frame whose content can be read as it stands. */
interface Frame {
  readonly id: string
  readonly offset: number
  readonly size: number
  readonly unsynchronised: boolean
}

/** Reads the tags at the beginning of a file. Never throws for what is in them; what does not fit is noted and passed over. */
export async function readId3Tags(source: ByteSource, notes: Notes): Promise<Id3Tags> {
  const metadata: Record<string, string> = {}
  let picture: PicturePlace | undefined
  let end = 0
  for (let count = 0; count < MAX_TAGS; count++) {
    const header = readTagHeader(await source.read(end, HEADER_SIZE))
    if (header === undefined) break
    const from = end + HEADER_SIZE
    const to = from + header.size + ((header.flags & FLAG.FOOTER) === 0 ? 0 : HEADER_SIZE)
    if (to >= source.size) {
      notes.add('an ID3 tag is longer than the file', end)
      // The sound begins somewhere in what the tag claims.
      return { end: from, metadata, picture }
    }
    const found = await readTag(source, header, from, from + header.size)
    // The first tag counts.
    for (const [name, text] of Object.entries(found.metadata)) metadata[name] ??= text
    picture ??= found.picture
    end = to
  }
  return { end, metadata, picture }
}

/** Whether the bytes begin with a tag. */
export function isId3Tag(head: Uint8Array): boolean {
  return readTagHeader(head) !== undefined
}

/** Bytes of the tag that begins there, its header included; 0 where none does. */
export function id3TagSize(head: Uint8Array): number {
  const header = readTagHeader(head)
  if (header === undefined) return 0
  return HEADER_SIZE + header.size + ((header.flags & FLAG.FOOTER) === 0 ? 0 : HEADER_SIZE)
}

function readTagHeader(bytes: Uint8Array): TagHeader | undefined {
  if (bytes.byteLength < HEADER_SIZE) return undefined
  const [i, d, three, version = 0, revision = 0, flags = 0] = bytes
  if (i !== 0x49 || d !== 0x44 || three !== 0x33 || version < 2 || version > 4 || revision === 0xff) return undefined
  const size = synchsafe(bytes, 6)
  return size === undefined ? undefined : { version, flags, size }
}

async function readTag(
  source: ByteSource,
  { version, flags }: TagHeader,
  from: number,
  to: number,
): Promise<{ metadata: Record<string, string>; picture: PicturePlace | undefined }> {
  const metadata: Record<string, string> = {}
  let picture: PicturePlace | undefined
  let pictureIsFront = false
  const isMoved = version < 4 && (flags & FLAG.UNSYNCHRONISED) !== 0
  const bytes = isMoved
    ? resynchronised(await source.read(from, Math.min(to - from, MAX_UNSYNCHRONISED_BYTES)))
    : undefined
  const window =
    bytes === undefined
      ? new WindowedSource(source, from, to)
      : new WindowedSource(memorySource(bytes), 0, bytes.byteLength)
  let at = window.from
  if ((flags & FLAG.EXTENDED) !== 0) at += extendedSize(await window.read(at, 4), version)
  for (let count = 0; count < MAX_FRAMES; count++) {
    const read = await readFrame(window, at, version)
    if (read === undefined) break
    at = read.end
    const { frame } = read
    if (frame === undefined) continue
    const name = TEXT_FRAMES[frame.id]
    if (name !== undefined) {
      const content = await window.read(frame.offset, Math.min(frame.size, MAX_TEXT_BYTES))
      const text = decodeId3Text(frame.unsynchronised ? resynchronised(content) : content)
      if (text !== '') metadata[name] ??= text
    } else if ((frame.id === 'APIC' || frame.id === 'PIC') && bytes === undefined && !frame.unsynchronised) {
      const found = await readAttachedPicture(window, frame)
      if (found === undefined || (picture !== undefined && (pictureIsFront || !found.front))) continue
      picture = found.place
      pictureIsFront = found.front
    }
  }
  return { metadata, picture }
}

/** The frame at a place: `undefined` where padding or the end is; without `frame` for one that cannot be read in place. */
async function readFrame(
  window: WindowedSource,
  at: number,
  version: number,
): Promise<{ end: number; frame: Frame | undefined } | undefined> {
  const headerSize = version === 2 ? 6 : HEADER_SIZE
  const header = await window.read(at, headerSize)
  if (header.byteLength < headerSize) return undefined
  const id = String.fromCharCode(...header.subarray(0, version === 2 ? 3 : 4))
  if (!/^[A-Z0-9]{3,4}$/.test(id)) return undefined
  const size = frameSize(header, version)
  const offset = at + headerSize
  if (size > window.to - offset) return undefined
  const end = offset + size
  if (version === 2) return { end, frame: { id, offset, size, unsynchronised: false } }
  const flags = header[9] as number
  if (version === 3) {
    const isPlain = (flags & (FRAME_FLAG_3.COMPRESSED | FRAME_FLAG_3.ENCRYPTED)) === 0
    const skip = (flags & FRAME_FLAG_3.GROUPED) === 0 ? 0 : 1
    return {
      end,
      frame:
        isPlain && size >= skip ? { id, offset: offset + skip, size: size - skip, unsynchronised: false } : undefined,
    }
  }
  const isPlain = (flags & (FRAME_FLAG_4.COMPRESSED | FRAME_FLAG_4.ENCRYPTED)) === 0
  const skip = ((flags & FRAME_FLAG_4.GROUPED) === 0 ? 0 : 1) + ((flags & FRAME_FLAG_4.LENGTH) === 0 ? 0 : 4)
  const unsynchronised = (flags & FRAME_FLAG_4.UNSYNCHRONISED) !== 0
  return {
    end,
    frame: isPlain && size >= skip ? { id, offset: offset + skip, size: size - skip, unsynchronised } : undefined,
  }
}

function frameSize(header: Uint8Array, version: number): number {
  const [, , , b3 = 0, b4 = 0, b5 = 0, b6 = 0, b7 = 0] = header
  if (version === 2) return b3 * 65_536 + b4 * 256 + b5
  const plain = b4 * 2 ** 24 + b5 * 65_536 + b6 * 256 + b7
  // iTunes once wrote plain sizes into tags of version 4.
  return version === 4 ? (synchsafe(header, 4) ?? plain) : plain
}

/** The size of the extended header, which has nothing of interest. */
function extendedSize(bytes: Uint8Array, version: number): number {
  if (bytes.byteLength < 4) return 0
  if (version === 4) return synchsafe(bytes, 0) ?? 0
  const [b0 = 0, b1 = 0, b2 = 0, b3 = 0] = bytes
  return b0 * 2 ** 24 + b1 * 65_536 + b2 * 256 + b3 + 4
}

/** Four bytes of seven bits; `undefined` where a byte has eight. */
function synchsafe(bytes: Uint8Array, at: number): number | undefined {
  let value = 0
  for (const byte of bytes.subarray(at, at + 4)) {
    if (byte > 0x7f) return undefined
    value = (value << 7) | byte
  }
  return value
}

/** Without the zero bytes that were put behind each 0xff (section 5 of ID3v2.3.0). */
function resynchronised(bytes: Uint8Array): Uint8Array {
  return bytes.filter((byte, at) => !(byte === 0 && bytes[at - 1] === 0xff))
}
