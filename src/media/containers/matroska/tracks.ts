/** The tracks of a file in our terms, and those that are only told of. */
import type { Notes } from '../../notes.ts'
import type { ForeignTrack } from '../../reader.ts'
import { TRACK_ID_BASE, type Track } from '../../track.ts'
import { formatOf, kindOf } from './codec-mapping.ts'
import { foreignCodec } from './foreign-codec.ts'
import type { TrackEntry } from './track-entry.ts'
import type { TrackFormat } from './track-format.ts'
import { type TrackLane, type TrackProbe, trackLane } from './track-lane.ts'

/** Matroska's usual clock: milliseconds. */
const MICROS_PER_SECOND = 1_000_000
const NO_PROBE: TrackProbe = { times: [], frame: undefined, firstTicks: undefined }

/**
 * In the order of the file, but those first that are to be played unless somebody chooses otherwise. `tick`: microseconds. `bitrates` by
 * `TrackEntry.uid`.
 */
export function describeTracks(
  entries: readonly TrackEntry[],
  probes: ReadonlyMap<number, TrackProbe>,
  tick: number,
  bitrates: ReadonlyMap<string, number>,
  notes: Notes,
): { readonly lanes: readonly TrackLane[]; readonly foreign: readonly ForeignTrack[] } {
  const lanes: TrackLane[] = []
  const foreign: ForeignTrack[] = []
  const counts = { video: 0, audio: 0, text: 0, data: 0 }
  for (const entry of [...entries].sort((a, b) => Number(b.isDefault) - Number(a.isDefault))) {
    const kind = kindOf(entry)
    const probe = probes.get(entry.number) ?? NO_PROBE
    const format = formatOf(entry, probe.frame)
    if (format === undefined || typeof format === 'string') {
      const codec = foreignCodec(entry)
      const { language } = entry
      foreign.push({ kind, codec, ...(language !== undefined && { language }) })
      if (format !== undefined) notes.add(`Track ${entry.number} (${codec}) is not read: ${format}.`)
      continue
    }
    const id = TRACK_ID_BASE[kind] + counts[kind]++
    const track = trackOf(id, entry, format, tick, bitrates.get(entry.uid))
    lanes.push(trackLane(entry, track, format, probe, tick))
  }
  return { lanes, foreign }
}

function trackOf(
  id: number,
  entry: TrackEntry,
  { codec, config, video, audio }: TrackFormat,
  tick: number,
  bitrateBps: number | undefined,
): Track {
  const { language, name } = entry
  return {
    id,
    kind: kindOf(entry),
    codec,
    ...(config !== undefined && { config }),
    ...(video !== undefined && { video }),
    ...(audio !== undefined && { audio }),
    timescale: Math.round(MICROS_PER_SECOND / tick) || 1,
    ...(language !== undefined && { language }),
    ...(name !== undefined && { name }),
    ...(bitrateBps !== undefined && { bitrateBps }),
  }
}
