/** Bits a second of a rendition: from its tables where it has some, else from where the file keeps its key pictures. */
import type { KeyPoint } from '../../media/reader.ts'
import { MICROS_PER_SECOND, type Micros } from '../../media/time.ts'
import type { Track } from '../../media/track.ts'
import type { Bandwidth, SegmentSpan } from './presentation.ts'

/** Sound of a rate that nobody tells. */
const USUAL_AUDIO_BPS = 128_000

/** `bytes` are those of each segment. */
export function bandwidthOf(spans: readonly SegmentSpan[], bytes: readonly number[]): Bandwidth {
  const longest = Math.max(0, ...durationsOf(spans))
  let peakBps = 0
  let all = 0
  let duration = 0
  for (const [index, span] of spans.entries()) {
    const own = bytes[index] ?? 0
    all += own
    duration += span.duration
    // A short segment at the end says nothing of the rate a network must carry.
    if (span.duration >= longest / 2) peakBps = Math.max(peakBps, rate(own, span.duration))
  }
  return { peakBps: Math.max(1, peakBps), averageBps: Math.max(1, duration === 0 ? 0 : rate(all, duration)) }
}

/** Of each track of a file whose packets lie in the order of time: what is between two key points, less the sound. */
export function measuredBandwidths(
  tracks: readonly Track[],
  file: { readonly size: number; readonly duration: Micros; readonly keyPoints: readonly KeyPoint[] },
  spans: readonly SegmentSpan[],
): readonly Bandwidth[] {
  const bytes = bytesBetween(spans, file)
  const whole = bandwidthOf(spans, bytes)
  const hasVideo = tracks.some(({ kind }) => kind === 'video')
  const audios = tracks.filter(({ kind }) => kind === 'audio')
  const audioBps = (track: Track) => track.bitrateBps ?? (hasVideo ? USUAL_AUDIO_BPS : whole.averageBps / audios.length)
  const allAudio = audios.reduce((sum, track) => sum + audioBps(track), 0)
  const videos = Math.max(1, tracks.length - audios.length)
  return tracks.map((track) => {
    if (track.kind === 'audio') {
      const bps = Math.ceil(audioBps(track))
      return { peakBps: hasVideo ? bps : Math.max(bps, whole.peakBps), averageBps: bps }
    }
    const share = (bps: number) => Math.max(1, Math.ceil((bps - allAudio) / videos))
    return { peakBps: share(whole.peakBps), averageBps: share(whole.averageBps) }
  })
}

function bytesBetween(
  spans: readonly SegmentSpan[],
  {
    size,
    duration,
    keyPoints,
  }: { readonly size: number; readonly duration: Micros; readonly keyPoints: readonly KeyPoint[] },
): number[] {
  let index = 0
  const places = spans.map(({ start }) => {
    while (index + 1 < keyPoints.length && (keyPoints[index + 1] as KeyPoint).pts <= start) index++
    return keyPoints[index]?.position ?? 0
  })
  const ordered = places.every((place, at) => place <= size && (at === 0 || place >= (places[at - 1] as number)))
  if (!ordered) return spans.map((span) => (duration === 0 ? 0 : (size * span.duration) / duration))
  return places.map((place, at) => (places[at + 1] ?? size) - place)
}

function durationsOf(spans: readonly SegmentSpan[]): number[] {
  return spans.map(({ duration }) => duration)
}

function rate(bytes: number, duration: Micros): number {
  return Math.ceil((bytes * 8 * MICROS_PER_SECOND) / duration)
}
