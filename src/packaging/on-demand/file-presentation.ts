/** A file, or several qualities of one, as it is: cut into segments, never encoded. */
import { createHash } from 'node:crypto'
import { UnavailableError } from '../../errors.ts'
import type { MediaFile } from '../../library/media-files.ts'
import { writeInitSegment } from '../../media/containers/isobmff/init-segment.ts'
import { type KeyPoint, leadingTrack, type SampleSum } from '../../media/reader.ts'
import { checkReadable } from '../../media/source-protection.ts'
import { MICROS_PER_MS, MICROS_PER_SECOND, type Micros } from '../../media/time.ts'
import type { Track } from '../../media/track.ts'
import { isBrowserCodec } from '../browser-codecs.ts'
import { bandwidthOf, measuredBandwidths } from './bandwidth.ts'
import type { ByteCache } from './byte-cache.ts'
import { PacketSegments } from './packet-segments.ts'
import type { Bandwidth, OnDemandRendition, Presentation, SegmentBody, SegmentSpan } from './presentation.ts'
import { SampleSegments } from './sample-segments.ts'
import { segmentBody } from './segment-bytes.ts'
import { soundSpans } from './sound-spans.ts'
import { commonStarts, MAX_SEGMENT, segmentSpans } from './spans.ts'
import { planTracks, seenKeyPoints, type TrackPlan } from './track-plan.ts'

/** Changes with anything that changes the bytes of segments. */
const FORM = 1
/** Key pictures of two files are the same moment when they are this near. */
const SAME_MOMENT = 5 * MICROS_PER_MS

export interface FilePresentationOptions {
  /** `vod/film.mp4`. */
  readonly path: string
  /** A segment is about so long. */
  readonly target: Micros
  /** Keeps segments that took work to make. */
  readonly cache: ByteCache
  /** Told of what viewers may notice: key pictures that do not align. */
  readonly onNote?: (note: string) => void
}

/** A rendition and how it is made. */
interface Source {
  readonly rendition: OnDemandRendition
  readonly plan: TrackPlan
  readonly segments: SampleSegments | PacketSegments
}

/** What is known of a file before its tracks become renditions. */
interface Opened {
  readonly file: MediaFile
  readonly keyPoints: readonly KeyPoint[]
  readonly starts: readonly Micros[]
  readonly bitrate: number
}

export class FilePresentation implements Presentation {
  readonly path: string
  readonly token: string
  readonly duration: Micros
  readonly modified: Date
  readonly segments: readonly SegmentSpan[]
  readonly renditions: readonly OnDemandRendition[]
  readonly #files: readonly MediaFile[]
  readonly #sources: ReadonlyMap<string, Source>

  private constructor(
    facts: Pick<Presentation, 'path' | 'token' | 'duration' | 'modified' | 'segments'>,
    files: readonly MediaFile[],
    sources: readonly Source[],
  ) {
    this.path = facts.path
    this.token = facts.token
    this.duration = facts.duration
    this.modified = facts.modified
    this.segments = facts.segments
    this.renditions = sources.map(({ rendition }) => rendition)
    this.#files = files
    this.#sources = new Map(sources.map((source) => [source.rendition.name, source]))
  }

  /**
   * Takes the files over and closes them with itself; they have tracks that browsers know. Throws HeadendError, and the files are the
   * caller's then. Sound comes from the file of the highest bit rate.
   */
  static async open(files: readonly MediaFile[], options: FilePresentationOptions): Promise<FilePresentation> {
    const opened = await Promise.all(files.map(openOne))
    opened.sort((left, right) => right.bitrate - left.bitrate)
    const best = opened[0] as Opened
    const duration = Math.max(...opened.map(({ file }) => file.reader.duration))
    const { spans, aligned } = commonSpans(opened, duration, options)
    const sources: Source[] = []
    for (const [index, one] of opened.entries()) {
      const own = aligned || index === 0 ? spans : segmentSpans(one.starts, duration, options.target)
      const tracks = playable(one.file.reader.tracks).filter(({ kind }) => kind === 'video' || one === best)
      sources.push(...(await sourcesOf(one, tracks, own, options.cache)))
    }
    for (const { reader } of files) checkReadable(options.path, reader)
    if (sources.length === 0)
      throw new UnavailableError('ERR_STREAM_NO_TRACK', `${options.path} has no track that browsers play`)
    const named = withNames(sources, files.length > 1)
    const modified = new Date(Math.max(...files.map(({ file }) => file.modified.getTime())))
    const token = tokenOf(files, options.target)
    return new FilePresentation({ path: options.path, token, duration, modified, segments: spans }, files, named)
  }

  init(rendition: OnDemandRendition): Promise<SegmentBody> {
    const { plan } = this.#sourceOf(rendition)
    return Promise.resolve(segmentBody([writeInitSegment([plan.track], { duration: this.duration })]))
  }

  async segment(rendition: OnDemandRendition, index: number): Promise<SegmentBody> {
    const { plan, segments } = this.#sourceOf(rendition)
    return segments.segment(plan, index)
  }

  async keyPicture(rendition: OnDemandRendition, index: number): Promise<SegmentBody> {
    const { plan, segments } = this.#sourceOf(rendition)
    return segments.keyPicture(plan, index)
  }

  close(): void {
    for (const file of this.#files) file.close()
  }

  #sourceOf({ name }: OnDemandRendition): Source {
    const source = this.#sources.get(name)
    if (source === undefined) throw new UnavailableError('ERR_HTTP_NOT_FOUND', `${this.path} has no ${name}`)
    return source
  }
}

async function openOne(file: MediaFile): Promise<Opened> {
  const { reader } = file
  const keyPoints = await reader.keyPoints()
  const starts = leadingTrack(reader.tracks)?.kind === 'video' ? seenKeyPoints(keyPoints).map(({ pts }) => pts) : []
  return { file, keyPoints, starts, bitrate: reader.duration === 0 ? 0 : file.file.size / reader.duration }
}

/** Segments of the best file, at key pictures that the others have too where that is possible. */
function commonSpans(
  opened: readonly Opened[],
  duration: Micros,
  { path, target, onNote }: FilePresentationOptions,
): { readonly spans: readonly SegmentSpan[]; readonly aligned: boolean } {
  const [best, ...others] = opened
  const starts = best?.starts ?? []
  if (others.length === 0) return { spans: segmentSpans(starts, duration, target), aligned: true }
  const common = commonStarts(
    starts,
    others.map((other) => other.starts),
    SAME_MOMENT,
  )
  const spans = segmentSpans(common, duration, target)
  if (common.length > 1 && spans.every((span) => !span.dependent && span.duration <= Math.max(MAX_SEGMENT, target))) {
    return { spans, aligned: true }
  }
  onNote?.(`the key pictures of the files of ${path} do not align: players switch between them less smoothly`)
  return { spans: segmentSpans(starts, duration, target), aligned: false }
}

function playable(tracks: readonly Track[]): readonly Track[] {
  return tracks.filter(({ kind, codec }) => (kind === 'video' || kind === 'audio') && isBrowserCodec(codec))
}

async function sourcesOf(
  { file, keyPoints }: Opened,
  tracks: readonly Track[],
  spans: readonly SegmentSpan[],
  cache: ByteCache,
): Promise<Source[]> {
  const { reader } = file
  const plans = planTracks(reader, tracks, { spans, keyPoints })
  if (reader.samples === undefined) {
    const segments = new PacketSegments(reader, plans, spans, cache)
    const { size } = file.file
    const bandwidths = measuredBandwidths(tracks, { size, duration: reader.duration, keyPoints }, spans)
    const sounds = await soundSpans(reader, tracks, spans)
    return plans.map((plan, index): Source => {
      const rendition = renditionOf(plan, spans, bandwidths[index] as Bandwidth)
      const own = sounds.get(plan.track.id)
      return { rendition: own === undefined ? rendition : { ...rendition, segments: own }, plan, segments }
    })
  }
  const segments = new SampleSegments(file.file, reader.samples, reader.sampleSums)
  const sources: Source[] = []
  for (const plan of plans) {
    const weights = await segments.weights(plan)
    const own = ownSpans(plan.track, spans, weights)
    if (own.length === 0) continue
    const bandwidth = bandwidthOf(
      spans,
      weights.map(({ bytes }) => bytes),
    )
    const keyPictureRate = bandwidthOf(
      spans,
      weights.map(({ keyBytes }) => keyBytes),
    )
    const rendition = { ...renditionOf(plan, spans, bandwidth, weights), keyPictureRate }
    sources.push({ rendition: own === spans ? rendition : { ...rendition, segments: own }, plan, segments })
  }
  return sources
}

/**
 * Without what the track has nothing of. Packets of sound do not begin where pictures do, and shaka puts each segment where its playlist says: so
 * that of sound says where its packets are.
 */
function ownSpans(
  { kind }: Track,
  spans: readonly SegmentSpan[],
  weights: readonly SampleSum[],
): readonly SegmentSpan[] {
  const end = weights.findLastIndex(({ samples }) => samples > 0) + 1
  if (kind === 'video' && end === spans.length && weights.every(({ samples }) => samples > 0)) return spans
  const starts = spans.map(({ start }, index) =>
    index > 0 && kind === 'audio' ? (weights[index]?.start ?? start) : start,
  )
  const last = spans[end - 1]
  return spans.slice(0, end).map((span, index): SegmentSpan => {
    const start = starts[index] ?? span.start
    const next = index + 1 < end ? starts[index + 1] : undefined
    const duration = (next ?? (last === undefined ? 0 : last.start + last.duration)) - start
    return { ...span, start, duration: Math.max(1, duration), ...(weights[index]?.samples === 0 ? { gap: true } : {}) }
  })
}

function renditionOf(
  { track, keyPictures }: TrackPlan,
  spans: readonly SegmentSpan[],
  bandwidth: Bandwidth,
  weights?: readonly SampleSum[],
): OnDemandRendition {
  const last = spans.at(-1)
  const end = last === undefined ? 0 : last.start + last.duration
  const frameRate = track.kind === 'video' ? (measuredRate(weights) ?? track.video?.frameRate) : undefined
  return {
    name: `${track.kind}-${track.id}`,
    track,
    ...bandwidth,
    ...(frameRate === undefined ? {} : { frameRate }),
    keyPictures: keyPictures.map(({ pts }, index) => {
      const start = Math.max(0, pts)
      return { start, duration: Math.max(1, (keyPictures[index + 1]?.pts ?? end) - start) }
    }),
  }
}

/** What a configuration says of frames a second is a wish; tables tell what is there. */
function measuredRate(weights: readonly SampleSum[] = []): number | undefined {
  const samples = weights.reduce((sum, weight) => sum + weight.samples, 0)
  const duration = weights.reduce((sum, weight) => sum + weight.duration, 0)
  return duration === 0 ? undefined : Math.round((samples * 1_000 * MICROS_PER_SECOND) / duration) / 1_000
}

/** The same track of several files has a number for each file, the best first. */
function withNames(sources: readonly Source[], several: boolean): readonly Source[] {
  if (!several) return sources
  let videos = 0
  return sources.map((source) => {
    if (source.rendition.track.kind !== 'video') return source
    return { ...source, rendition: { ...source.rendition, name: `video-${++videos}` } }
  })
}

function tokenOf(files: readonly MediaFile[], target: Micros): string {
  const hash = createHash('sha256').update(`${FORM} ${target}`)
  for (const { file } of files) hash.update(`\n${file.path}\n${file.size}\n${file.modified.getTime()}`)
  return hash.digest('hex').slice(0, 12)
}
