/** Opens a file by its path on this machine, or by its address on an HTTP server. */
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { UnavailableError } from '../errors.ts'
import type { ByteSource } from '../media/byte-source.ts'
import { type HttpSourceOptions, openHttpSource } from './http-source.ts'

/** Close it when done. */
export interface OpenSource extends ByteSource {
  close(): Promise<void>
}

/** Whether an input is an address of HTTP. */
export function isHttpAddress(input: string): boolean {
  return /^https?:\/\//i.test(input)
}

/** Throws UnavailableError: what `openHttpSource` and `openFileSource` throw. */
export async function openSource(input: string, options?: HttpSourceOptions): Promise<OpenSource> {
  if (!isHttpAddress(input)) return openFileSource(input)
  const source = await openHttpSource(input, options)
  return {
    size: source.size,
    read: (offset, length) => source.read(offset, length),
    close() {
      source.close()
      return Promise.resolve()
    },
  }
}

/** A plain file. Its size is the one it had when it was opened. Throws UnavailableError ERR_FILE_UNREADABLE. */
export async function openFileSource(path: string): Promise<OpenSource> {
  let file: FileHandle
  try {
    // Not blocking: opening a pipe that nobody writes to would never end.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)
    throw new UnavailableError('ERR_FILE_UNREADABLE', `${path} cannot be opened: ${reason}`, { cause })
  }
  const information = await file.stat()
  if (!information.isFile()) {
    await file.close()
    throw new UnavailableError('ERR_FILE_UNREADABLE', `expected a file at ${path}, found something else`)
  }
  const { size } = information
  return {
    size,
    async read(offset, length) {
      const wanted = Math.max(0, Math.min(length, size - offset))
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(wanted), 0, wanted, offset)
      return buffer.subarray(0, bytesRead)
    },
    close: () => file.close(),
  }
}
