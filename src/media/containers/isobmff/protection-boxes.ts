/** Boxes of Common Encryption in tracks and fragments: ISO/IEC 23001-7 sections 7, 8.2 and 12; sample groups: ISO/IEC 14496-12 section 8.9. */
import type { ByteWriter } from '../../bytes/byte-writer.ts'
import { BLOCK_BYTES, type ProtectionPattern, type ProtectionScheme, type Subsample } from '../../protection/scheme.ts'
import type { KeyId } from '../../protection/systems.ts'
import { writeBox, writeFullBox } from './box.ts'

const SCHEME_VERSION = 0x1_0000
const FULL_BOX = { version: 0, flags: 0 }
const FULL_BOX_BYTES = 12
/** Of `senc`: the samples have ranges. */
const USE_SUBSAMPLES = 0x2
const COUNT_BYTES = 2
const RANGE_BYTES = 6
/** Index of the first group that is described in the fragment itself. */
const FIRST_LOCAL_GROUP = 0x1_0001
const SEIG_BYTES = 20

/** How the samples of a track, or of a group in it, are protected. */
export interface TrackProtection {
  readonly scheme: ProtectionScheme
  readonly pattern: ProtectionPattern
  readonly keyId: KeyId
  /** The same for all samples, 16 bytes; without it each sample has its own of 8. */
  readonly constantIv?: Uint8Array
}

/** How the samples of one fragment are protected. */
export interface FragmentProtection {
  /** One for each sample, 8 bytes; none where the IV is constant. */
  readonly ivs: readonly Uint8Array[]
  /** One for each sample; `undefined`: whole samples. */
  readonly subsamples: readonly (readonly Subsample[])[] | undefined
  /** Other than the track says: another key, or `clear` for a stretch that is not protected, without IVs and ranges. */
  readonly group?: TrackProtection | 'clear'
}

/** `sinf`, the last box of a sample entry of type `encv` or `enca`. `format` is the type the entry has in the clear. */
export function writeProtectionInformation(writer: ByteWriter, format: string, protection: TrackProtection): void {
  writeBox(writer, 'sinf', () => {
    writeBox(writer, 'frma', () => void writer.latin1(format))
    writeFullBox(writer, 'schm', FULL_BOX, () => void writer.latin1(protection.scheme).u32(SCHEME_VERSION))
    writeBox(writer, 'schi', () => writeTrackEncryption(writer, protection))
  })
}

/** `tenc`. */
function writeTrackEncryption(writer: ByteWriter, protection: TrackProtection): void {
  const version = protection.scheme === 'cbcs' ? 1 : 0
  writeFullBox(writer, 'tenc', { version, flags: 0 }, () => {
    writer.u8(0)
    writeEncryptionFields(writer, protection)
  })
}

/** What `tenc` and `seig` have in common, from the pattern to the IV. */
function writeEncryptionFields(
  writer: ByteWriter,
  { pattern, keyId, constantIv, scheme }: TrackProtection,
  isProtected = true,
): void {
  writer
    .u8(scheme === 'cbcs' ? pattern.crypt * 16 + pattern.skip : 0)
    .u8(isProtected ? 1 : 0)
    .u8(!isProtected || constantIv !== undefined ? 0 : 8)
    .bytes(keyId)
  if (isProtected && constantIv !== undefined) writer.u8(constantIv.byteLength).bytes(constantIv)
}

/** Bytes that `writeFragmentProtection` will write into a `traf`. */
export function fragmentProtectionBytes(protection: FragmentProtection): number {
  const { group } = protection
  const sizes = auxiliarySizes(protection)
  let bytes = group === 'clear' ? 0 : FULL_BOX_BYTES + 4 + sizes.reduce((sum, size) => sum + size, 0) // senc
  if (hasAuxiliary(protection)) {
    bytes += FULL_BOX_BYTES + 5 + (sameSize(sizes) === undefined ? sizes.length : 0) // saiz
    bytes += FULL_BOX_BYTES + 8 // saio
  }
  if (group !== undefined) bytes += FULL_BOX_BYTES + 12 + groupEntryBytes(group) + FULL_BOX_BYTES + 16
  return bytes
}

/** Where protection is written. */
export interface FragmentProtectionPlace {
  /** Of the `moof`, in what the writer has. */
  readonly moofStart: number
  /** Of the fragment. */
  readonly samples: number
}

/** `saiz`, `saio`, `senc`, `sgpd` and `sbgp`; of a clear fragment the last two. */
export function writeFragmentProtection(
  writer: ByteWriter,
  protection: FragmentProtection,
  { moofStart, samples }: FragmentProtectionPlace,
): void {
  let offsetAt: number | undefined
  if (hasAuxiliary(protection)) {
    const sizes = auxiliarySizes(protection)
    const same = sameSize(sizes)
    writeFullBox(writer, 'saiz', FULL_BOX, () => {
      writer.u8(same ?? 0).u32(sizes.length)
      if (same === undefined) for (const size of sizes) writer.u8(size)
    })
    writeFullBox(writer, 'saio', FULL_BOX, () => {
      writer.u32(1)
      offsetAt = writer.reserve(4)
    })
  }
  // Behind the header and the count.
  if (offsetAt !== undefined) writer.patchU32(offsetAt, writer.length + FULL_BOX_BYTES + 4 - moofStart)
  if (protection.group !== 'clear') writeSampleEncryption(writer, protection)
  if (protection.group !== undefined) writeSampleGroup(writer, protection.group, samples)
}

function writeSampleEncryption(writer: ByteWriter, protection: FragmentProtection): void {
  const { ivs, subsamples } = protection
  writeFullBox(writer, 'senc', { version: 0, flags: subsamples === undefined ? 0 : USE_SUBSAMPLES }, () => {
    const count = sampleCount(protection)
    writer.u32(hasAuxiliary(protection) ? count : 0)
    for (let i = 0; i < count; i++) {
      const iv = ivs[i]
      if (iv !== undefined) writer.bytes(iv)
      const ranges = subsamples?.[i]
      if (ranges === undefined) continue
      writer.u16(ranges.length)
      for (const { clear, protected: length } of ranges) writer.u16(clear).u32(length)
    }
  })
}

/** `sgpd` with one description, and `sbgp` that puts all samples of the fragment under it. */
function writeSampleGroup(writer: ByteWriter, group: TrackProtection | 'clear', samples: number): void {
  writeFullBox(writer, 'sgpd', { version: 1, flags: 0 }, () => {
    writer.latin1('seig').u32(groupEntryBytes(group)).u32(1)
    writer.u8(0)
    writeEncryptionFields(writer, group === 'clear' ? CLEAR : group, group !== 'clear')
  })
  writeFullBox(writer, 'sbgp', FULL_BOX, () => {
    writer.latin1('seig').u32(1).u32(samples).u32(FIRST_LOCAL_GROUP)
  })
}

const CLEAR: TrackProtection = {
  scheme: 'cenc',
  pattern: { crypt: 0, skip: 0 },
  keyId: new Uint8Array(BLOCK_BYTES),
}

function groupEntryBytes(group: TrackProtection | 'clear'): number {
  return SEIG_BYTES + (group === 'clear' || group.constantIv === undefined ? 0 : 1 + group.constantIv.byteLength)
}

/** Whole samples under a constant IV need nothing of their own. */
function hasAuxiliary({ ivs, subsamples }: FragmentProtection): boolean {
  return ivs.length > 0 || subsamples !== undefined
}

function sampleCount({ ivs, subsamples }: FragmentProtection): number {
  return subsamples?.length ?? ivs.length
}

/** Bytes of each sample's IV and ranges. */
function auxiliarySizes(protection: FragmentProtection): number[] {
  const { ivs, subsamples } = protection
  return Array.from({ length: sampleCount(protection) }, (_, i) => {
    const ranges = subsamples?.[i]
    return (ivs[i]?.byteLength ?? 0) + (ranges === undefined ? 0 : COUNT_BYTES + RANGE_BYTES * ranges.length)
  })
}

function sameSize(sizes: readonly number[]): number | undefined {
  const [first = 0] = sizes
  return sizes.every((size) => size === first) ? first : undefined
}
