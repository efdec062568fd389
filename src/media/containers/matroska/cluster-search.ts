/** Finds clusters by their four bytes, where sizes cannot be believed. */
import type { ByteSource } from '../../byte-source.ts'
import { MAX_HEADER_BYTES, readElementHeader } from './ebml.ts'
import { CLUSTER_CHILDREN, ID } from './element-id.ts'

const WINDOW_BYTES = 64 * 1024
/** A header of a cluster and that of its first element, which must be one of a cluster. */
const CHECKED_BYTES = 2 * MAX_HEADER_BYTES
const FIRST_BYTE = ID.CLUSTER >>> 24

/** The first cluster that begins at or after `from` and before `end`. */
export async function findCluster(blocks: ByteSource, from: number, end: number): Promise<number | undefined> {
  for (let at = Math.max(0, from); at < end; at += WINDOW_BYTES) {
    const window = await readWindow(blocks, at, end)
    for (let i = window.indexOf(FIRST_BYTE); i !== -1 && i < WINDOW_BYTES; i = window.indexOf(FIRST_BYTE, i + 1)) {
      if (isCluster(window, i)) return at + i
    }
  }
  return undefined
}

/** The last cluster that begins between `start` and `end`, looked for in the last `most` bytes. */
export async function findLastCluster(
  blocks: ByteSource,
  start: number,
  end: number,
  most: number,
): Promise<number | undefined> {
  const least = Math.max(start, end - most)
  for (let at = end - WINDOW_BYTES; at > least - WINDOW_BYTES; at -= WINDOW_BYTES) {
    const from = Math.max(least, at)
    const window = await readWindow(blocks, from, end)
    const last = Math.min(window.byteLength, at + WINDOW_BYTES - from) - 1
    for (
      let i = window.lastIndexOf(FIRST_BYTE, last);
      i !== -1;
      i = i === 0 ? -1 : window.lastIndexOf(FIRST_BYTE, i - 1)
    ) {
      if (isCluster(window, i)) return from + i
    }
  }
  return undefined
}

function readWindow(blocks: ByteSource, at: number, end: number): Promise<Uint8Array> {
  return blocks.read(at, Math.min(WINDOW_BYTES + CHECKED_BYTES, end - at))
}

function isCluster(bytes: Uint8Array, at: number): boolean {
  const header = readElementHeader(bytes, at)
  if (header?.id !== ID.CLUSTER) return false
  const first = readElementHeader(bytes, at + header.headerBytes)
  return first !== undefined && CLUSTER_CHILDREN.has(first.id)
}
