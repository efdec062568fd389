/** BITMAPINFOHEADER, which describes pictures in ASF and AVI (Microsoft wingdi.h; ASF 1.20 section 9.2), and the FourCCs carried here. */
import { FormatError } from '../../../errors.ts'
import { ByteReader } from '../../bytes/byte-reader.ts'
import { ByteWriter } from '../../bytes/byte-writer.ts'
import type { WindowsMediaVideoCodec } from '../../track.ts'

/** Without what codecs append. */
export const BITMAP_INFO_LENGTH = 40
/** Extra bytes of a format: parameter sets, at most. */
export const MAX_BITMAP_EXTRA = 65_535 - BITMAP_INFO_LENGTH
const PLANES = 1
const BITS_PER_PIXEL = 24

export interface BitmapInfo {
  readonly width: number
  /** Negative where the first row is the top one. */
  readonly height: number
  readonly planes: number
  readonly bitsPerPixel: number
  /** Four characters. */
  readonly fourCc: string
  readonly imageSize: number
  readonly horizontalPixelsPerMetre: number
  readonly verticalPixelsPerMetre: number
  readonly colors: number
  readonly importantColors: number
  /** What the codec appends; a view. */
  readonly extra: Uint8Array
}

/** Reads the structure and everything behind it. Throws FormatError when it is cut short. */
export function readBitmapInfo(bytes: Uint8Array): BitmapInfo {
  const reader = new ByteReader(bytes)
  const size = reader.u32le()
  if (size < BITMAP_INFO_LENGTH) {
    throw new FormatError(
      'ERR_CODEC_CONFIG',
      `expected a BITMAPINFOHEADER of ${BITMAP_INFO_LENGTH} bytes, found ${size}`,
      0,
    )
  }
  const info = {
    width: reader.i32le(),
    height: reader.i32le(),
    planes: reader.u16le(),
    bitsPerPixel: reader.u16le(),
    fourCc: reader.latin1(4),
    imageSize: reader.u32le(),
    horizontalPixelsPerMetre: reader.u32le(),
    verticalPixelsPerMetre: reader.u32le(),
    colors: reader.u32le(),
    importantColors: reader.u32le(),
  }
  if (reader.remaining > MAX_BITMAP_EXTRA) {
    throw new FormatError('ERR_CODEC_CONFIG', `expected at most ${MAX_BITMAP_EXTRA} extra bytes`, BITMAP_INFO_LENGTH)
  }
  // Some writers leave the extra bytes out of the size, some count them: what is there tells.
  return { ...info, extra: reader.rest() }
}

export function writeBitmapInfo(info: BitmapInfo): Uint8Array {
  const size = BITMAP_INFO_LENGTH + info.extra.byteLength
  const writer = new ByteWriter(size)
  writer
    .u32le(size)
    .u32le(info.width >>> 0)
    .u32le(info.height >>> 0)
    .u16le(info.planes)
    .u16le(info.bitsPerPixel)
  writer.latin1(info.fourCc).u32le(info.imageSize)
  writer.u32le(info.horizontalPixelsPerMetre).u32le(info.verticalPixelsPerMetre)
  return writer.u32le(info.colors).u32le(info.importantColors).bytes(info.extra).toBytes()
}

/** The structure for a coded picture of this size. */
export function bitmapInfoOf(fourCc: string, size: { width: number; height: number }, extra: Uint8Array): BitmapInfo {
  const { width, height } = size
  return {
    width,
    height,
    planes: PLANES,
    bitsPerPixel: BITS_PER_PIXEL,
    fourCc,
    imageSize: Math.min(width * height * 3, 0xffff_ffff),
    horizontalPixelsPerMetre: 0,
    verticalPixelsPerMetre: 0,
    colors: 0,
    importantColors: 0,
    extra,
  }
}

const FOUR_CC_OF = {
  msmpeg4v2: 'MP42',
  msmpeg4v3: 'MP43',
  wmv1: 'WMV1',
  wmv2: 'WMV2',
  wmv3: 'WMV3',
  vc1: 'WVC1',
} as const satisfies Record<WindowsMediaVideoCodec, string>
/** `WMVA` is what the advanced profile was called before it was finished; `DIV3` and `DIV4` are what it says in copied files. */
const OTHER_FOUR_CCS = [
  ['WMVA', 'vc1'],
  ['VC-1', 'vc1'],
  ['DIV3', 'msmpeg4v3'],
  ['DIV4', 'msmpeg4v3'],
  ['MPG3', 'msmpeg4v3'],
  ['DIV2', 'msmpeg4v2'],
] as const
const CODEC_OF: ReadonlyMap<string, WindowsMediaVideoCodec> = new Map<string, WindowsMediaVideoCodec>([
  ...(Object.keys(FOUR_CC_OF) as WindowsMediaVideoCodec[]).map((codec) => [FOUR_CC_OF[codec], codec] as const),
  ...OTHER_FOUR_CCS,
])

/** `undefined` for FourCCs that are no Windows Media video; case does not count. */
export function wmvCodecOf(fourCc: string): WindowsMediaVideoCodec | undefined {
  return CODEC_OF.get(fourCc.toUpperCase())
}

export function wmvFourCc(codec: WindowsMediaVideoCodec): string {
  return FOUR_CC_OF[codec]
}
