/** The part target of a stream: parts hold whole packets, so slow frame rates need longer ones (RFC 8216bis section 4.4.3.7). */
import type { Packet } from '../media/packet.ts'
import { MICROS_PER_MS, type Micros } from '../media/time.ts'
import { SHORTEST_PART } from './part-builder.ts'
import { isPackaged } from './segmenter.ts'

/** Room for packets that come a little late, as clocks of milliseconds have them. */
const JITTER = 1.05
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

/**
 * At least `wanted`, and so long that full parts of packets with each of these intervals reach 85 % of it. A multiple of a
 * millisecond.
 */
export function choosePartTarget(wanted: Micros, intervals: readonly Micros[]): Micros {
  let target = wanted
  for (const interval of intervals) {
    const packets = Math.floor(wanted / interval)
    if (packets * interval < SHORTEST_PART * wanted) target = Math.max(target, (packets + 1) * interval * JITTER)
  }
  return Math.min(Math.ceil(target / MICROS_PER_MS) * MICROS_PER_MS, MAX_PART_TARGET)
}
