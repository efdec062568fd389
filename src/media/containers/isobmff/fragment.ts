/** One movie fragment: `moof` and its `mdat` (ISO/IEC 14496-12 section 8.8, CMAF ISO/IEC 23000-19 section 7.5). */
import { assert } from '../../../errors.ts'
import { ByteWriter } from '../../bytes/byte-writer.ts'
import type { Packet } from '../../packet.ts'
import { type Micros, microsToTicks } from '../../time.ts'
import type { Track } from '../../track.ts'
import {
  DATA_OFFSET,
  DEFAULT_BASE_IS_MOOF,
  DEFAULT_SAMPLE_DURATION,
  DEFAULT_SAMPLE_FLAGS,
  DEFAULT_SAMPLE_SIZE,
  FIRST_SAMPLE_FLAGS,
  FLAGS_KEY,
  FLAGS_NOT_KEY,
  SAMPLE_COMPOSITION_OFFSET,
  SAMPLE_DURATION,
  SAMPLE_FLAGS,
  SAMPLE_SIZE,
} from './fragment-flags.ts'
import { trackTimescale } from './movie-boxes.ts'
import {
  type EventMessage,
  eventMessageBytes,
  PRODUCER_REFERENCE_TIME_BYTES,
  type ProducerReferenceTime,
  SEGMENT_TYPE_BYTES,
  writeEventMessage,
  writeProducerReferenceTime,
  writeSegmentType,
} from './segment-boxes.ts'

const BOX_BYTES = 8
const MFHD_BYTES = 16
const TFDT_BYTES = 20
const MAX_U32 = 0xffff_ffff

/** A packet in a fragment. */
export interface FragmentSample {
  readonly packet: Packet
  /** Only the last sample's counts: the others last until the next one's decode time. */
  readonly duration: Micros
}

/** What the head of a fragment tells of a sample. */
export interface SampleFacts {
  /** Bytes. */
  readonly size: number
  readonly dts: Micros
  readonly pts: Micros
  readonly key: boolean
}

interface TrackFragment {
  readonly track: Track
  /** Ticks a second as the init segment says; without it `trackTimescale(track)`, as `writeInitSegment` does. */
  readonly trackTimescale?: number
  /** Decode time of the first sample on the time line of the movie, not negative; the others keep their distance to it. */
  readonly baseDecodeTime: Micros
}

export interface FragmentTrack extends TrackFragment {
  /** In decode order. */
  readonly samples: readonly FragmentSample[]
}

/** A track of a fragment whose samples are somewhere else. */
export interface FragmentHeadTrack extends TrackFragment {
  /** In decode order, at least one. */
  readonly samples: readonly SampleFacts[]
  /** The others last until the next one's decode time. */
  readonly lastDuration: Micros
}

export interface FragmentOptions {
  /** sequence_number of `mfhd`, counting up from 1. */
  readonly sequence: number
  /** Tracks without samples are left out. */
  readonly tracks: readonly FragmentTrack[]
  /** Begins a segment: `styp` comes first. */
  readonly segmentStart?: boolean
  readonly producerReferenceTime?: ProducerReferenceTime
  readonly events?: readonly EventMessage[]
}

/** Largest sum of sample sizes in a fragment, bytes. */
export const MAX_FRAGMENT_DATA = MAX_U32 - BOX_BYTES

/** A fragment of one track up to its samples, which follow in the order given: `styp` if asked for, `moof`, the header of `mdat`. */
export function writeFragmentHead(
  track: FragmentHeadTrack,
  { sequence, segmentStart = false }: Pick<FragmentOptions, 'sequence' | 'segmentStart'>,
): Uint8Array {
  const run = planRun(track, track.samples, track.lastDuration)
  assert(run.dataBytes <= MAX_FRAGMENT_DATA, 'a fragment is below 4 GiB')
  const moofBytes = BOX_BYTES + MFHD_BYTES + run.trafBytes
  const writer = new ByteWriter((segmentStart ? SEGMENT_TYPE_BYTES : 0) + moofBytes + BOX_BYTES)
  if (segmentStart) writeSegmentType(writer)
  writeMovieFragment(writer, sequence, moofBytes, [run])
  writer.u32(BOX_BYTES + run.dataBytes).latin1('mdat')
  return writer.detach(0)
}

/**
 * The bytes of one fragment: `styp`, `prft` and `emsg` if asked for, `moof`, `mdat`. One allocation, one copy of each packet. Each
 * sample's ticks come from its own time, so rounding never adds up from fragment to fragment.
 */
export function writeFragment(options: FragmentOptions): Uint8Array {
  const { sequence, segmentStart = false, producerReferenceTime, events = [] } = options
  const runs: Run[] = []
  let moofBytes = BOX_BYTES + MFHD_BYTES
  let mdatBytes = BOX_BYTES
  for (const track of options.tracks) {
    if (track.samples.length === 0) continue
    const facts = track.samples.map(({ packet: { data, dts, pts, key } }) => ({ size: data.byteLength, dts, pts, key }))
    const run = planRun(track, facts, track.samples.at(-1)?.duration ?? 0)
    runs.push(run)
    moofBytes += run.trafBytes
    mdatBytes += run.dataBytes
  }
  assert(mdatBytes <= MAX_U32, 'a fragment is below 4 GiB')
  let total = moofBytes + mdatBytes
  if (segmentStart) total += SEGMENT_TYPE_BYTES
  if (producerReferenceTime !== undefined) total += PRODUCER_REFERENCE_TIME_BYTES
  for (const event of events) total += eventMessageBytes(event)

  const writer = new ByteWriter(total)
  if (segmentStart) writeSegmentType(writer)
  if (producerReferenceTime !== undefined) writeProducerReferenceTime(writer, producerReferenceTime)
  for (const event of events) writeEventMessage(writer, event)
  writeMovieFragment(writer, sequence, moofBytes, runs)
  writer.u32(mdatBytes).latin1('mdat')
  for (const { samples } of options.tracks) {
    for (const { packet } of samples) writer.bytes(packet.data)
  }
  assert(writer.length === total, 'the size of a fragment is known beforehand')
  return writer.detach(0)
}

function writeMovieFragment(writer: ByteWriter, sequence: number, moofBytes: number, runs: readonly Run[]): void {
  writer.u32(moofBytes).latin1('moof')
  writer.u32(MFHD_BYTES).latin1('mfhd').u32(0).u32(sequence)
  let dataOffset = moofBytes + BOX_BYTES
  for (const run of runs) {
    writeRun(writer, run, dataOffset)
    dataOffset += run.dataBytes
  }
}

/** A track's part of a fragment, with what it takes decided. */
interface Run {
  readonly trackId: number
  readonly samples: readonly SampleFacts[]
  readonly baseTicks: number
  /** One each for a sample. */
  readonly durations: readonly number[]
  /** `undefined`: all are zero. */
  readonly compositionOffsets: readonly number[] | undefined
  readonly runFlags: number
  readonly trackFlags: number
  readonly trafBytes: number
  readonly dataBytes: number
}

function planRun(
  { track, trackTimescale: timescale = trackTimescale(track), baseDecodeTime }: TrackFragment,
  samples: readonly SampleFacts[],
  lastDuration: Micros,
): Run {
  assert(baseDecodeTime >= 0, 'a decode time in a fragment is not negative')
  const first = samples[0] as SampleFacts
  const last = samples[samples.length - 1] as SampleFacts
  const shift = baseDecodeTime - first.dts
  const baseTicks = microsToTicks(baseDecodeTime, timescale)
  const durations: number[] = []
  const offsets: number[] = []
  let sameDuration = true
  // Of a sample of text whose size is told for all at once, shaka 5.2 shows one cue only.
  let sameSize = track.kind !== 'text'
  let anyOffset = false
  let sameFlags = true
  let sameFlagsAfterFirst = true
  let dataBytes = 0
  let ticks = baseTicks
  const second = samples[1] ?? first
  for (let i = 0; i < samples.length; i++) {
    const sample = samples[i] as SampleFacts
    const next = samples[i + 1]
    const end = next === undefined ? last.dts + lastDuration : next.dts
    // A longer gap than a duration can tell is made up for by the next fragment's tfdt.
    const nextTicks = Math.min(ticks + MAX_U32, Math.max(ticks, microsToTicks(end + shift, timescale)))
    durations.push(nextTicks - ticks)
    const offset = microsToTicks(sample.pts + shift, timescale) - ticks
    offsets.push(offset)
    dataBytes += sample.size
    if (durations[i] !== durations[0]) sameDuration = false
    if (sample.size !== first.size) sameSize = false
    if (sample.key !== first.key) sameFlags = false
    if (i > 0 && sample.key !== second.key) sameFlagsAfterFirst = false
    if (offset !== 0) anyOffset = true
    ticks = nextTicks
  }
  // What all samples share is told once, in tfhd.
  const trackFlags =
    DEFAULT_BASE_IS_MOOF |
    (sameDuration ? DEFAULT_SAMPLE_DURATION : 0) |
    (sameSize ? DEFAULT_SAMPLE_SIZE : 0) |
    (sameFlagsAfterFirst ? DEFAULT_SAMPLE_FLAGS : 0)
  const onceFlags = DATA_OFFSET | (sameFlagsAfterFirst && !sameFlags ? FIRST_SAMPLE_FLAGS : 0)
  const sampleFieldFlags =
    (sameDuration ? 0 : SAMPLE_DURATION) |
    (sameSize ? 0 : SAMPLE_SIZE) |
    (sameFlagsAfterFirst ? 0 : SAMPLE_FLAGS) |
    (anyOffset ? SAMPLE_COMPOSITION_OFFSET : 0)
  const trackHeaderBytes = 16 + 4 * fieldCount(trackFlags & ~DEFAULT_BASE_IS_MOOF)
  const trackRunBytes = 16 + 4 * (fieldCount(onceFlags) + fieldCount(sampleFieldFlags) * samples.length)
  return {
    trackId: track.id,
    samples,
    baseTicks,
    durations,
    compositionOffsets: anyOffset ? offsets : undefined,
    runFlags: onceFlags | sampleFieldFlags,
    trackFlags,
    trafBytes: BOX_BYTES + trackHeaderBytes + TFDT_BYTES + trackRunBytes,
    dataBytes,
  }
}

function writeRun(writer: ByteWriter, run: Run, dataOffset: number): void {
  const { samples, trackFlags, runFlags } = run
  const first = samples[0] as SampleFacts
  const start = writer.length
  writer.u32(run.trafBytes).latin1('traf')

  const header = writer.length
  writer.u32(0).latin1('tfhd').u32(trackFlags).u32(run.trackId)
  if ((trackFlags & DEFAULT_SAMPLE_DURATION) !== 0) writer.u32(run.durations[0] as number)
  if ((trackFlags & DEFAULT_SAMPLE_SIZE) !== 0) writer.u32(first.size)
  if ((trackFlags & DEFAULT_SAMPLE_FLAGS) !== 0) writer.u32(sampleFlags((samples[1] ?? first).key))
  writer.patchU32(header, writer.length - header)

  writer.u32(TFDT_BYTES).latin1('tfdt').u8(1).u24(0).u64(run.baseTicks)

  // Version 1: composition offsets are signed.
  writer
    .u32(run.trafBytes - (writer.length - start))
    .latin1('trun')
    .u8(1)
    .u24(runFlags)
  writer.u32(samples.length).i32(dataOffset)
  if ((runFlags & FIRST_SAMPLE_FLAGS) !== 0) writer.u32(sampleFlags(first.key))
  for (let i = 0; i < samples.length; i++) {
    const sample = samples[i] as SampleFacts
    if ((runFlags & SAMPLE_DURATION) !== 0) writer.u32(run.durations[i] as number)
    if ((runFlags & SAMPLE_SIZE) !== 0) writer.u32(sample.size)
    if ((runFlags & SAMPLE_FLAGS) !== 0) writer.u32(sampleFlags(sample.key))
    if (run.compositionOffsets !== undefined) writer.i32(run.compositionOffsets[i] as number)
  }
}

/** Each flag stands for a field of 32 bits. */
function fieldCount(flags: number): number {
  let count = 0
  for (let left = flags; left !== 0; left &= left - 1) count++
  return count
}

function sampleFlags(key: boolean): number {
  return key ? FLAGS_KEY : FLAGS_NOT_KEY
}
