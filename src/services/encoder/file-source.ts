/** An open file for readers that jump about in it. */
import type { FileHandle } from 'node:fs/promises'
import type { ByteSource } from '../../media/byte-source.ts'

/** The handle stays the caller's. */
export async function fileSource(file: FileHandle): Promise<ByteSource> {
  const { size } = await file.stat()
  return {
    size,
    async read(offset, length) {
      const wanted = Math.max(0, Math.min(length, size - offset))
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(wanted), 0, wanted, offset)
      return buffer.subarray(0, bytesRead)
    },
  }
}
