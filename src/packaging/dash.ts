/** The store's content as a DASH manifest (ISO/IEC 23009-1 section 5, low latency as DASH-IF IOP part 5). Pure: same content, same manifest. */
import { codecString } from '../media/codecs/codec-string.ts'
import { trackTimescale } from '../media/containers/isobmff/movie-boxes.ts'
import type { AdaptationSet, Mpd, Period, Representation, TimelineEntry } from '../media/manifests/dash/model.ts'
import { formatTimeline, type TimelineSegment } from '../media/manifests/dash/segment-template.ts'
import { MICROS_PER_MS, MICROS_PER_SECOND, type Micros, microsToTicks } from '../media/time.ts'
import type { Track } from '../media/track.ts'
import { bandwidthOf, frameRateOf, type ManifestSource } from './hls.ts'
import { initName, segmentName } from './names.ts'
import { type ArchivedSegment, archivedBefore, type PackagingRun, wallClock } from './segment-archive.ts'
import type { StoredInit, StoredRendition, StoredSegment } from './stored-segment.ts'

const PROFILES = 'urn:mpeg:dash:profile:isoff-live:2011,http://www.dashif.org/guidelines/low-latency-live-v5'
const ROLE = 'urn:mpeg:dash:role:2011'
const CHANNELS = 'urn:mpeg:mpegB:cicp:ChannelConfiguration'
/** http-iso: the answer is an ISO 8601 moment. The file is beside the manifest. */
const UTC_TIMING = { schemeIdUri: 'urn:mpeg:dash:utc:http-iso:2014', value: 'time' }
/** Distance to live that low-latency players aim at, in target durations. */
const LATENCY = 1.5
/**
 * Distance to live of the others, in target durations. Shaka keeps the distance of the service description on top of this one, so a
 * larger one would make it play slowly until it is as far behind as both together.
 */
const PRESENTATION_DELAY = 1
/** Largest distance to live that a player should correct without a jump, in target durations. */
const MAX_LATENCY = 6
/** A player that polls for the next segment loses half of this on average, seconds. */
const MAX_UPDATE_PERIOD = 1

/**
 * A change of the key begins a period, as not all players look for other keys within one. Media times are stream times, and the presentation starts with the epoch of the oldest stream that is listed, so a period's start is its
 * media time and what lies between the epochs. The segment in production is listed with the duration it is expected to have; players can
 * fetch it while it grows.
 */
export function dashManifest(source: ManifestSource & { readonly nowMs: number }): Mpd {
  const { store, partTarget, nowMs } = source
  const targetDuration = store.targetDuration ?? 1
  const listed = store.renditions.map((rendition) => ({ rendition, segments: listedSegments(source, rendition) }))
  const groups = groupsOf(listed)
  const last = groups.at(-1)
  const periods = groups.map((group) => periodOf(source, { ...group, growing: !store.ended && group === last }, listed))
  const start = source.oldestEpochMs ?? source.epochMs
  const ends = listed.map(({ segments }) => endMs(source, segments.at(-1)))
  const spans = listed.map(({ segments }, index) => {
    const [first] = segments
    return first === undefined ? 0 : (ends[index] ?? 0) - wallClock(runOf(source, first), first.start)
  })
  const seconds = (millis: number) => Math.round(millis) / 1_000
  return {
    type: 'dynamic',
    profiles: PROFILES,
    availabilityStartTime: start,
    publishTime: nowMs,
    // Players ask no more for a presentation that has an end.
    ...(store.ended
      ? { mediaPresentationDuration: Math.max(0, ...ends.map((end) => end - start)) / 1_000 }
      : { minimumUpdatePeriod: Math.min(MAX_UPDATE_PERIOD, targetDuration / 2) }),
    minBufferTime: seconds(Math.max(partTarget / MICROS_PER_MS, 500)),
    timeShiftBufferDepth: Math.max(targetDuration, ...spans.map(seconds)),
    suggestedPresentationDelay: PRESENTATION_DELAY * targetDuration,
    maxSegmentDuration: targetDuration + 0.5,
    baseUrls: [],
    locations: [],
    serviceDescriptions: [
      {
        id: '0',
        scopes: [],
        latency: {
          referenceId: 0,
          targetMs: Math.round(LATENCY * targetDuration * 1_000),
          minMs: Math.round(targetDuration * 1_000),
          maxMs: Math.round(MAX_LATENCY * targetDuration * 1_000),
        },
        playbackRate: { min: 0.96, max: 1.04 },
      },
    ],
    periods,
    utcTimings: [UTC_TIMING],
  }
}

interface Listed {
  readonly rendition: StoredRendition
  readonly segments: readonly StoredSegment[]
}

/** What makes a period of the manifest: segments of one period of the stream under one key. */
interface Group {
  readonly number: number
  /** `undefined`: in the clear. */
  readonly keyPeriod: number | undefined
  /** Its segments, by the place of their rendition in the list. */
  readonly segments: ReadonlyMap<number, StoredSegment[]>
}

/** In the order of time. */
function groupsOf(listed: readonly Listed[]): readonly Group[] {
  const groups = new Map<string, Group & { readonly segments: Map<number, StoredSegment[]> }>()
  for (const [index, { segments }] of listed.entries()) {
    for (const segment of segments) {
      const { period: number, key } = segment
      const name = `${number} ${key?.period}`
      let group = groups.get(name)
      if (group === undefined) groups.set(name, (group = { number, keyPeriod: key?.period, segments: new Map() }))
      const own = group.segments.get(index)
      if (own === undefined) group.segments.set(index, [segment])
      else own.push(segment)
    }
  }
  const firstOf = ({ segments }: Group) => Math.min(...[...segments.values()].map(([first]) => first?.number ?? 0))
  return [...groups.values()].toSorted((left, right) => left.number - right.number || firstOf(left) - firstOf(right))
}

interface PeriodContent extends Group {
  /** Segments may still come: of the stream, not of the moment, so that who joins between two of them has low latency too. */
  readonly growing: boolean
}

function periodOf(source: ManifestSource, content: PeriodContent, listed: readonly Listed[]): Period {
  const { number, keyPeriod, segments, growing } = content
  let start = wallClock(source, source.store.periodStart(number))
  const adaptationSets = listed.flatMap(({ rendition }, index): AdaptationSet[] => {
    const own = segments.get(index) ?? []
    const init = own.findLast((segment) => segment.init !== undefined)?.init
    const [first] = own
    if (init === undefined || first === undefined) return []
    const place: PeriodPlace = { run: runOf(source, first), start: periodStart(source, first) }
    start = wallClock(place.run, place.start)
    const main = listed.findIndex((other) => other.rendition.track.kind === init.track.kind) === index
    return [adaptationSet(source, { rendition, init, segments: own, place, growing, main })]
  })
  return {
    id: `p${number}${keyPeriod === undefined ? '' : `k${keyPeriod}`}`,
    start: Math.round((start - (source.oldestEpochMs ?? source.epochMs)) * MICROS_PER_MS) / MICROS_PER_SECOND,
    baseUrls: [],
    adaptationSets,
  }
}

/** Where a period begins on which clock. */
interface PeriodPlace {
  readonly run: PackagingRun
  readonly start: Micros
}

interface SetContent {
  readonly place: PeriodPlace
  readonly rendition: StoredRendition
  readonly init: StoredInit
  readonly segments: readonly StoredSegment[]
  readonly growing: boolean
  readonly main: boolean
}

function adaptationSet(
  source: ManifestSource,
  { rendition, init, segments, place, growing, main }: SetContent,
): AdaptationSet {
  const { store, partTarget, protection } = source
  const { track, key } = init
  const { token } = place.run
  const { start } = place
  const timescale = trackTimescale(track)
  const targetDuration = store.targetDuration ?? 1
  return {
    id: String(track.id),
    contentType: track.kind,
    ...(track.language === undefined ? {} : { lang: track.language }),
    segmentAlignment: true,
    mimeType: `${track.kind}/mp4`,
    startWithSap: 1,
    audioChannelConfigurations: [],
    contentProtections: protection === undefined || key === undefined ? [] : protection.contentProtections(key),
    essentialProperties: [],
    supplementalProperties: [],
    baseUrls: [],
    labels: track.name === undefined ? [] : [track.name],
    accessibilities: [],
    roles: [{ schemeIdUri: ROLE, value: main ? 'main' : 'alternate' }],
    producerReferenceTimes: [
      {
        id: 0,
        type: 'encoder',
        inband: false,
        wallClockTime: wallClock(place.run, start),
        presentationTime: microsToTicks(start, timescale),
        utcTiming: UTC_TIMING,
      },
    ],
    segmentTemplate: {
      timescale,
      presentationTimeOffset: microsToTicks(start, timescale),
      startNumber: segments[0]?.number ?? 0,
      initialization: initName(rendition.name, token, init),
      media: segmentName(rendition.name, token, '$Number$'),
      ...(growing
        ? {
            availabilityTimeOffset: Math.max(
              0,
              Math.round(targetDuration * 1_000 - partTarget / MICROS_PER_MS) / 1_000,
            ),
            availabilityTimeComplete: false,
          }
        : {}),
      timeline: timelineOf(segments, timescale, targetDuration),
    },
    representations: [representation(rendition, track)],
  }
}

/** Each segment lasts until the next one starts, in ticks, so that nothing adds up. */
function timelineOf(segments: readonly StoredSegment[], timescale: number, targetDuration: number): TimelineEntry[] {
  const entries: TimelineSegment[] = []
  for (const [index, segment] of segments.entries()) {
    const time = microsToTicks(segment.presentationStart, timescale)
    const next = segments[index + 1]
    if (next !== undefined) {
      entries.push({ time, duration: Math.max(1, microsToTicks(next.presentationStart, timescale) - time) })
      continue
    }
    const before = segments[index - 1]
    const expected = before?.duration ?? targetDuration * MICROS_PER_SECOND
    const duration = segment.complete ? segment.duration : Math.max(expected, segment.duration)
    entries.push({ time, duration: Math.max(1, microsToTicks(segment.presentationStart + duration, timescale) - time) })
  }
  return formatTimeline(entries)
}

function representation(rendition: StoredRendition, track: Track): Representation {
  const rate = frameRateOf(rendition)
  return {
    id: rendition.name,
    bandwidth: bandwidthOf(rendition).peak,
    codecs: codecString(track),
    ...(track.video === undefined || track.video.width === 0
      ? {}
      : { width: track.video.width, height: track.video.height }),
    ...(rate === undefined ? {} : { frameRate: fraction(rate) }),
    ...(track.audio === undefined ? {} : { audioSamplingRate: track.audio.sampleRate }),
    audioChannelConfigurations:
      track.audio === undefined
        ? []
        : [{ schemeIdUri: CHANNELS, value: String(channelConfiguration(track.audio.channels)) }],
    contentProtections: [],
    essentialProperties: [],
    supplementalProperties: [],
    producerReferenceTimes: [],
    baseUrls: [],
  }
}

/** ISO/IEC 23091-3 numbers layouts: up to six channels by their count, then 7.1 is 12. */
export function channelConfiguration(channels: number): number {
  return channels === 8 ? 12 : channels
}

/** `25`, `30000/1001`. */
export function fraction(rate: number): string {
  const whole = Math.round(rate)
  if (Math.abs(rate - whole) < 0.005) return String(whole)
  const ntsc = Math.ceil(rate)
  if (Math.abs(rate - (ntsc * 1_000) / 1_001) < 0.005) return `${ntsc * 1_000}/1001`
  return `${Math.round(rate * 1_000)}/1000`
}

/** Those of the archive that come before the ones in memory, then these. */
function listedSegments(source: ManifestSource, rendition: StoredRendition): readonly StoredSegment[] {
  const { store, archive } = source
  const recent = rendition.segments.filter(
    ({ number, parts, complete }) => number >= store.firstListed && (complete || parts.length > 0),
  )
  const earlier = archivedBefore(archive, rendition, recent[0]?.number ?? store.firstListed)
  return earlier === undefined ? recent : [...earlier.blocks.flatMap(({ segments }) => segments), ...recent]
}

/** What is not of the archive is of the stream as it is packaged now. */
function runOf(source: ManifestSource, segment: StoredSegment): PackagingRun {
  return (segment as Partial<ArchivedSegment>).run ?? source
}

function periodStart({ store }: ManifestSource, segment: StoredSegment): Micros {
  return segment.key?.start ?? (segment as Partial<ArchivedSegment>).periodStart ?? store.periodStart(segment.period)
}

function endMs(source: ManifestSource, segment: StoredSegment | undefined): number {
  return segment === undefined ? 0 : wallClock(runOf(source, segment), segment.start + segment.duration)
}
