/** How many streams of a hub are in memory as segments: answered without loading any of the code that packages. */
import type { Hub } from '../live/hub.ts'

const counts = new WeakMap<Hub, () => number>()

/** Said once, by what packages the streams of this hub. */
export function tellPackagedStreams(hub: Hub, count: () => number): void {
  counts.set(hub, count)
}

/** 0 where nothing has been packaged yet. */
export function packagedStreams(hub: Hub): number {
  return counts.get(hub)?.() ?? 0
}
