/** Where segments of sound begin in a file that has no tables: at the first packet in each, counted from the first of all. */
import { audioPacketSamples } from '../../media/codecs/audio-duration.ts'
import type { MediaReader } from '../../media/reader.ts'
import { MICROS_PER_SECOND, type Micros, ticksToMicros } from '../../media/time.ts'
import type { Track } from '../../media/track.ts'
import type { SegmentSpan } from './presentation.ts'
import { MAX_EARLY_SOUND } from './sample-times.ts'

/** Packets that are looked at for the first of each sound. */
const MAX_LOOKED_AT = 400

/**
 * Segments of each sound by its id, as far as its packets tell how long they are. Where packets are missing later, those after them begin up to
 * a packet away from what is said here, as they would for everybody who does not look.
 */
export async function soundSpans(
  reader: MediaReader,
  tracks: readonly Track[],
  spans: readonly SegmentSpan[],
): Promise<ReadonlyMap<number, readonly SegmentSpan[]>> {
  const sounds = new Map(tracks.filter(({ kind }) => kind === 'audio').map((track) => [track.id, track]))
  const found = new Map<number, readonly SegmentSpan[]>()
  if (sounds.size === 0) return found
  let looked = 0
  for await (const { track, pts, data } of reader.packets(0)) {
    if (sounds.has(track.id) && pts >= -MAX_EARLY_SOUND) {
      const samples = audioPacketSamples(track, data)
      const rate = track.audio?.sampleRate
      if (samples !== undefined && samples > 0 && rate) {
        found.set(track.id, alignedSpans(spans, pts, { samples, rate }))
      }
      sounds.delete(track.id)
    }
    if (sounds.size === 0 || ++looked >= MAX_LOOKED_AT) break
  }
  return found
}

/** Each segment but the first begins with the first packet at or after its time. */
function alignedSpans(
  spans: readonly SegmentSpan[],
  first: Micros,
  { samples, rate }: { readonly samples: number; readonly rate: number },
): readonly SegmentSpan[] {
  const packet = (samples * MICROS_PER_SECOND) / rate
  const starts = spans.map(({ start }, index) => {
    if (index === 0 || start <= first) return start
    // A time that was rounded is the packet's own.
    const number = Math.ceil((start - first) / packet - 0.001)
    return first + ticksToMicros(number * samples, rate)
  })
  const last = spans.at(-1)
  const end = last === undefined ? 0 : last.start + last.duration
  return spans.map((span, index) => {
    const start = starts[index] as Micros
    return { ...span, start, duration: Math.max(1, (starts[index + 1] ?? end) - start) }
  })
}
