/** A clear init segment of one track to that of its encrypted form (ISO/IEC 14496-12 section 8.12, 23001-7 section 8). */
import { FormatError } from '../../../errors.ts'
import { ByteWriter } from '../../bytes/byte-writer.ts'
import { type Box, childBoxes, readFullBoxHeader, topLevelBoxes } from './box.ts'
import { type TrackProtection, writeProtectionInformation } from './protection-boxes.ts'

const BOX_HEADER_BYTES = 8
/** From the movie to the descriptions of its samples. */
const PATH = ['moov', 'trak', 'mdia', 'minf', 'stbl', 'stsd'] as const

/**
 * A copy with the sample entry under its protected type, what decryption needs in it, and `pssh` boxes at the end of `moov`. Throws FormatError for a
 * segment without a sample entry, or with several tracks.
 */
export function withProtection(
  init: Uint8Array,
  protection: TrackProtection,
  systemHeaders: readonly Uint8Array[],
): Uint8Array {
  const { starts, moovEnd, entry, handler } = placesOf(init)
  const format = String.fromCharCode(...init.subarray(entry.start + 4, entry.start + BOX_HEADER_BYTES))
  const information = new ByteWriter()
  writeProtectionInformation(information, format, protection)
  const headerBytes = systemHeaders.reduce((sum, { byteLength }) => sum + byteLength, 0)

  const writer = new ByteWriter(init.byteLength + information.length + headerBytes)
  writer.bytes(init.subarray(0, entry.end)).bytes(information.view()).bytes(init.subarray(entry.end, moovEnd))
  for (const header of systemHeaders) writer.bytes(header)
  writer.bytes(init.subarray(moovEnd))
  const view = new DataView(init.buffer, init.byteOffset, init.byteLength)
  for (const [depth, start] of [...starts, entry.start].entries()) {
    const added = information.length + (depth === 0 ? headerBytes : 0)
    writer.patchU32(start, view.getUint32(start) + added)
  }
  const bytes = writer.detach(0)
  const type = handler === 'vide' ? 'encv' : 'enca'
  for (let i = 0; i < type.length; i++) bytes[entry.start + 4 + i] = type.charCodeAt(i)
  return bytes
}

interface Places {
  /** Of each box of `PATH`. */
  readonly starts: readonly number[]
  readonly moovEnd: number
  /** handler_type: `vide`, `soun`. */
  readonly handler: string
  readonly entry: { readonly start: number; readonly end: number }
}

function placesOf(init: Uint8Array): Places {
  const starts: number[] = []
  let moovEnd = 0
  let handler = ''
  let boxes: Iterable<Box> = topLevelBoxes(init)
  for (const type of PATH) {
    const siblings = [...boxes]
    const handlerBox = siblings.find((box) => box.type === 'hdlr')
    if (handlerBox !== undefined) handler = readHandler(handlerBox)
    const found = siblings.filter((box) => box.type === type)
    const [box] = found
    if (box === undefined || found.length > 1) throw formError(`one ${type}`)
    starts.push(box.body.offset - BOX_HEADER_BYTES)
    if (type === 'moov') moovEnd = box.body.offset + box.body.remaining
    if (type === 'stsd') {
      readFullBoxHeader(box.body)
      box.body.skip(4)
    }
    boxes = childBoxes(box)
  }
  const [entry, ...others] = boxes
  if (entry === undefined || others.length > 0) throw formError('one sample entry')
  const end = entry.body.offset + entry.body.remaining
  return { starts, moovEnd, handler, entry: { start: entry.body.offset - BOX_HEADER_BYTES, end } }
}

function readHandler({ body }: Box): string {
  readFullBoxHeader(body)
  body.skip(4) // pre_defined
  return body.latin1(4)
}

function formError(expected: string): FormatError {
  return new FormatError('ERR_MP4_FRAGMENT_FORM', `expected an init segment with ${expected}, found another`)
}
