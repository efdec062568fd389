/** The part target of a stream: parts hold whole packets, so slow frame rates need longer ones (RFC 8216bis section 4.4.3.7). */
import type { Packet } from '../media/packet.ts'
import { MICROS_PER_MS, type Micros } from '../media/time.ts'
import { SHORTEST_PART } from './part-builder.ts'
import { isPackaged } from './segmenter.ts'

/** Room for packets that come a little late, as clocks of milliseconds have them. */
const JITTER = 1.05
/** Clocks of milliseconds make some parts this much longer than others. */
const ROUNDED: Micros = 1 * MICROS_PER_MS
/**
 * hls.js takes a segment for loaded when no more than 0.1 s of it is missing. One that joins before the last part is announced never
 * asks for a shorter one, and its audio waits for that video until the parts leave the playlist.
 */
const SHORTEST_LAST_PART: Micros = 100 * MICROS_PER_MS
/** Parts are made longer by this at most for the sake of a segment's last. */
const LONGEST_STRETCH = 1.5
/** A still picture must not make parts of a minute. */
const MAX_PART_TARGET: Micros = 2_000 * MICROS_PER_MS

/** The longest distance between packets of a track, outliers aside. */
export function packetIntervals(packets: Iterable<Packet>): Micros[] {
  const steps = new Map<number, { last: Micros; steps: Micros[] }>()
  for (const { track, dts } of packets) {
    if (!isPackaged(track)) continue
    const known = steps.get(track.id)
    if (known === undefined) steps.set(track.id, { last: dts, steps: [] })
    else {
      known.steps.push(dts - known.last)
      known.last = dts
    }
  }
  const intervals: Micros[] = []
  for (const { steps: all } of steps.values()) {
    const median = all.toSorted((left, right) => left - right)[all.length >> 1]
    if (median !== undefined && median > 0) intervals.push(median)
  }
  return intervals
}

/** Distance of the leading video track's key packets, outliers aside; `undefined`: fewer than two, or no video. */
export function keyInterval(packets: Iterable<Packet>): Micros | undefined {
  let leading: number | undefined
  let last: Micros | undefined
  const steps: Micros[] = []
  for (const { track, key, dts } of packets) {
    if (track.kind !== 'video' || !key || !isPackaged(track)) continue
    leading ??= track.id
    if (track.id !== leading) continue
    if (last !== undefined && dts > last) steps.push(dts - last)
    last = dts
  }
  return steps.toSorted((left, right) => left - right)[steps.length >> 1]
}

/**
 * At least `wanted`, and so long that full parts of packets with each of these intervals reach 85 % of it and, where segments of
 * `segment` allow it, that no segment ends in a tiny part. A multiple of a millisecond.
 */
export function choosePartTarget(wanted: Micros, intervals: readonly Micros[], segment?: Micros): Micros {
  let target = wanted
  for (const interval of intervals) {
    const packets = Math.floor(wanted / interval)
    if (packets * interval < SHORTEST_PART * wanted) target = Math.max(target, (packets + 1) * interval * JITTER)
  }
  target = Math.min(Math.ceil(target / MICROS_PER_MS) * MICROS_PER_MS, MAX_PART_TARGET)
  if (segment === undefined) return target
  const most = Math.min(target * LONGEST_STRETCH, MAX_PART_TARGET)
  for (let longer = target; longer <= most; longer += MICROS_PER_MS) {
    if (intervals.every((interval) => endsWell(longer, interval, segment))) return longer
  }
  return target
}

/** The last part of a segment is none, or long enough to be seen. */
function endsWell(target: Micros, interval: Micros, segment: Micros): boolean {
  const full = Math.floor((target - ROUNDED) / interval) * interval
  if (full < SHORTEST_PART * target) return false
  const rest = segment % full
  const even = rest < interval / 2 || full - rest < interval / 2
  // Segments of tracks that follow the leading one differ by a packet.
  return even || rest >= SHORTEST_LAST_PART + interval
}
