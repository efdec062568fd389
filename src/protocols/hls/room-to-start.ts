/** The first playlist of a stream that has just begun. */
import { MICROS_PER_MS } from '../../media/time.ts'
import { partHoldBack } from '../../packaging/hls.ts'
import type { Packager } from '../../packaging/packager.ts'
import type { StoredRendition } from '../../packaging/stored-segment.ts'

/** Parts that are waited for: more than the distance has, whatever they are like. */
const MAX_PARTS = 16
/** Longest wait, times the distance: a stream that stands still is as short as it is. */
const PATIENCE = 2

/**
 * Resolves when players have room to start behind the first segment that there is, or no more comes. hls.js, started within the first segment of a
 * playlist, loads its parts, plays at the same time from where it was told to, takes the segment for missing, loads it again over what it plays, and
 * stands still for half a second.
 */
export async function waitForRoomToStart(packager: Packager, signal: AbortSignal): Promise<void> {
  const { store } = packager
  const holdBack = partHoldBack(packager)
  const deadline = performance.now() + (PATIENCE * holdBack) / MICROS_PER_MS
  for (const rendition of store.renditions) {
    for (let parts = 0; parts < MAX_PARTS && !store.ended && !hasRoom(rendition, holdBack); parts++) {
      const last = rendition.segments.at(-1)
      const next =
        last === undefined || last.complete
          ? { number: (last?.number ?? -1) + 1, part: 0 }
          : { number: last.number, part: last.parts.length }
      const waitMs = Math.max(0, deadline - performance.now())
      if (!(await store.waitFor(rendition, next, { waitMs, signal }))) return
    }
  }
}

/** `holdBack`: microseconds from the live edge to where players start. */
function hasRoom({ segments }: StoredRendition, holdBack: number): boolean {
  let behind = 0
  for (let at = segments.length - 1; at > 0 && behind < holdBack; at--) {
    const { complete, duration, parts = [] } = segments[at] ?? {}
    behind += complete ? (duration ?? 0) : parts.reduce((sum, part) => sum + part.duration, 0)
  }
  return behind >= holdBack
}
