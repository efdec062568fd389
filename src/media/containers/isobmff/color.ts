/** Colour boxes of a video sample entry: `colr`, `mdcv`, `clli` (ISO/IEC 14496-12 section 12.1.5 to 12.1.7). */
import type { ByteReader } from '../../bytes/byte-reader.ts'
import type { ByteWriter } from '../../bytes/byte-writer.ts'
import type { ColorInfo } from '../../track.ts'
import { type Box, writeBox } from './box.ts'

/** Code point of ISO/IEC 23091-2 for "unspecified", of primaries, transfer and matrix. */
const UNSPECIFIED = 2
/** Chromaticities count 0.00002, luminances 0.0001 cd/m². */
const CHROMATICITY_SCALE = 50_000
const LUMINANCE_SCALE = 10_000
const MAX_U16 = 0xffff
const MAX_U32 = 0xffff_ffff

type Mastering = NonNullable<ColorInfo['mastering']>

/** Writes the boxes for what `color` tells; nothing for what it does not. */
export function writeColorBoxes(writer: ByteWriter, color: ColorInfo): void {
  const { primaries, transfer, matrix, fullRange, mastering, contentLight } = color
  if (primaries !== undefined || transfer !== undefined || matrix !== undefined || fullRange !== undefined) {
    writeBox(writer, 'colr', () => {
      writer
        .latin1('nclx')
        .u16(primaries ?? UNSPECIFIED)
        .u16(transfer ?? UNSPECIFIED)
        .u16(matrix ?? UNSPECIFIED)
        .u8(fullRange === true ? 0x80 : 0)
    })
  }
  if (mastering !== undefined) writeBox(writer, 'mdcv', () => writeMastering(writer, mastering))
  if (contentLight !== undefined) {
    writeBox(writer, 'clli', () => {
      writer.u16(scaled(contentLight.maxCll, 1, MAX_U16)).u16(scaled(contentLight.maxFall, 1, MAX_U16))
    })
  }
}

/** What one child of a sample entry tells of the colour; `undefined` when it is no colour box or of a kind we do not read. */
export function readColorBox(box: Box): ColorInfo | undefined {
  const { body } = box
  switch (box.type) {
    case 'colr':
      return readColr(body)
    case 'mdcv':
      return { mastering: readMastering(body) }
    case 'clli':
      return { contentLight: { maxCll: body.u16(), maxFall: body.u16() } }
    default:
      return undefined
  }
}

function readColr(reader: ByteReader): ColorInfo | undefined {
  const kind = reader.latin1(4)
  // `nclc` is QuickTime's older form, without the range.
  if (kind !== 'nclx' && kind !== 'nclc') return undefined
  const color = {
    primaries: reader.u16(),
    transfer: reader.u16(),
    matrix: reader.u16(),
  }
  return kind === 'nclx' ? { ...color, fullRange: (reader.u8() & 0x80) !== 0 } : color
}

function writeMastering(writer: ByteWriter, mastering: Mastering): void {
  for (const point of [mastering.green, mastering.blue, mastering.red, mastering.whitePoint]) {
    writer.u16(scaled(point[0], CHROMATICITY_SCALE, MAX_U16)).u16(scaled(point[1], CHROMATICITY_SCALE, MAX_U16))
  }
  writer
    .u32(scaled(mastering.maxLuminance, LUMINANCE_SCALE, MAX_U32))
    .u32(scaled(mastering.minLuminance, LUMINANCE_SCALE, MAX_U32))
}

function readMastering(reader: ByteReader): Mastering {
  const point = (): readonly [number, number] => [reader.u16() / CHROMATICITY_SCALE, reader.u16() / CHROMATICITY_SCALE]
  const green = point()
  const blue = point()
  const red = point()
  const whitePoint = point()
  return {
    red,
    green,
    blue,
    whitePoint,
    maxLuminance: reader.u32() / LUMINANCE_SCALE,
    minLuminance: reader.u32() / LUMINANCE_SCALE,
  }
}

function scaled(value: number, scale: number, limit: number): number {
  return Math.max(0, Math.min(limit, Math.round(value * scale)))
}
