/** The few things that a recording asks of a file system, so that tests can make any of them fail. */
import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, rm, statfs } from 'node:fs/promises'

/** A file that is written. */
export interface DiskFile {
  /** Writes all of it. Rejects when a part cannot be written; some of it may be there then. */
  write(buffers: readonly Uint8Array[], position: number): Promise<void>
  /** Bytes. */
  size(): Promise<number>
  truncate(length: number): Promise<void>
  /** The bytes are on the medium itself. */
  sync(): Promise<void>
  close(): Promise<void>
}

export interface Disk {
  makeFolder(path: string): Promise<void>
  /** Makes a file that must not exist. */
  create(path: string): Promise<DiskFile>
  remove(path: string): Promise<void>
  /** Bytes that may still be written in a folder's file system. */
  free(folder: string): Promise<number>
}

const FILE_MODE = 0o640
const FOLDER_MODE = 0o750
/** No link is followed: nobody who may write into the folder leads us elsewhere. */
const CREATE = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0)

/** The machine's own. */
export const nodeDisk: Disk = {
  makeFolder: async (path) => {
    await mkdir(path, { recursive: true, mode: FOLDER_MODE })
  },
  create: async (path) => diskFile(await open(path, CREATE, FILE_MODE)),
  remove: (path) => rm(path, { force: true }),
  free: async (folder) => {
    const { bavail, bsize } = await statfs(folder)
    return bavail * bsize
  },
}

/** A file that is open already. */
export function diskFile(handle: FileHandle): DiskFile {
  return {
    write: async (buffers, position) => writeAll(handle, buffers, position),
    size: async () => (await handle.stat()).size,
    truncate: (length) => handle.truncate(length),
    sync: () => handle.datasync(),
    close: () => handle.close(),
  }
}

/** A disk that is nearly full writes a part and says so only with the next call. */
async function writeAll(handle: FileHandle, buffers: readonly Uint8Array[], position: number): Promise<void> {
  const [only] = buffers
  const total = buffers.reduce((sum, { byteLength }) => sum + byteLength, 0)
  const { bytesWritten } =
    buffers.length === 1 && only !== undefined
      ? await handle.write(only, 0, only.byteLength, position)
      : await handle.writev([...buffers], position)
  if (bytesWritten === total) return
  let rest = Buffer.concat(buffers).subarray(bytesWritten)
  for (let at = position + bytesWritten; rest.byteLength > 0; ) {
    const more = await handle.write(rest, 0, rest.byteLength, at)
    if (more.bytesWritten === 0) throw Object.assign(new Error('ENOSPC: nothing could be written'), { code: 'ENOSPC' })
    rest = rest.subarray(more.bytesWritten)
    at += more.bytesWritten
  }
}
