/** Puts what decryption needs into the fragments of a clear segment, whose samples can then be encrypted in place (ISO/IEC 23001-7 section 7.2). */
import { FormatError } from '../../../errors.ts'
import { ByteReader } from '../../bytes/byte-reader.ts'
import { ByteWriter } from '../../bytes/byte-writer.ts'
import { type Box, childBoxes, readFullBoxHeader, topLevelBoxes } from './box.ts'
import { DATA_OFFSET } from './fragment-flags.ts'
import { FragmentReader, type SampleLocation } from './fragment-reader.ts'
import type { Movie } from './movie.ts'
import { type FragmentProtection, fragmentProtectionBytes, writeFragmentProtection } from './protection-boxes.ts'

const BOX_HEADER_BYTES = 8

/** A sample of a clear segment. */
export interface ClearSample {
  readonly data: Uint8Array
  readonly location: SampleLocation
}

/** A fragment that was written, with its samples as views that are to be encrypted in place. */
export interface PlacedFragment {
  readonly protection: FragmentProtection
  readonly samples: readonly Uint8Array[]
}

/**
 * A copy of a segment of one track with protection in each of its fragments; other boxes stay as they are. The samples are still clear. Throws
 * FormatError for a segment that is broken, or a fragment that has not exactly one track with one run of samples.
 */
export function protectFragments(
  segment: Uint8Array,
  movie: Movie,
  plan: (samples: readonly ClearSample[]) => FragmentProtection,
): { readonly bytes: Uint8Array; readonly fragments: readonly PlacedFragment[] } {
  const reader = new FragmentReader(movie)
  const planned = moviesFragments(segment).map((moof) => {
    const samples = reader
      .read(boxOf('moof', segment, moof.start, moof.end), moof.start)
      .map((location): ClearSample => {
        const end = location.offset + location.size
        if (end > segment.byteLength) throw formError('samples within the segment', moof.start)
        return { data: segment.subarray(location.offset, end), location }
      })
    return { moof, samples, protection: plan(samples) }
  })
  const added = planned.map(({ protection }) => fragmentProtectionBytes(protection))
  const writer = new ByteWriter(segment.byteLength + added.reduce((sum, bytes) => sum + bytes, 0))
  /** Bytes of the segment that are written already. */
  let done = 0
  const shifts: { from: number; shift: number }[] = []
  for (const [i, { moof, samples, protection }] of planned.entries()) {
    writer.bytes(segment.subarray(done, moof.start))
    const start = writer.length
    const bytes = added[i] as number
    writer.u32(moof.end - moof.start + bytes).latin1('moof')
    writer.bytes(segment.subarray(moof.start + BOX_HEADER_BYTES, moof.track.start))
    writer.u32(moof.track.end - moof.track.start + bytes).latin1('traf')
    writer.bytes(segment.subarray(moof.track.start + BOX_HEADER_BYTES, moof.dataOffsetAt))
    writer.i32(new DataView(segment.buffer, segment.byteOffset + moof.dataOffsetAt, 4).getInt32(0) + bytes)
    writer.bytes(segment.subarray(moof.dataOffsetAt + 4, moof.track.end))
    writeFragmentProtection(writer, protection, { moofStart: start, samples: samples.length })
    writer.bytes(segment.subarray(moof.track.end, moof.end))
    done = moof.end
    shifts.push({ from: moof.end, shift: writer.length - moof.end })
  }
  writer.bytes(segment.subarray(done))
  const bytes = writer.detach(0)
  const fragments = planned.map(({ samples, moof: _moof, ...fragment }): PlacedFragment => {
    const placed = samples.map(({ location: { offset, size } }) => {
      const shift = shifts.findLast(({ from }) => from <= offset)?.shift ?? 0
      return bytes.subarray(offset + shift, offset + shift + size)
    })
    return { ...fragment, samples: placed }
  })
  return { bytes, fragments }
}

/** Where things are in a segment, in bytes from its start. */
interface FragmentPlace {
  readonly start: number
  readonly end: number
  readonly track: { readonly start: number; readonly end: number }
  /** The field data_offset of `trun`. */
  readonly dataOffsetAt: number
}

function moviesFragments(segment: Uint8Array): FragmentPlace[] {
  const places: FragmentPlace[] = []
  for (const box of topLevelBoxes(segment)) {
    if (box.type !== 'moof') continue
    const contentAt = box.body.offset
    const end = contentAt + box.body.remaining
    const tracks = [...childBoxes(box)].filter(({ type }) => type === 'traf')
    const [traf] = tracks
    if (traf === undefined || tracks.length > 1) throw formError('one track', contentAt)
    const trackAt = traf.body.offset
    const trackEnd = trackAt + traf.body.remaining
    const runs = [...childBoxes(traf)].filter(({ type }) => type === 'trun')
    const [run] = runs
    if (run === undefined || runs.length > 1) throw formError('one run of samples', trackAt)
    const { flags } = readFullBoxHeader(run.body)
    if ((flags & DATA_OFFSET) === 0) throw formError('a data offset', trackAt)
    run.body.skip(4) // sample_count
    places.push({
      start: contentAt - BOX_HEADER_BYTES,
      end,
      track: { start: trackAt - BOX_HEADER_BYTES, end: trackEnd },
      dataOffsetAt: run.body.offset,
    })
  }
  return places
}

function boxOf(type: string, segment: Uint8Array, start: number, end: number): Box {
  const content = start + BOX_HEADER_BYTES
  return { type, body: new ByteReader(segment.subarray(content, end), content), depth: 0 }
}

function formError(expected: string, offset: number): FormatError {
  return new FormatError('ERR_MP4_FRAGMENT_FORM', `expected a fragment with ${expected}, found another`, offset)
}
