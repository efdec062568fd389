/** The protection schemes of Common Encryption that are written: ISO/IEC 23001-7 sections 9 and 10. */
import type { TrackKind } from '../track.ts'

/** `cenc`: AES-128 in counter mode, whole ranges. `cbcs`: AES-128 in CBC mode, of pictures one block in ten. */
export type ProtectionScheme = 'cenc' | 'cbcs'

/** Bytes of an AES block, a key, a key id and a constant IV. */
export const BLOCK_BYTES = 16
/** Of `cenc`: bytes of the IV that each sample has; the other half of the counter block counts blocks. */
export const SAMPLE_IV_BYTES = 8

/** Blocks encrypted and left in turn. 0 and 0: no pattern, all blocks. */
export interface ProtectionPattern {
  readonly crypt: number
  readonly skip: number
}

/** Section 10.4.2: of pictures one block in ten; of sound every whole block. */
export function patternOf(scheme: ProtectionScheme, kind: TrackKind): ProtectionPattern {
  return scheme === 'cbcs' && kind === 'video' ? { crypt: 1, skip: 9 } : { crypt: 0, skip: 0 }
}

/** One run of a sample: bytes that stay clear, then bytes that are protected. */
export interface Subsample {
  readonly clear: number
  readonly protected: number
}
