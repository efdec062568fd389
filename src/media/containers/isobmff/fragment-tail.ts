/** When a movie of fragments ends, from its last ones: where no box tells its duration, as in recordings that broke off. */
import { FormatError } from '../../../errors.ts'
import type { ByteSource } from '../../byte-source.ts'
import type { Micros } from '../../time.ts'
import { readFragment } from './fragment-index.ts'
import { FragmentReader } from './fragment-reader.ts'
import type { Movie } from './movie.ts'

/** How far from the end a fragment is looked for: ten seconds of most films. */
const TAIL_BYTES = 4 * 1024 * 1024
/** Places that look like one and are none. */
const MAX_TRIES = 64
const MOOF = [0x6d, 0x6f, 0x6f, 0x66]
const MFHD = [0x6d, 0x66, 0x68, 0x64]

/**
 * End of the last sample of all tracks whose last fragments are near the end of the file; `undefined` where none is found, or where
 * fragments do not tell their times themselves.
 */
export async function findFragmentsEnd(source: ByteSource, movie: Movie): Promise<Micros | undefined> {
  const start = Math.max(0, source.size - TAIL_BYTES)
  const tail = await source.read(start, source.size - start)
  let tries = 0
  for (let at = 4; at + 16 <= tail.byteLength; at++) {
    // Header of moof, then that of mfhd, which is always first.
    if (!stands(MOOF, tail, at) || !stands(MFHD, tail, at + 8)) continue
    if (++tries > MAX_TRIES) return undefined
    const end = await endFrom(source, movie, start + at - 4)
    if (end !== undefined) return end
  }
  return undefined
}

async function endFrom(source: ByteSource, movie: Movie, position: number): Promise<Micros | undefined> {
  const reader = new FragmentReader(movie)
  let end: Micros | undefined
  try {
    let next = position
    for (;;) {
      const fragment = await readFragment(source, reader, next)
      if (fragment === undefined || !reader.allTimed) break
      for (const { pts, duration } of fragment.samples) end = Math.max(end ?? 0, pts + duration)
      next = fragment.next
    }
  } catch (error) {
    // The last fragment of a recording may be half of one.
    if (!(error instanceof FormatError)) throw error
  }
  return reader.allTimed ? end : undefined
}

function stands(wanted: readonly number[], bytes: Uint8Array, at: number): boolean {
  return wanted.every((byte, i) => bytes[at + i] === byte)
}
