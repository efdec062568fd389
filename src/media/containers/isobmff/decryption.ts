/**
 * What is needed to decrypt fragmented movies under Common Encryption, from the boxes of init segment and fragments (ISO/IEC 23001-7 sections 7
 * and 8). Everything is done in place: boxes of protection become `free`, so that no offset changes.
 */
import { FormatError } from '../../../errors.ts'
import { ByteReader } from '../../bytes/byte-reader.ts'
import { BLOCK_BYTES, type ProtectionPattern, type ProtectionScheme, type Subsample } from '../../protection/scheme.ts'
import type { KeyId } from '../../protection/systems.ts'
import { type Box, childBoxes, readFullBoxHeader, topLevelBoxes } from './box.ts'
import { FragmentReader } from './fragment-reader.ts'
import type { Movie } from './movie.ts'

/** How samples are protected: of a track (`tenc`), or of a group of samples (`seig`). */
export interface SampleProtection {
  readonly isProtected: boolean
  readonly pattern: ProtectionPattern
  readonly keyId: KeyId
  /** Bytes of each sample's own IV; 0: it is constant. */
  readonly ivBytes: number
  readonly constantIv: Uint8Array | undefined
}

export interface ProtectedTrack {
  /** track_ID. */
  readonly trackId: number
  readonly scheme: ProtectionScheme
  readonly protection: SampleProtection
}

/** A sample to be decrypted: its bytes are a view of the segment. */
export interface EncryptedSample {
  /** track_ID. */
  readonly trackId: number
  readonly bytes: Uint8Array
  readonly scheme: ProtectionScheme
  readonly pattern: ProtectionPattern
  readonly keyId: KeyId
  /** 8 or 16 bytes. */
  readonly iv: Uint8Array
  /** `undefined`: all of it. */
  readonly ranges: readonly Subsample[] | undefined
}

const SCHEMES: ReadonlySet<string> = new Set<ProtectionScheme>(['cenc', 'cbcs'])
const USE_SUBSAMPLES = 0x2
/** Bytes of a sample entry before its boxes: of pictures, and of sound. */
const VISUAL_ENTRY_BYTES = 78
const AUDIO_ENTRY_BYTES = 28
/** Boxes of fragments that say nothing once the samples are clear. */
const FRAGMENT_BOXES: ReadonlySet<string> = new Set(['senc', 'saiz', 'saio'])
const GROUP_BOXES: ReadonlySet<string> = new Set(['sgpd', 'sbgp'])
const FIRST_LOCAL_GROUP = 0x1_0001
const BOX_HEADER_BYTES = 8

/** The protected tracks of an init segment, which is changed into a clear one in place. Throws FormatError for a scheme that is not known. */
export function clearInitSegment(init: Uint8Array): readonly ProtectedTrack[] {
  const found: ProtectedTrack[] = []
  for (const moov of topLevelBoxes(init)) {
    if (moov.type !== 'moov') continue
    for (const box of childBoxes(moov)) {
      if (box.type === 'pssh') rename(init, box, 'free')
      if (box.type !== 'trak') continue
      const track = clearTrack(init, box)
      if (track !== undefined) found.push(track)
    }
  }
  return found
}

/**
 * The samples of a segment that are to be decrypted, in its order; what marks them as protected is changed in place. `movie` is of the clear init
 * segment. Throws FormatError for boxes that break their form or do not fit the samples.
 */
export function encryptedSamples(
  segment: Uint8Array,
  movie: Movie,
  tracks: readonly ProtectedTrack[],
): EncryptedSample[] {
  const reader = new FragmentReader(movie)
  const samples: EncryptedSample[] = []
  for (const moof of topLevelBoxes(segment)) {
    if (moof.type !== 'moof') continue
    const start = moof.body.offset - BOX_HEADER_BYTES
    const again: Box = { ...moof, body: new ByteReader(moof.body.bytes, moof.body.offset) }
    const locations = reader.read(again, start)
    for (const box of childBoxes(moof)) {
      if (box.type === 'pssh') rename(segment, box, 'free')
      if (box.type !== 'traf') continue
      const { trackId, auxiliary, groups } = readTrackFragment(segment, box, locations.length)
      const track = tracks.find((candidate) => candidate.trackId === trackId)
      if (track === undefined) continue
      const own = locations.filter(({ movieTrack }) => movieTrack.trackId === trackId)
      const protections = own.map((_, i) => groups[i] ?? track.protection)
      const entries = readAuxiliary(auxiliary, protections)
      for (const [i, { offset, size }] of own.entries()) {
        const entry = entries[i]
        if (entry === undefined) continue
        if (offset + size > segment.byteLength) throw broken('samples within the segment', start)
        const { iv, ranges } = entry
        if (ranges !== undefined && sumOf(ranges) !== size) throw broken('ranges that add up to the sample', start)
        const { scheme } = track
        const { pattern, keyId } = protections[i] as SampleProtection
        samples.push({ trackId, bytes: segment.subarray(offset, offset + size), scheme, pattern, keyId, iv, ranges })
      }
    }
  }
  return samples
}

function clearTrack(init: Uint8Array, trak: Box): ProtectedTrack | undefined {
  let trackId = 0
  let found: Omit<ProtectedTrack, 'trackId'> | undefined
  const walk = (parent: Box) => {
    for (const box of childBoxes(parent)) {
      if (box.type === 'tkhd') {
        const { version } = readFullBoxHeader(box.body)
        box.body.skip(version === 1 ? 16 : 8)
        trackId = box.body.u32()
      } else if (box.type === 'stsd') {
        box.body.skip(8)
        for (const entry of childBoxes(box)) found = clearEntry(init, entry) ?? found
      } else if (box.type === 'mdia' || box.type === 'minf' || box.type === 'stbl') walk(box)
    }
  }
  walk(trak)
  return found === undefined ? undefined : { trackId, ...found }
}

function clearEntry(init: Uint8Array, entry: Box): Omit<ProtectedTrack, 'trackId'> | undefined {
  const fieldBytes = entry.type === 'encv' ? VISUAL_ENTRY_BYTES : entry.type === 'enca' ? AUDIO_ENTRY_BYTES : undefined
  if (fieldBytes === undefined) return undefined
  entry.body.skip(fieldBytes)
  for (const box of childBoxes(entry)) {
    if (box.type !== 'sinf') continue
    rename(init, box, 'free')
    const { format, ...protection } = readInformation(box)
    rename(init, entry, format)
    return protection
  }
  throw broken('sinf in a protected sample entry', entry.body.offset)
}

function readInformation(sinf: Box): Omit<ProtectedTrack, 'trackId'> & { readonly format: string } {
  let format: string | undefined
  let scheme: string | undefined
  let protection: SampleProtection | undefined
  for (const box of childBoxes(sinf)) {
    if (box.type === 'frma') format = box.body.latin1(4)
    if (box.type === 'schm') {
      box.body.skip(4)
      scheme = box.body.latin1(4)
    }
    if (box.type !== 'schi') continue
    for (const inner of childBoxes(box)) {
      if (inner.type !== 'tenc') continue
      const { version } = readFullBoxHeader(inner.body)
      inner.body.skip(1)
      protection = readProtection(inner.body, version > 0)
    }
  }
  if (format === undefined || protection === undefined || scheme === undefined || !SCHEMES.has(scheme)) {
    throw broken(`frma, tenc and a scheme of ${[...SCHEMES].join(', ')}`, sinf.body.offset)
  }
  return { format, scheme: scheme as ProtectionScheme, protection }
}

/** What `tenc` and `seig` have in common, from the pattern on. */
function readProtection(body: ByteReader, hasPattern: boolean): SampleProtection {
  const blocks = body.u8()
  const isProtected = body.u8() === 1
  const ivBytes = body.u8()
  const keyId = body.view(BLOCK_BYTES)
  let constantIv: Uint8Array | undefined
  if (isProtected && ivBytes === 0) {
    const length = body.u8()
    if (length !== 8 && length !== BLOCK_BYTES) throw broken('a constant IV of 8 or 16 bytes', body.offset)
    constantIv = body.view(length)
  } else if (isProtected && ivBytes !== 8 && ivBytes !== BLOCK_BYTES) throw broken('IVs of 8 or 16 bytes', body.offset)
  const pattern = hasPattern ? { crypt: blocks >> 4, skip: blocks & 15 } : { crypt: 0, skip: 0 }
  return { isProtected, pattern, keyId, ivBytes, constantIv }
}

interface TrackFragment {
  readonly trackId: number
  /** Content of `senc`. */
  readonly auxiliary: ByteReader | undefined
  /** The group of each sample; `undefined`: as its track says. */
  readonly groups: readonly (SampleProtection | undefined)[]
}

function readTrackFragment(segment: Uint8Array, traf: Box, samples: number): TrackFragment {
  let trackId = 0
  let auxiliary: ByteReader | undefined
  let descriptions: readonly SampleProtection[] = []
  let indexes: readonly number[] = []
  for (const box of childBoxes(traf)) {
    if (box.type === 'tfhd') {
      box.body.skip(4)
      trackId = box.body.u32()
    }
    if (FRAGMENT_BOXES.has(box.type)) {
      if (box.type === 'senc') auxiliary = box.body
      rename(segment, box, 'free')
    }
    if (!GROUP_BOXES.has(box.type)) continue
    const { version } = readFullBoxHeader(box.body)
    if (box.body.latin1(4) !== 'seig') continue
    rename(segment, box, 'free')
    if (box.type === 'sgpd') descriptions = readDescriptions(box.body, version)
    else indexes = readGroupIndexes(box.body, version, samples)
  }
  const groups = indexes.map((index) => {
    if (index === 0) return undefined
    const group = descriptions[index - FIRST_LOCAL_GROUP]
    if (group === undefined) throw broken('groups that the fragment describes itself', traf.body.offset)
    return group
  })
  return { trackId, auxiliary, groups }
}

/** `sgpd`: as many descriptions as there are bytes for. */
function readDescriptions(body: ByteReader, version: number): SampleProtection[] {
  const length = version > 0 ? body.u32() : 0
  const count = body.u32()
  const descriptions: SampleProtection[] = []
  while (descriptions.length < count) {
    // Without a length, and so without more than one, in version 0.
    const own = version === 0 ? body.remaining : length === 0 ? body.u32() : length
    const entry = new ByteReader(body.view(own), body.offset)
    entry.skip(1)
    descriptions.push(readProtection(entry, true))
  }
  return descriptions
}

/** `sbgp`: the index of each sample, 0 where it is in no group. */
function readGroupIndexes(body: ByteReader, version: number, samples: number): number[] {
  if (version > 0) body.skip(4) // grouping_type_parameter
  const runs = body.u32()
  const indexes: number[] = []
  for (let run = 0; run < runs; run++) {
    const count = body.u32()
    const index = body.u32()
    if (count > samples - indexes.length) throw broken(`groups of ${samples} samples`, body.offset)
    for (let i = 0; i < count; i++) indexes.push(index)
  }
  return indexes
}

interface SampleEntry {
  readonly iv: Uint8Array
  readonly ranges: readonly Subsample[] | undefined
}

/** What `senc` says of each sample; `undefined`: it is clear. */
function readAuxiliary(
  body: ByteReader | undefined,
  protections: readonly SampleProtection[],
): (SampleEntry | undefined)[] {
  const header = body === undefined || body.remaining < 8 ? undefined : readFullBoxHeader(body)
  const told = header === undefined ? 0 : (body?.u32() ?? 0)
  if (told !== 0 && told !== protections.length)
    throw broken(`${protections.length} samples in senc`, body?.offset ?? 0)
  return protections.map(({ isProtected, constantIv, ivBytes }) => {
    if (told === 0 || body === undefined || header === undefined) {
      if (!isProtected) return undefined
      // Whole samples under a constant IV need nothing of their own.
      if (constantIv === undefined) throw broken('senc with an IV for each sample', body?.offset ?? 0)
      return { iv: constantIv, ranges: undefined }
    }
    const iv = body.view(ivBytes)
    const ranges = (header.flags & USE_SUBSAMPLES) === 0 ? undefined : readRanges(body)
    return isProtected ? { iv: constantIv ?? iv, ranges } : undefined
  })
}

function readRanges(body: ByteReader): Subsample[] {
  return Array.from({ length: body.u16() }, () => ({ clear: body.u16(), protected: body.u32() }))
}

function sumOf(ranges: readonly Subsample[]): number {
  return ranges.reduce((sum, range) => sum + range.clear + range.protected, 0)
}

/** Only boxes with headers of 8 bytes have to be renamed. */
function rename(bytes: Uint8Array, box: Box, type: string): void {
  const at = box.body.offset - box.body.position - 4
  for (let i = 0; i < 4; i++) bytes[at + i] = type.charCodeAt(i)
}

function broken(expected: string, offset: number): FormatError {
  return new FormatError('ERR_MP4_PROTECTION', `expected ${expected}, found another`, offset)
}
