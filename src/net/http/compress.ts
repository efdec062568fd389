/** Content coding of answers: gzip, and when a client wants it (RFC 9110 section 12.5.3). */
import { constants, gzipSync } from 'node:zlib'

/** A body below this size, bytes, does not get smaller by gzip in a way that pays. */
const MIN_GZIP_BYTES = 200

/** Does an `Accept-Encoding` value allow gzip? */
export function acceptsGzip(value: string | undefined): boolean {
  if (value === undefined) return false
  for (const item of value.toLowerCase().split(',')) {
    const [coding, ...parameters] = item.split(';')
    const name = coding?.trim()
    if (name !== 'gzip' && name !== 'x-gzip') continue
    return !parameters.some((parameter) => /^\s*q\s*=\s*0(\.0{0,3})?\s*$/.test(parameter))
  }
  return false
}

/** The body in gzip form, or `undefined` when it would not be at least a tenth smaller. `level` 1 (fast) to 9 (small). */
export function gzipBody(body: Uint8Array, level = 6): Uint8Array | undefined {
  if (body.byteLength < MIN_GZIP_BYTES) return undefined
  const packed = gzipSync(body, { level: Math.min(Math.max(level, 1), constants.Z_BEST_COMPRESSION) })
  return packed.byteLength < body.byteLength * 0.9 ? packed : undefined
}
