/** What an encoder of a file writes, turned into CMAF segments on the grid. */
import { FormatError } from '../../errors.ts'
import { FlvDemuxer } from '../../media/containers/flv/demuxer.ts'
import { writeFragment } from '../../media/containers/isobmff/fragment.ts'
import type { Packet } from '../../media/packet.ts'
import { MICROS_PER_MS, type Micros } from '../../media/time.ts'
import type { Track } from '../../media/track.ts'
import { AUDIO_PRIMING, type EncodePlan, firstAudioFrame, OUTPUT_OFFSET_MS } from './encode-arguments.ts'
import { audioFrameTime, type FrameRange, frameTime, type SegmentGrid } from './segment-grid.ts'

export type EncodedKind = 'video' | 'audio'

/** What comes out, in the order of each kind. */
export type EncoderResult =
  /** Decoder configuration (avcC, AudioSpecificConfig), before the first segment of its kind. */
  | { readonly type: 'config'; readonly kind: EncodedKind; readonly config: Uint8Array }
  | { readonly type: 'segment'; readonly kind: EncodedKind; readonly index: number; readonly bytes: Uint8Array }

/** FLV tells milliseconds. */
const TOLERANCE: Micros = 2 * MICROS_PER_MS

/** One kind on its way through the segments. */
interface Lane {
  readonly kind: EncodedKind
  readonly track: Track
  /** Number on the grid of the next frame that comes. */
  next: number
  index: number
  packets: Packet[]
  readonly range: (index: number) => FrameRange
  readonly time: (frame: number) => Micros
  configured: boolean
}

/**
 * Segments from `from` on, out of the FLV that ffmpeg writes for `encodeArguments`. `tracks` are what segments say of themselves. Frames
 * are counted, and their times only compared: throws FormatError ERR_TRANSCODE_OFF_GRID when one is not where it has to be. Ends with its
 * input; a segment that is not whole then is given as far as it goes.
 */
export async function* readSegments(
  flv: AsyncIterable<Uint8Array>,
  plan: EncodePlan,
  tracks: { readonly video: Track | undefined; readonly audio: Track | undefined },
  from: number,
): AsyncGenerator<EncoderResult> {
  const demuxer = new FlvDemuxer()
  const lanes = createLanes(plan, tracks, from)
  const results: EncoderResult[] = []
  for await (const piece of flv) {
    demuxer.write(piece)
    takeAll(demuxer, lanes, results)
    yield* results.splice(0)
  }
  demuxer.end()
  takeAll(demuxer, lanes, results)
  for (const lane of lanes.values()) if (lane.packets.length > 0) results.push(closeSegment(lane))
  yield* results
}

function createLanes(
  { grid }: EncodePlan,
  { video, audio }: { readonly video: Track | undefined; readonly audio: Track | undefined },
  from: number,
): ReadonlyMap<EncodedKind, Lane> {
  const lanes = new Map<EncodedKind, Lane>()
  if (video !== undefined) {
    const places = videoPlaces(grid, from)
    lanes.set('video', { kind: 'video', track: video, index: from, packets: [], configured: false, ...places })
  }
  if (audio !== undefined) {
    lanes.set('audio', {
      kind: 'audio',
      track: audio,
      index: from,
      packets: [],
      configured: false,
      next: firstAudioFrame(grid, from) - AUDIO_PRIMING,
      range: (index) => grid.audio(index),
      time: audioFrameTime,
    })
  }
  return lanes
}

function videoPlaces(grid: SegmentGrid, from: number): Pick<Lane, 'next' | 'range' | 'time'> {
  const { rate } = grid
  if (rate === undefined) throw new Error('a grid of sound has no pictures')
  return {
    next: grid.video(from).first,
    range: (index) => grid.video(index),
    time: (frame) => frameTime(frame, rate),
  }
}

function takeAll(demuxer: FlvDemuxer, lanes: ReadonlyMap<EncodedKind, Lane>, results: EncoderResult[]): void {
  for (let result = demuxer.read(); result !== undefined; result = demuxer.read()) {
    if (result.type === 'packet') {
      const lane = lanes.get(result.packet.track.kind as EncodedKind)
      if (lane !== undefined) takePacket(lane, result.packet, results)
      continue
    }
    for (const { kind, config } of result.tracks) {
      const lane = lanes.get(kind as EncodedKind)
      if (lane === undefined || lane.configured || config === undefined) continue
      lane.configured = true
      results.push({ type: 'config', kind: lane.kind, config })
    }
  }
}

function takePacket(lane: Lane, { data, key, dts }: Packet, results: EncoderResult[]): void {
  const frame = lane.next++
  const time = lane.time(frame)
  const found = dts - OUTPUT_OFFSET_MS * MICROS_PER_MS
  if (Math.abs(found - time) > TOLERANCE) {
    throw new FormatError(
      'ERR_TRANSCODE_OFF_GRID',
      `expected ${lane.kind} ${frame} at ${time} µs, found it at ${found} µs`,
    )
  }
  const { first, end } = lane.range(lane.index)
  if (frame < first) return
  if (lane.kind === 'video' && (frame === first) !== key) {
    throw new FormatError(
      'ERR_TRANSCODE_OFF_GRID',
      `expected key pictures at the segments' beginnings only, found ${frame}`,
    )
  }
  lane.packets.push({ track: lane.track, data, pts: time, dts: time, key })
  if (frame + 1 === end) results.push(closeSegment(lane))
}

function closeSegment(lane: Lane): EncoderResult {
  const { kind, track, index, packets, range, time } = lane
  const baseDecodeTime = time(range(index).first)
  const samples = packets.map((packet, at) => {
    const frame = range(index).first + at
    return { packet, duration: time(frame + 1) - time(frame) }
  })
  lane.packets = []
  lane.index++
  const bytes = writeFragment({
    sequence: index + 1,
    tracks: [{ track, baseDecodeTime, samples }],
    segmentStart: true,
  })
  return { type: 'segment', kind, index, bytes }
}
