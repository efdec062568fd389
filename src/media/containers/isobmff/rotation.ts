/** How a picture is turned before it is shown: the matrix of `tkhd`, as phones write it (ISO/IEC 14496-12 section 8.3.2). */
import type { ByteReader } from '../../bytes/byte-reader.ts'
import type { ByteWriter } from '../../bytes/byte-writer.ts'

/** Degrees clockwise; left out for pictures that are shown as they are. */
export type Rotation = 90 | 180 | 270

/** 1.0 in 16.16, and in 2.30. */
const ONE = 0x1_0000
const UNIT = 0x4000_0000
const MATRIX_BYTES = 36
/** The four values that turn: a, b, c, d. */
const TURNS: ReadonlyMap<Rotation, readonly [number, number, number, number]> = new Map([
  [90, [0, ONE, -ONE, 0]],
  [180, [-ONE, 0, 0, -ONE]],
  [270, [0, -ONE, ONE, 0]],
])

/** `undefined` for the unity matrix, and for those that mirror, shear or scale, which players do not follow alike. */
export function readMatrix(body: ByteReader): Rotation | undefined {
  if (body.remaining < MATRIX_BYTES) return undefined
  const values = Array.from({ length: 9 }, () => body.i32())
  const [a, b, , c, d] = values
  for (const [rotation, turn] of TURNS) {
    if ([a, b, c, d].every((value, i) => value === turn[i])) return rotation
  }
  return undefined
}

/** A turned picture stays in the positive quarter by its size. */
export function writeMatrix(
  writer: ByteWriter,
  picture: { readonly width: number; readonly height: number; readonly rotation?: Rotation | undefined } = {
    width: 0,
    height: 0,
  },
): void {
  const { width, height, rotation } = picture
  const [a, b, c, d] = (rotation === undefined ? undefined : TURNS.get(rotation)) ?? [ONE, 0, 0, ONE]
  const x = rotation === 90 ? height : rotation === 180 ? width : 0
  const y = rotation === 270 ? width : rotation === 180 ? height : 0
  writer.i32(a).i32(b).u32(0).i32(c).i32(d).u32(0)
  writer
    .u32(Math.min(x, 0x7fff) * ONE)
    .u32(Math.min(y, 0x7fff) * ONE)
    .u32(UNIT)
}
