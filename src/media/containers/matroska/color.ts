/** The Colour element (RFC 9559 section 5.1.4.1.28.16): the code points of ISO/IEC 23091-2, luminances and chromaticities. */
import type { ByteReader } from '../../bytes/byte-reader.ts'
import type { ColorInfo } from '../../track.ts'
import { childElements, floatOf, uintOf } from './ebml.ts'
import { ID } from './element-id.ts'

/** Code point for "unspecified". */
const UNSPECIFIED = 2
const RANGE = { BROADCAST: 1, FULL: 2 } as const

type Mastering = NonNullable<ColorInfo['mastering']>

/** What the element says; "unspecified" is left out. Throws FormatError where it is broken. */
export function colorOf(colour: ByteReader): ColorInfo {
  const values = new Map<number, number>()
  let mastering: Mastering | undefined
  for (const { id, body } of childElements(colour)) {
    if (id === ID.MASTERING_METADATA) mastering = masteringOf(body)
    else if (VALUES.has(id)) values.set(id, uintOf(body))
  }
  const codePoint = (id: number): number | undefined => {
    const value = values.get(id)
    return value === UNSPECIFIED || value === undefined || value > 255 ? undefined : value
  }
  const bitDepth = values.get(ID.BITS_PER_CHANNEL)
  const primaries = codePoint(ID.PRIMARIES)
  const transfer = codePoint(ID.TRANSFER_CHARACTERISTICS)
  const matrix = codePoint(ID.MATRIX_COEFFICIENTS)
  const range = values.get(ID.RANGE)
  const maxCll = values.get(ID.MAX_CLL)
  const maxFall = values.get(ID.MAX_FALL)
  return {
    ...(bitDepth !== undefined && bitDepth > 0 && bitDepth <= 16 && { bitDepth }),
    ...(primaries !== undefined && { primaries }),
    ...(transfer !== undefined && { transfer }),
    ...(matrix !== undefined && { matrix }),
    ...((range === RANGE.FULL || range === RANGE.BROADCAST) && { fullRange: range === RANGE.FULL }),
    ...(maxCll !== undefined && maxFall !== undefined && { contentLight: { maxCll, maxFall } }),
    ...(mastering !== undefined && { mastering }),
  }
}

const VALUES: ReadonlySet<number> = new Set<number>([
  ID.BITS_PER_CHANNEL,
  ID.PRIMARIES,
  ID.TRANSFER_CHARACTERISTICS,
  ID.MATRIX_COEFFICIENTS,
  ID.RANGE,
  ID.MAX_CLL,
  ID.MAX_FALL,
])

/** Of ten values; `undefined` unless all are told. */
function masteringOf(metadata: ByteReader): Mastering | undefined {
  const values: number[] = []
  for (const { id, body } of childElements(metadata)) {
    if (id >= ID.PRIMARY_R_CHROMATICITY_X && id <= ID.LUMINANCE_MIN) {
      values[id - ID.PRIMARY_R_CHROMATICITY_X] = floatOf(body)
    }
  }
  const [redX, redY, greenX, greenY, blueX, blueY, whiteX, whiteY, maxLuminance, minLuminance] = values
  const told = Object.keys(values).length === 10 && values.every((value) => Number.isFinite(value) && value >= 0)
  if (!told) return undefined
  return {
    red: [redX ?? 0, redY ?? 0],
    green: [greenX ?? 0, greenY ?? 0],
    blue: [blueX ?? 0, blueY ?? 0],
    whitePoint: [whiteX ?? 0, whiteY ?? 0],
    maxLuminance: maxLuminance ?? 0,
    minLuminance: minLuminance ?? 0,
  }
}
