/** WebVTT in fragments (ISO/IEC 14496-30 section 7.4 to 7.6): samples that say what is shown, each until the next change. */
import { ByteWriter } from '../../bytes/byte-writer.ts'
import type { Packet } from '../../packet.ts'
import { type Cue, type CueSpan, cuesWithin } from '../../subtitles/cue.ts'
import { type Micros, microsToTicks, ticksToMicros } from '../../time.ts'
import type { Track } from '../../track.ts'
import { writeBox } from './box.ts'
import { type FragmentSample, writeFragment } from './fragment.ts'
import { trackTimescale } from './movie-boxes.ts'

/** Cues shown at the same time; nobody reads more. */
const MAX_SHOWN_CUES = 32

export interface TextSegmentOptions {
  /** Number of the segment, from 1. */
  readonly sequence: number
  /** What fragments of sound and picture say at the beginning of the film; 0 when left out. */
  readonly mediaStart?: Micros
}

/**
 * A segment of a text track whose init segment is `writeTextInitSegment(track)`: `styp`, `moof`, `mdat`. `cues` are in the order of their
 * beginnings. The samples fill the whole span, with `vtte` where nothing is shown; a cue that several samples show has the same source
 * id in all of them.
 */
export function writeTextSegment(
  track: Track,
  cues: readonly Cue[],
  span: CueSpan,
  { sequence, mediaStart = 0 }: TextSegmentOptions,
): Uint8Array {
  const timescale = trackTimescale(track)
  const start = microsToTicks(span.start, timescale)
  const end = microsToTicks(span.start + span.duration, timescale)
  const timed = cuesWithin(cues, span).map(
    (cue): TimedCue => ({ cue, start: microsToTicks(cue.start, timescale), end: microsToTicks(cue.end, timescale) }),
  )
  const changes = new Set([start, ...timed.flatMap((cue) => [cue.start, cue.end])])
  const times = [...changes].filter((ticks) => ticks === start || (ticks > start && ticks < end)).sort((a, b) => a - b)
  const samples: FragmentSample[] = []
  const shown = new Set<TimedCue>()
  let next = 0
  times.forEach((from, i) => {
    const to = times[i + 1] ?? end
    for (const cue of shown) if (cue.end <= from) shown.delete(cue)
    for (let cue = timed[next]; cue !== undefined && cue.start < to; cue = timed[++next]) {
      if (cue.end > from) shown.add(cue)
    }
    const dts = ticksToMicros(from, timescale)
    const packet: Packet = { track, data: sampleOf([...shown], from, to), pts: dts, dts, key: true }
    samples.push({ packet, duration: ticksToMicros(to, timescale) - dts })
  })
  const baseDecodeTime = ticksToMicros(start, timescale) + mediaStart
  return writeFragment({ sequence, segmentStart: true, tracks: [{ track, baseDecodeTime, samples }] })
}

/** Times in ticks of the track. */
interface TimedCue {
  readonly cue: Cue
  readonly start: number
  readonly end: number
}

function sampleOf(shown: readonly TimedCue[], from: number, to: number): Uint8Array {
  const writer = new ByteWriter()
  for (const { cue, start, end } of shown.slice(0, MAX_SHOWN_CUES)) {
    writeBox(writer, 'vttc', () => {
      if (start < from || end > to) writeBox(writer, 'vsid', () => writer.u32(sourceId(cue)))
      const { settings } = cue
      if (settings !== undefined) writeBox(writer, 'sttg', () => writer.utf8(settings))
      writeBox(writer, 'payl', () => writer.utf8(cue.text))
    })
  }
  if (shown.length === 0) writeBox(writer, 'vtte', () => {})
  return writer.detach(0)
}

/** The same in every segment, and with all likelihood another one for another cue: FNV-1a of what it says and when. */
function sourceId({ start, end, text }: Cue): number {
  let hash = 0x811c_9dc5
  for (const character of `${start} ${end} ${text}`) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x0100_0193)
  }
  return hash >>> 0
}
