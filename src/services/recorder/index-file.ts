/** The index of a recording on the disk: read whole, or only its two ends where there are many recordings. */
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { ByteSource } from '../../media/byte-source.ts'
import { type EndEntry, type FileEntry, type IndexContent, MAX_INDEX_BYTES, readIndex } from './recording-index.ts'

/** Longer than the first and the last line. */
const EDGE_BYTES = 4096
const READ = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0)

/** What the two ends of an index tell. */
export interface IndexEdges {
  readonly file: FileEntry | undefined
  /** `undefined`: the recording grows, or was not completed. */
  readonly end: EndEntry | undefined
}

/** An index that is missing, or larger than any, has no entries. */
export async function readIndexFile(path: string): Promise<IndexContent> {
  return (
    (await withFile(path, async (file, size) =>
      readIndex(await readPiece(file, 0, Math.min(size, MAX_INDEX_BYTES))),
    )) ?? {
      entries: [],
      wholeBytes: 0,
    }
  )
}

export async function readIndexEdges(path: string): Promise<IndexEdges> {
  const edges = await withFile(path, async (file, size) => {
    const head = readIndex(await readPiece(file, 0, Math.min(size, EDGE_BYTES))).entries[0]
    const tail = await readPiece(file, Math.max(0, size - EDGE_BYTES), Math.min(size, EDGE_BYTES))
    const lastLine = tail.subarray(tail.lastIndexOf(0x0a, -2) + 1)
    const last = readIndex(lastLine).entries[0]
    return { file: head?.type === 'file' ? head : undefined, end: last?.type === 'end' ? last : undefined }
  })
  return edges ?? { file: undefined, end: undefined }
}

/** An open file at random. */
export function fileSource(file: FileHandle, size: number): ByteSource {
  return {
    size,
    read: (offset, length) => readPiece(file, offset, Math.max(0, Math.min(length, size - offset))),
  }
}

/** Up to `length` bytes; fewer where the file ends. */
async function readPiece(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.allocUnsafeSlow(length), 0, length, offset)
  return buffer.subarray(0, bytesRead)
}

async function withFile<Result>(
  path: string,
  use: (file: FileHandle, size: number) => Promise<Result>,
): Promise<Result | undefined> {
  let file: FileHandle
  try {
    file = await open(path, READ)
  } catch (error) {
    if (['ENOENT', 'ELOOP', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
  try {
    return await use(file, (await file.stat()).size)
  } finally {
    await file.close()
  }
}
