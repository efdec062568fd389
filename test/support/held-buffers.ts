/** Memory of buffers that is in use, and not merely not collected yet: what tests of bounds may compare. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Bytes outside of the heap once collections find nothing more: each ends the freeing that the one before began in the background. */
export async function heldBuffers(): Promise<number> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  let held = Number.POSITIVE_INFINITY
  for (;;) {
    collect()
    await nextTurn()
    collect()
    const { arrayBuffers } = process.memoryUsage()
    if (arrayBuffers >= held) return held
    held = arrayBuffers
  }
}
