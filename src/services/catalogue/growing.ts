/** Files that are being written: a recording, or a film that somebody copies into the library. */

/** A file that was changed this short a time ago, milliseconds, is taken for one that goes on changing. */
const GROWING_MS = 8_000

/** `now`: milliseconds since 1970. */
export function isGrowing({ modified }: { readonly modified: Date }, now: number): boolean {
  return Math.abs(now - modified.getTime()) < GROWING_MS
}
