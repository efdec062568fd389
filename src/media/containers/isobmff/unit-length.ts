/** Length-prefixed units of H.264 and H.265 with lengths of other than four bytes, made to four (ISO/IEC 14496-15 section 5.3.3 and 8.3.2). */
import { FormatError } from '../../../errors.ts'
import type { Codec } from '../../track.ts'

/** Where `lengthSizeMinusOne` stands in avcC and hvcC, in the low two bits. */
const LENGTH_SIZE_AT: Partial<Record<Codec, number>> = { h264: 4, h265: 21 }

/**
 * The configuration with the length size that packets have inside the server, and the one that the file's samples have
 * (`undefined`: the codec has no units). Returns `config` itself where nothing changes.
 */
export function canonicalConfig(
  codec: Codec,
  config: Uint8Array | undefined,
): { readonly config: Uint8Array | undefined; readonly unitLengthBytes: number | undefined } {
  const at = LENGTH_SIZE_AT[codec]
  const byte = at === undefined ? undefined : config?.[at]
  if (at === undefined || config === undefined || byte === undefined) return { config, unitLengthBytes: undefined }
  const unitLengthBytes = (byte & 3) + 1
  if (unitLengthBytes === 4) return { config, unitLengthBytes }
  const changed = config.slice()
  changed[at] = byte | 3
  return { config: changed, unitLengthBytes }
}

/** A sample with four bytes before each unit; `sample` itself when it has them already. Throws ERR_MP4_UNIT_LENGTH. */
export function canonicalSample(sample: Uint8Array, unitLengthBytes: number | undefined): Uint8Array {
  if (unitLengthBytes === undefined || unitLengthBytes === 4) return sample
  let units = 0
  for (const { end } of unitsOf(sample, unitLengthBytes)) units += end >= 0 ? 1 : 0
  const result = new Uint8Array(sample.byteLength + units * (4 - unitLengthBytes))
  const view = new DataView(result.buffer)
  let position = 0
  for (const { start, end } of unitsOf(sample, unitLengthBytes)) {
    view.setUint32(position, end - start)
    result.set(sample.subarray(start, end), position + 4)
    position += 4 + end - start
  }
  return result
}

function* unitsOf(sample: Uint8Array, lengthBytes: number): Generator<{ start: number; end: number }, void, undefined> {
  let position = 0
  while (position < sample.byteLength) {
    let length = 0
    for (let i = 0; i < lengthBytes; i++) length = length * 256 + (sample[position + i] ?? 0)
    const start = position + lengthBytes
    const end = start + length
    if (end > sample.byteLength) {
      throw new FormatError(
        'ERR_MP4_UNIT_LENGTH',
        `expected a unit of at most ${Math.max(0, sample.byteLength - start)} bytes, found ${length}`,
      )
    }
    yield { start, end }
    position = end
  }
}
