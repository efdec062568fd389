/** What the boxes of `trak` say (ISO/IEC 14496-12 section 8.3 to 8.6). */
import { FormatError } from '../../../errors.ts'
import { ByteReader } from '../../bytes/byte-reader.ts'
import { type Box, childBoxes, readFullBoxHeader } from './box.ts'
import { type EditList, NO_EDITS, readEditList } from './edit-list.ts'
import { type EntryProtection, foreignCodecName, readProtection } from './foreign-entry.ts'
import { unpackLanguage } from './language.ts'
import { type Rotation, readMatrix } from './rotation.ts'
import { readSampleEntry, type SampleEntry } from './sample-entry.ts'

const MAX_NAME_CHARACTERS = 256
/** Tracks that one reference names; chapters need one. */
const MAX_REFERENCES = 64

/** A `trak`, read but for its sample tables. */
export interface TrackBoxes {
  /** track_ID; 0 when missing. */
  trackId: number
  /** Of a picture that is turned. */
  rotation: Rotation | undefined
  /** Ticks a second of the media; 0 when missing. */
  timescale: number
  language: string | undefined
  name: string | undefined
  /** handler_type: `vide`, `soun`, `text` … */
  handler: string
  edits: EditList
  /** `undefined` for a codec that is not known. */
  entry: SampleEntry | undefined
  /** Name of the codec that is not known, for people. */
  foreignCodec: string
  /** Of an encrypted track. */
  protection: EntryProtection | undefined
  /** `stbl`, with its content unread. */
  sampleTable: Box | undefined
  /** Tracks that hold the chapters of this one. */
  readonly chapterTracks: number[]
}

/** Throws FormatError for boxes that break their form. */
export function readTrackBoxes(trak: Box): TrackBoxes {
  const boxes: TrackBoxes = {
    trackId: 0,
    rotation: undefined,
    timescale: 0,
    language: undefined,
    name: undefined,
    handler: '',
    edits: NO_EDITS,
    entry: undefined,
    foreignCodec: 'unknown',
    protection: undefined,
    sampleTable: undefined,
    chapterTracks: [],
  }
  readInto(trak, boxes)
  if (boxes.sampleTable !== undefined) readDescription(boxes.sampleTable, boxes)
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
        readTrackHeader(body, boxes)
        break
      case 'elst':
        boxes.edits = readEditList(box)
        break
      case 'mdhd': {
        const header = readTimedHeader(box)
        boxes.timescale = header.timescale
        boxes.language ??= unpackLanguage(body.u16())
        break
      }
      case 'elng':
        readFullBoxHeader(body)
        boxes.language = terminatedText(body.utf8(body.remaining)) ?? boxes.language
        break
      case 'hdlr':
        // QuickTime has a second one in `minf`, of the data.
        if (parent.type !== 'mdia') break
        body.skip(8)
        boxes.handler = body.latin1(4)
        body.skip(12)
        boxes.name = trackName(body.utf8(body.remaining))
        break
      case 'tref':
        for (const reference of childBoxes(box)) {
          while (reference.type === 'chap' && reference.body.remaining >= 4) {
            if (boxes.chapterTracks.length >= MAX_REFERENCES) break
            boxes.chapterTracks.push(reference.body.u32())
          }
        }
        break
      case 'stbl':
        boxes.sampleTable = box
        break
      default:
    }
  }
}

function readTrackHeader(body: ByteReader, boxes: TrackBoxes): void {
  const wide = readFullBoxHeader(body).version === 1
  body.skip(wide ? 16 : 8)
  boxes.trackId = body.u32()
  // Reserved, duration, reserved, layer, group and volume.
  const before = 4 + (wide ? 8 : 4) + 8 + 8
  if (body.remaining < before) return
  body.skip(before)
  boxes.rotation = readMatrix(body)
}

/** The first entry of `stsd` is the track's; a change of entry in the middle of a track is not followed. */
function readDescription(sampleTable: Box, boxes: TrackBoxes): void {
  const { bytes, offset } = sampleTable.body
  // Of its own, so that the sample tables can be read from the start later.
  const copy: Box = { ...sampleTable, body: new ByteReader(bytes, offset) }
  for (const box of childBoxes(copy)) {
    if (box.type !== 'stsd') continue
    readFullBoxHeader(box.body)
    box.body.skip(4)
    for (const entry of childBoxes(box)) {
      const again = { ...entry, body: new ByteReader(entry.body.bytes) }
      boxes.entry = readSampleEntry(entry)
      if (boxes.entry === undefined) readForeign(again, boxes)
      return
    }
  }
}

function readForeign(entry: Box, boxes: TrackBoxes): void {
  try {
    boxes.foreignCodec = foreignCodecName(entry, boxes.handler)
    boxes.protection = readProtection(entry)
  } catch (error) {
    // Of a track that is not read, nothing must be known.
    if (!(error instanceof FormatError)) throw error
  }
}

/** `mvhd` and `mdhd` begin alike: ticks a second, and the duration in them; 0 when it is unknown. */
export function readTimedHeader({ body }: Box): { timescale: number; duration: number } {
  const { version } = readFullBoxHeader(body)
  if (version === 1) {
    body.skip(16)
    return { timescale: body.u32(), duration: knownDuration(body.view(8)) }
  }
  body.skip(8)
  return { timescale: body.u32(), duration: knownDuration(body.view(4)) }
}

/** A duration of 4 or 8 bytes; all ones mean: unknown, and give 0. */
export function knownDuration(bytes: Uint8Array): number {
  if (bytes.every((byte) => byte === 0xff)) return 0
  const reader = new ByteReader(bytes)
  return bytes.byteLength === 8 ? reader.u64() : reader.u32()
}

/** The name in `hdlr`, unless it is what a muxer puts for everybody. QuickTime has its length before it. */
function trackName(raw: string): string | undefined {
  const counted = raw.charCodeAt(0) === raw.length - 1 && raw.charCodeAt(0) < 0x20
  const name = terminatedText(counted ? raw.slice(1) : raw)
  return name === undefined || /handler|media$|^(video|sound|audio)$/i.test(name) ? undefined : name
}

/** Up to the terminating zero; `undefined` when empty or absurd. */
function terminatedText(raw: string): string | undefined {
  const end = raw.indexOf('\0')
  const value = end === -1 ? raw : raw.slice(0, end)
  return value === '' || value.length > MAX_NAME_CHARACTERS ? undefined : value
}
