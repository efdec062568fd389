/** How much a store works on at once and holds in a number, whatever database it is, and under which name it remembers what was erased. */
import { createHash } from 'node:crypto'

/** Sessions, and events of them, that are read again at once: the others wait for the next time. */
export const MAX_SETTLED = 100
export const MAX_SETTLED_EVENTS = 50_000
/** A longer one is never read again. */
export const MAX_REBUILT_EVENTS = 20_000

/** Events that are removed one by one at one time: the writer waits for it. Who asks is told how many went, and asks again. */
export const MAX_REMOVED = 200_000

/** Of sums, so that many forged numbers together stay what every database and a double hold exactly. */
export const MAX_SUM = Number.MAX_SAFE_INTEGER

/** A sum within `MAX_SUM`, also one that takes away. */
export function boundedSum(sum: number): number {
  return Math.max(-MAX_SUM, Math.min(sum, MAX_SUM))
}

/** SHA-256 of the id of a session, hex: tells nobody who it was. */
export function digestOf(sessionId: string): string {
  return createHash('sha256').update(sessionId).digest('hex')
}
