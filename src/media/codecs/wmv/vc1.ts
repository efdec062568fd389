/** Sequence headers of VC-1 as `Track.config` has them: SMPTE 421M annex J (STRUCT_C, simple and main) and section 6.1 (advanced). */
import { FormatError } from '../../../errors.ts'
import { BitReader } from '../../bytes/bit-reader.ts'

/** PROFILE, in the four bits of STRUCT_C; the advanced profile has the two bits 11 there. */
export const VC1_PROFILE = { SIMPLE: 0, MAIN: 4, COMPLEX: 8, ADVANCED: 12 } as const

const SEQUENCE_START_CODE = 0x0f
const ADVANCED_IN_TWO_BITS = 3
/** STRUCT_C has 32 bits; Windows Media writes four or five bytes. */
const STRUCT_C_LENGTH = 4

export interface Vc1Sequence {
  /** One of VC1_PROFILE. */
  readonly profile: number
  /** 0 to 4 for the advanced profile; the others do not say. */
  readonly level?: number
  /** Pixels; only the advanced profile says them. */
  readonly size?: { readonly width: number; readonly height: number }
  /** B pictures in a row at most, 0 to 7; simple and main only. */
  readonly maxBFrames?: number
}

/** The four bytes of `wmv3`. Throws FormatError when they are cut short. */
export function readVc1SimpleSequence(config: Uint8Array): Vc1Sequence {
  if (config.byteLength < STRUCT_C_LENGTH) {
    throw new FormatError(
      'ERR_CODEC_CONFIG',
      `expected ${STRUCT_C_LENGTH} bytes of sequence header, found ${config.byteLength}`,
    )
  }
  const bits = new BitReader(config)
  const profile = bits.bits(4)
  // Frame rate and bit rate for post-processing, loop filter, reserved, multiresolution, reserved, fast transform, extended and
  // differential vectors, variable transform, reserved, overlap, sync marker, range reduction.
  bits.skip(3 + 5 + 1 + 1 + 1 + 1 + 1 + 1 + 2 + 1 + 1 + 1 + 1 + 1)
  return { profile, maxBFrames: bits.bits(3) }
}

/**
 * The sequence header that stands, behind its start code, in the extra bytes of `WVC1`; a byte of Windows Media may be before it.
 * Throws FormatError when there is none, or one of another profile.
 */
export function readVc1AdvancedSequence(config: Uint8Array): Vc1Sequence {
  const at = findSequence(config)
  if (at === undefined) throw new FormatError('ERR_CODEC_CONFIG', 'expected a VC-1 sequence header, found none')
  const bits = new BitReader(config.subarray(at))
  const profile = bits.bits(2)
  if (profile !== ADVANCED_IN_TWO_BITS) {
    throw new FormatError('ERR_CODEC_CONFIG', `expected the advanced profile of VC-1, found ${profile}`, at)
  }
  const level = bits.bits(3)
  // Colour difference format, frame rate and bit rate for post-processing, post-processing.
  bits.skip(2 + 3 + 5 + 1)
  const width = (bits.bits(12) + 1) * 2
  const height = (bits.bits(12) + 1) * 2
  return { profile: VC1_PROFILE.ADVANCED, level, size: { width, height } }
}

function findSequence(config: Uint8Array): number | undefined {
  for (let at = config.indexOf(SEQUENCE_START_CODE, 3); at !== -1; at = config.indexOf(SEQUENCE_START_CODE, at + 1)) {
    if (config[at - 1] === 1 && config[at - 2] === 0 && config[at - 3] === 0) return at + 1
  }
  return undefined
}
