/** Which samples of a track are in which segment, and with what times. */
import { type KeyPoint, leadingTrack, type MediaReader } from '../../media/reader.ts'
import { MICROS_PER_MS, MICROS_PER_SECOND, type Micros } from '../../media/time.ts'
import type { Track } from '../../media/track.ts'
import type { SegmentSpan } from './presentation.ts'
import { MAX_EARLY_SOUND } from './sample-times.ts'
import { nearestTo } from './spans.ts'

/** A segment's beginning and the key picture it stands for are this near: half a picture at 250 a second. */
const SAME_PICTURE = 2 * MICROS_PER_MS
/** Key pictures for fast seeking are not nearer to each other. */
const MIN_BETWEEN_KEY_PICTURES = MICROS_PER_SECOND / 2

/** What the segments of a track are made by. */
export interface TrackPlan {
  readonly track: Track
  /** Presentation time at which each segment begins. */
  readonly starts: readonly Micros[]
  /** Where the last one ends. */
  readonly end: Micros
  /** Decode time at which each segment begins, and infinity at the end. */
  readonly decodeStarts: readonly Micros[]
  /** The key pictures that can be shown alone, in order. Of sound none. */
  readonly keyPictures: readonly KeyPoint[]
}

/** The plan of each of these tracks of a file. `keyPoints` are those of its leading track. */
export function planTracks(
  reader: MediaReader,
  tracks: readonly Track[],
  { spans, keyPoints }: { readonly spans: readonly SegmentSpan[]; readonly keyPoints: readonly KeyPoint[] },
): readonly TrackPlan[] {
  const lead = leadingTrack(reader.tracks)
  return tracks.map((track): TrackPlan => {
    if (track.kind !== 'video') return planSound(track, spans)
    return planPicture(track, spans, track.id === lead?.id ? keyPoints : [])
  })
}

/** Key points from the one that is needed to show zero on. */
export function seenKeyPoints(keyPoints: readonly KeyPoint[]): readonly KeyPoint[] {
  const first = keyPoints.findLastIndex(({ pts }) => pts <= 0)
  return keyPoints.slice(Math.max(0, first))
}

function planPicture(track: Track, spans: readonly SegmentSpan[], keyPoints: readonly KeyPoint[]): TrackPlan {
  const seen = seenKeyPoints(keyPoints)
  const [first] = seen
  /** How long a key picture waits between being decoded and shown. */
  const wait = first === undefined ? 0 : Math.max(0, first.pts - first.dts)
  const presented = seen.map(({ pts }) => pts)
  const decodeStarts = spans.map(({ start }, index) => {
    if (index === 0) return first?.dts ?? Number.NEGATIVE_INFINITY
    const key = nearestTo(presented, start, SAME_PICTURE)
    return key === undefined ? start - wait : (seen[key] as KeyPoint).dts
  })
  return {
    track,
    starts: spans.map(({ start }) => start),
    end: endOf(spans),
    decodeStarts: [...decodeStarts, Number.POSITIVE_INFINITY],
    keyPictures: apart(seen),
  }
}

/** Where every picture is a key picture, some are enough. */
function apart(keyPoints: readonly KeyPoint[]): readonly KeyPoint[] {
  let last = Number.NEGATIVE_INFINITY
  return keyPoints.filter(({ pts }) => {
    if (pts - last < MIN_BETWEEN_KEY_PICTURES) return false
    last = pts
    return true
  })
}

function planSound(track: Track, spans: readonly SegmentSpan[]): TrackPlan {
  const starts = spans.map(({ start }) => start)
  return {
    track,
    starts,
    end: endOf(spans),
    decodeStarts: [-MAX_EARLY_SOUND, ...starts.slice(1), Number.POSITIVE_INFINITY],
    keyPictures: [],
  }
}

function endOf(spans: readonly SegmentSpan[]): Micros {
  const last = spans.at(-1)
  return last === undefined ? 0 : last.start + last.duration
}
