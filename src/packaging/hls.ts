/** The store's content as HLS playlists (RFC 8216bis section 4.4, annex B for low latency). Pure: same content, same playlist. */
import { codecString } from '../media/codecs/codec-string.ts'
import type {
  MediaPlaylist,
  MultivariantPlaylist,
  Rendition,
  RenditionReport,
  Segment,
  SegmentHead,
  Variant,
} from '../media/manifests/hls/model.ts'
import { MICROS_PER_MS, MICROS_PER_SECOND, type Micros } from '../media/time.ts'
import type { Track } from '../media/track.ts'
import { initName, partName, segmentName } from './names.ts'
import type { KeyLines } from './protection/signalling.ts'
import type { StreamProtection } from './protection/stream-protection.ts'
import type { SegmentArchive } from './segment-archive.ts'
import type { SegmentStore } from './segment-store.ts'
import type { StoredRendition, StoredSegment } from './stored-segment.ts'

/** What manifests are made from. */
export interface ManifestSource {
  readonly store: SegmentStore
  readonly token: string
  /** Milliseconds since 1970 of stream time zero. */
  readonly epochMs: number
  /** Longest part. */
  readonly partTarget: Micros
  /** What was recorded before the segments of the store. */
  readonly archive?: SegmentArchive | undefined
  /** Milliseconds since 1970: the presentation of DASH starts then. Default: stream time zero. */
  readonly oldestEpochMs?: number
  /** How players get the keys of segments that have some. */
  readonly protection?: StreamProtection | undefined
}

/** EXT-X-SKIP needs it. */
const VERSION = 9
const AUDIO_GROUP = 'audio'
/** Distances to the live edge in target durations, as the specification asks for. */
const HOLD_BACK = 3
const PART_HOLD_BACK = 3
/** From the live edge to where players start, microseconds. */
export function partHoldBack({ partTarget }: Pick<ManifestSource, 'partTarget'>): Micros {
  return PART_HOLD_BACK * partTarget
}

/** Delta updates may leave out segments further from the live edge than this. */
export const SKIP_BOUNDARY = 6

/**
 * The playlist of one rendition, of what the store holds. Segments that are not complete yet are listed by their parts. `lines`: the form of the
 * key lines of protected segments.
 */
export function mediaPlaylist(
  source: ManifestSource,
  rendition: StoredRendition,
  lines: KeyLines = 'all',
): MediaPlaylist {
  const { store, token } = source
  const targetDuration = store.targetDuration ?? 1
  const partTarget = source.partTarget / MICROS_PER_SECOND
  const listed = rendition.segments.filter(({ number }) => number >= store.firstListed)
  const [first] = listed
  const complete = listed.filter((segment) => segment.complete)
  const open = listed.at(-1)?.complete === false ? listed.at(-1) : undefined
  const head = (segment: StoredSegment): SegmentHead => ({
    ...(segment.discontinuity ? { discontinuity: true as const } : {}),
    ...keysOf(source, segment, lines),
    ...(segment.init === undefined ? {} : { map: { uri: initName(rendition.name, token, segment.init) } }),
    programDateTime: Math.round(source.epochMs + segment.presentationStart / MICROS_PER_MS),
    ...(segment.gap ? { gap: true as const } : {}),
    parts: segment.parts.map((part, index) => ({
      // A packet longer than the part target cannot be divided, and the text must keep the rule.
      duration: Math.min(part.duration / MICROS_PER_SECOND, partTarget),
      uri: partName(rendition.name, token, segment.number, index),
      ...(part.independent ? { independent: true as const } : {}),
    })),
  })
  const segments = complete.map(
    (segment): Segment => ({
      ...head(segment),
      duration: segment.duration / MICROS_PER_SECOND,
      uri: segmentName(rendition.name, token, segment.number),
    }),
  )
  const last = listed.at(-1)
  return {
    type: 'media',
    version: VERSION,
    targetDuration,
    ...(listed.every(({ independent }) => independent) ? { independentSegments: true as const } : {}),
    serverControl: {
      canBlockReload: true,
      canSkipUntil: SKIP_BOUNDARY * targetDuration,
      partHoldBack: partHoldBack(source) / MICROS_PER_SECOND,
      holdBack: HOLD_BACK * targetDuration,
    },
    partTarget,
    mediaSequence: first?.number ?? store.firstListed,
    discontinuitySequence: first === undefined ? 0 : first.period - (first.discontinuity ? 1 : 0),
    dateRanges: [],
    segments,
    ...(open === undefined || open.parts.length === 0 ? {} : { openSegment: head(open) }),
    preloadHints:
      store.ended || last === undefined
        ? []
        : [
            {
              type: 'PART',
              uri: last.complete
                ? partName(rendition.name, token, last.number + 1, 0)
                : partName(rendition.name, token, last.number, last.parts.length),
            },
          ],
    renditionReports: store.renditions.filter((other) => other !== rendition).map((other) => report(other)),
    ended: store.ended,
  }
}

/** Of a segment that is protected. */
export function keysOf(
  { protection }: ManifestSource,
  { key }: StoredSegment,
  lines: KeyLines,
): Pick<SegmentHead, 'keys'> {
  return protection === undefined || key === undefined ? {} : { keys: protection.hlsKeys(key, lines) }
}

/** How many segments a delta update of the playlist leaves out: those that end before the skip boundary. */
export function skippable(playlist: MediaPlaylist): number {
  let fromEnd = (playlist.openSegment?.parts ?? []).reduce((sum, { duration }) => sum + duration, 0)
  for (let index = playlist.segments.length - 1; index >= 0; index--) {
    if (fromEnd > SKIP_BOUNDARY * playlist.targetDuration) return index + 1
    fromEnd += playlist.segments[index]?.duration ?? 0
  }
  return 0
}

function report(rendition: StoredRendition): RenditionReport {
  const last = rendition.segments.at(-1)
  const position = last !== undefined && last.parts.length === 0 ? rendition.segments.at(-2) : last
  return {
    uri: playlistName(rendition),
    ...(position === undefined ? {} : { lastMsn: position.number }),
    ...(position === undefined || position.parts.length === 0 ? {} : { lastPart: position.parts.length - 1 }),
  }
}

export function playlistName(rendition: StoredRendition): string {
  return `${rendition.name}.m3u8`
}

/** The entry playlist: a variant for every video rendition, audio renditions as one group. */
export function multivariantPlaylist(source: ManifestSource): MultivariantPlaylist {
  const { renditions } = source.store
  const videos = renditions.filter(({ track }) => track.kind === 'video')
  const audios = renditions.filter(({ track }) => track.kind === 'audio')
  const audioPeak = Math.max(0, ...audios.map((one) => bandwidthOf(one).peak))
  const audioAverage = Math.max(0, ...audios.map((one) => bandwidthOf(one).average))
  const audioCodecs = [...new Set(audios.map(({ track }) => codecString(track)))]
  const variants = videos.map((video): Variant => {
    const { peak, average } = bandwidthOf(video)
    const { width, height } = sizeOf(video.track)
    const rate = frameRateOf(video)
    return {
      bandwidth: peak + audioPeak,
      averageBandwidth: average + audioAverage,
      codecs: [codecString(video.track), ...audioCodecs].join(','),
      ...(width > 0 && height > 0 ? { resolution: { width, height } } : {}),
      ...(rate === undefined ? {} : { frameRate: rate }),
      videoRange: videoRange(video.track),
      ...(audios.length > 0 ? { audio: AUDIO_GROUP } : {}),
      closedCaptions: 'NONE',
      uri: playlistName(video),
    }
  })
  const [firstAudio] = audios
  if (videos.length === 0 && firstAudio !== undefined) {
    const { peak, average } = bandwidthOf(firstAudio)
    variants.push({
      bandwidth: Math.max(peak, audioPeak),
      averageBandwidth: average,
      codecs: audioCodecs.join(','),
      ...(audios.length > 1 ? { audio: AUDIO_GROUP } : {}),
      uri: playlistName(firstAudio),
    })
  }
  return {
    type: 'multivariant',
    version: VERSION,
    independentSegments: true,
    sessionKeys: [],
    renditions: videos.length > 0 || audios.length > 1 ? audioRenditions(audios) : [],
    variants,
    iFrameVariants: [],
  }
}

function audioRenditions(audios: readonly StoredRendition[]): Rendition[] {
  const names = new Set<string>()
  return audios.map((audio, index): Rendition => {
    const { track } = audio
    const wanted = track.name ?? track.language ?? `Audio ${index + 1}`
    // Names are unique in their group.
    const name = names.has(wanted) ? `${wanted} (${track.id})` : wanted
    names.add(name)
    return {
      type: 'AUDIO',
      groupId: AUDIO_GROUP,
      name,
      uri: playlistName(audio),
      ...(track.language === undefined ? {} : { language: track.language }),
      ...(index === 0 ? { default: true as const } : {}),
      autoselect: true,
      ...(track.audio === undefined ? {} : { channels: String(track.audio.channels) }),
    }
  })
}

/** Bits a second of the listed complete segments: the largest, and all together. */
export function bandwidthOf(rendition: StoredRendition): { readonly peak: number; readonly average: number } {
  const segments = rendition.segments.filter(({ complete, gap, duration }) => complete && !gap && duration > 0)
  const longest = Math.max(0, ...segments.map(({ duration }) => duration))
  let peak = 0
  let bytes = 0
  let duration = 0
  for (const segment of segments) {
    bytes += segment.byteLength
    duration += segment.duration
    // A short segment before a discontinuity says nothing of the rate a network must carry.
    if (segment.duration >= longest / 2) peak = Math.max(peak, rate(segment.byteLength, segment.duration))
  }
  const declared = rendition.track.bitrateBps ?? 1
  return { peak: Math.max(peak, 1) || declared, average: duration === 0 ? declared : rate(bytes, duration) }
}

/** Frames a second: declared, else measured in the complete segments. */
export function frameRateOf(rendition: StoredRendition): number | undefined {
  const declared = rendition.track.video?.frameRate
  if (declared !== undefined) return declared
  let packets = 0
  let duration = 0
  for (const segment of rendition.segments) {
    if (!segment.complete || segment.gap) continue
    packets += segment.packets
    duration += segment.duration
  }
  return rendition.track.kind !== 'video' || duration === 0
    ? undefined
    : Math.round((packets * 1_000 * MICROS_PER_SECOND) / duration) / 1_000
}

/** Transfer characteristics 16 and 18 of ISO/IEC 23091-2 are PQ and HLG. */
export function videoRange(track: Track): string {
  const transfer = track.video?.color?.transfer
  if (transfer === 16) return 'PQ'
  return transfer === 18 ? 'HLG' : 'SDR'
}

function sizeOf(track: Track): { readonly width: number; readonly height: number } {
  return { width: track.video?.width ?? 0, height: track.video?.height ?? 0 }
}

function rate(bytes: number, duration: Micros): number {
  return Math.ceil((bytes * 8 * MICROS_PER_SECOND) / duration)
}
