/** Blocks of subtitles, found by the index: the rest of the file is not read for them. */
import type { ByteSource } from '../../byte-source.ts'
import { Notes } from '../../notes.ts'
import { BlockCursor, type BlockPlace } from './block-cursor.ts'
import type { CueEntry } from './cues.ts'
import type { Blocks } from './packet-walk.ts'
import { WindowSource } from './window-source.ts'

/** A block that the index knows by its own place. */
export interface CuedBlock {
  readonly trackNumber: number
  readonly time: number
  readonly cluster: number
  readonly relative: number
}

/** The blocks of these tracks in order of time; `undefined` where the index does not tell their own places, or lies. */
export async function cuedBlocks(
  source: ByteSource,
  cues: ReadonlyMap<number, readonly CueEntry[]>,
  trackNumbers: readonly number[],
  end: number,
): Promise<readonly CuedBlock[] | undefined> {
  const found: CuedBlock[] = []
  for (const trackNumber of trackNumbers) {
    const entries = cues.get(trackNumber) ?? []
    if (entries.length === 0) return undefined
    for (const { time, cluster, relative } of entries) {
      if (relative === undefined) return undefined
      found.push({ trackNumber, time, cluster, relative })
    }
  }
  found.sort((a, b) => a.time - b.time)
  const samples = [0, found.length >> 1, found.length - 1].flatMap((at) => found.slice(at, at + 1))
  const cued = new CuedBlocks(source, samples, end, new Notes())
  for (const _ of samples) if ((await cued.next()) === undefined) return undefined
  return found
}

export class CuedBlocks implements Blocks {
  readonly #source: ByteSource
  readonly #blocks: readonly CuedBlock[]
  readonly #end: number
  readonly #notes: Notes
  #next = 0

  constructor(source: ByteSource, blocks: readonly CuedBlock[], end: number, notes: Notes) {
    this.#source = new WindowSource(source)
    this.#blocks = blocks
    this.#end = end
    this.#notes = notes
  }

  /** Those that are not where they should be are left out with a note. */
  async next(): Promise<BlockPlace | undefined> {
    for (let block = this.#blocks[this.#next++]; block !== undefined; block = this.#blocks[this.#next++]) {
      const cursor = new BlockCursor(this.#source, block.cluster, this.#end, new Notes())
      if (await cursor.seek(block.cluster, block.relative)) {
        const place = await cursor.next()
        if (place?.cluster === block.cluster && place.trackNumber === block.trackNumber) return place
      }
      this.#notes.add('The index is wrong about a subtitle.', block.cluster)
    }
    return undefined
  }

  frames(place: BlockPlace): Promise<Uint8Array[]> {
    return new BlockCursor(this.#source, place.cluster, this.#end, this.#notes).frames(place)
  }
}
