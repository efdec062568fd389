/** Goes from block to block through the clusters of a file, past what is damaged (RFC 9559 section 5.1.3). */

import type { ByteSource } from '../../byte-source.ts'
import type { Notes } from '../../notes.ts'
import { type BlockHead, framesOf, MAX_BLOCK_HEAD_BYTES, readBlockHead } from './block.ts'
import { findCluster } from './cluster-search.ts'
import type { ElementHeader } from './ebml.ts'
import { CLUSTER_CHILDREN, ID, SEGMENT_CHILDREN } from './element-id.ts'
import { headerAt } from './segment.ts'

/** A picture of the largest size without compression has some 100 MB; coded, below this. */
const MAX_BLOCK_BYTES = 64 * 1024 * 1024
const MAX_UINT_BYTES = 8
/** Elements in a block group. */
const MAX_GROUP_ELEMENTS = 64

/** A block that is known by its head; its frames are not read yet. */
export interface BlockPlace extends BlockHead {
  /** Where its cluster begins. */
  readonly cluster: number
  /** Ticks. */
  readonly time: number
  /** Where the bytes behind the head begin, and how many there are. */
  readonly offset: number
  readonly size: number
  /** Ticks, where told. */
  readonly duration?: number
  /** Something was left out before it. */
  readonly afterDamage: boolean
}

interface GroupFacts {
  block: { readonly offset: number; readonly size: number } | undefined
  duration: number | undefined
  referring: boolean
}

export class BlockCursor {
  readonly #blocks: ByteSource
  readonly #end: number
  readonly #notes: Notes
  #position: number
  #cluster = 0
  #clusterTime: number | undefined
  #clusterEnd = Number.POSITIVE_INFINITY
  #afterDamage = false

  /** `position`: of a cluster, or of an element beside clusters. `end`: of the segment. Reads many small pieces of `blocks`. */
  constructor(blocks: ByteSource, position: number, end: number, notes: Notes) {
    this.#blocks = blocks
    this.#position = position
    this.#end = end
    this.#notes = notes
  }

  /** Goes to the element that begins `relative` bytes behind the header of the cluster there; `false` where there is none. */
  async seek(cluster: number, relative: number): Promise<boolean> {
    const header = await headerAt(this.#blocks, cluster)
    if (header?.id !== ID.CLUSTER) return false
    const start = cluster + header.headerBytes
    this.#beginCluster(cluster, start, header.size)
    for (let count = 0; count < MAX_GROUP_ELEMENTS && this.#clusterTime === undefined; count++) {
      const at = this.#position
      const element = await headerAt(this.#blocks, at)
      if (element === undefined || element.id === ID.CLUSTER || !(await this.#fits(element, at))) return false
      if ((await this.#enter(element, at)) !== undefined) return false
    }
    this.#position = start + relative
    return this.#clusterTime !== undefined
  }

  /** The next block; `undefined` at the end of what can be read. */
  async next(): Promise<BlockPlace | undefined> {
    while (this.#position < this.#end) {
      const at = this.#position
      const header = await headerAt(this.#blocks, at)
      if (header?.id === ID.EBML) {
        this.#notes.add('Another file begins within this one, and is not read.', at)
        return undefined
      }
      if (header === undefined || !(await this.#fits(header, at))) {
        if (!(await this.#resync(at))) return undefined
        continue
      }
      const block = await this.#enter(header, at)
      if (block !== undefined) return block
    }
    return undefined
  }

  /** The frames of a block. Throws ERR_MATROSKA_LACING. */
  async frames({ offset, size, lacing }: BlockPlace): Promise<Uint8Array[]> {
    return framesOf(await this.#blocks.read(offset, size), lacing)
  }

  /** How many frames a laced block has. */
  async frameCount({ offset, size }: BlockPlace): Promise<number> {
    return size === 0 ? 0 : ((await this.#blocks.read(offset, 1))[0] ?? 0) + 1
  }

  /** Whether an element of that kind and size can stand there. */
  async #fits({ id, headerBytes, size }: ElementHeader, at: number): Promise<boolean> {
    if (id === ID.CLUSTER) return true
    if (id === ID.SEGMENT || size === undefined || size > this.#end - at - headerBytes) return false
    if (SEGMENT_CHILDREN.has(id)) return true
    const end = at + headerBytes + size
    // What we do not know is passed over where its size makes sense.
    if (!CLUSTER_CHILDREN.has(id)) return end <= this.#clusterEnd && size <= MAX_BLOCK_BYTES
    if (end <= this.#clusterEnd) return true
    // One of the two sizes is wrong: that of the cluster if something known follows here.
    const next = await headerAt(this.#blocks, end)
    return end === this.#end || (next !== undefined && (CLUSTER_CHILDREN.has(next.id) || SEGMENT_CHILDREN.has(next.id)))
  }

  async #enter({ id, headerBytes, size = 0 }: ElementHeader, at: number): Promise<BlockPlace | undefined> {
    const start = at + headerBytes
    if (id === ID.CLUSTER) {
      this.#beginCluster(at, start, size)
      return undefined
    }
    this.#position = start + size
    switch (id) {
      case ID.TIMESTAMP:
        this.#clusterTime = await this.#uint(start, size)
        return undefined
      case ID.SIMPLE_BLOCK:
        return this.#block(start, size, undefined)
      case ID.BLOCK_GROUP:
        return this.#group(start, start + size)
      default:
        return undefined
    }
  }

  #beginCluster(at: number, start: number, size: number | undefined): void {
    if (at < this.#clusterEnd && this.#clusterEnd !== Number.POSITIVE_INFINITY && this.#clusterTime !== undefined) {
      this.#notes.add('A cluster is shorter than it says.', this.#cluster)
    }
    this.#position = start
    this.#cluster = at
    this.#clusterTime = undefined
    this.#clusterEnd = size === undefined || size === 0 ? Number.POSITIVE_INFINITY : start + size
  }

  async #group(start: number, end: number): Promise<BlockPlace | undefined> {
    const facts: GroupFacts = { block: undefined, duration: undefined, referring: false }
    let position = start
    for (let count = 0; position < end && count < MAX_GROUP_ELEMENTS; count++) {
      const header = await headerAt(this.#blocks, position)
      const content = position + (header?.headerBytes ?? 0)
      if (header?.size === undefined || header.size > end - content) {
        this.#notes.add('A block is damaged.', position)
        break
      }
      const { id, size } = header
      if (id === ID.BLOCK) facts.block = { offset: content, size }
      else if (id === ID.REFERENCE_BLOCK) facts.referring = true
      else if (id === ID.BLOCK_DURATION) facts.duration = await this.#uint(content, size)
      position = content + size
    }
    return facts.block === undefined ? undefined : this.#block(facts.block.offset, facts.block.size, facts)
  }

  async #block(start: number, size: number, group: GroupFacts | undefined): Promise<BlockPlace | undefined> {
    const head = readBlockHead(await this.#blocks.read(start, Math.min(size, MAX_BLOCK_HEAD_BYTES)))
    if (head === undefined || this.#clusterTime === undefined || size > MAX_BLOCK_BYTES) {
      this.#notes.add('A block is damaged.', start)
      return undefined
    }
    const afterDamage = this.#afterDamage
    this.#afterDamage = false
    return {
      ...head,
      cluster: this.#cluster,
      time: this.#clusterTime + head.relativeTime,
      offset: start + head.headBytes,
      size: size - head.headBytes,
      key: group === undefined ? head.key : !group.referring,
      ...(group?.duration !== undefined && { duration: group.duration }),
      afterDamage,
    }
  }

  /** `undefined` for what is none. */
  async #uint(start: number, size: number): Promise<number | undefined> {
    if (size > MAX_UINT_BYTES) return undefined
    let value = 0
    for (const byte of await this.#blocks.read(start, size)) value = value * 256 + byte
    return value <= Number.MAX_SAFE_INTEGER ? value : undefined
  }

  /** Goes on with the next cluster; `false` when there is none. */
  async #resync(at: number): Promise<boolean> {
    this.#afterDamage = true
    const cluster = await findCluster(this.#blocks, at + 1, this.#end)
    this.#notes.add(
      cluster === undefined ? 'The file is cut off, or damaged to its end.' : 'Damaged data is left out.',
      at,
    )
    this.#position = cluster ?? this.#end
    this.#clusterEnd = Number.POSITIVE_INFINITY
    return cluster !== undefined
  }
}
