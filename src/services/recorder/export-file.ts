/** Writes a movie into a file that has its name only when it is whole. */
import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'

export interface ExportOptions {
  readonly output: string
  /** Bytes written so far. */
  readonly onProgress?: (bytes: number) => void
  readonly signal?: AbortSignal
}

/** Rejects with what the source or the disk says; nothing is left then. */
export async function writeExport(pieces: AsyncIterable<Uint8Array>, options: ExportOptions): Promise<void> {
  const { output, onProgress, signal } = options
  const draft = `${output}.part`
  const counted = async function* () {
    let bytes = 0
    for await (const piece of pieces) {
      yield piece
      bytes += piece.byteLength
      onProgress?.(bytes)
    }
  }
  try {
    await pipeline(counted, createWriteStream(draft), signal === undefined ? {} : { signal })
    await rename(draft, output)
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
}
