/** The folder a packager writes into: files appear whole or not at all, so that an interrupted run can go on where it was. */
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { HeadendError, UnavailableError } from '../../errors.ts'
import { ReusedBuffer } from '../../packaging/on-demand/segment-bytes.ts'

const DRAFT = '.part'
/** Drafts of media files, whatever token they have: nobody else makes such names. */
const MEDIA_DRAFT = /^(?:video|audio|text)-\d{1,10}-[0-9a-f]{12}-[a-z0-9-]{1,20}\.(?:mp4|m4s|vtt)\.part$/

export class OutputFolder {
  readonly path: string
  readonly #room = new ReusedBuffer()

  /** What was there at first. */
  readonly #names: ReadonlySet<string>

  private constructor(path: string, names: ReadonlySet<string>) {
    this.path = path
    this.#names = names
  }

  /** Created when missing; what an interrupted run left half written is removed. Throws UnavailableError ERR_PACKAGE_OUTPUT. */
  static async open(path: string): Promise<OutputFolder> {
    try {
      await mkdir(path, { recursive: true })
      const names = await readdir(path)
      for (const name of names) if (MEDIA_DRAFT.test(name)) await rm(join(path, name), { force: true })
      return new OutputFolder(path, new Set(names))
    } catch (cause) {
      throw outputError(path, cause)
    }
  }

  /** What an earlier run has written, good until the next file is read; `undefined`: nothing. */
  async read(name: string): Promise<Uint8Array | undefined> {
    if (!this.#names.has(name)) return undefined
    try {
      const file = await open(join(this.path, name), 'r')
      try {
        const { size } = await file.stat()
        return await this.#readFrom(file, size)
      } finally {
        await file.close()
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw outputError(name, error)
    }
  }

  /**
   * `mode`: default 0o666 less the umask. `check` is given what the file then has, good until the next file is read, before it has its name. Throws
   * UnavailableError ERR_PACKAGE_OUTPUT and what `check` throws, with nothing left behind.
   */
  async write(
    name: string,
    bytes: Uint8Array,
    { mode, check }: { readonly mode?: number; readonly check?: (stored: Uint8Array) => void } = {},
  ): Promise<void> {
    const path = join(this.path, name)
    const draft = `${path}${DRAFT}`
    try {
      const file = await open(draft, 'w+', mode)
      try {
        for (let at = 0; at < bytes.byteLength; )
          at += (await file.write(bytes, at, bytes.byteLength - at, at)).bytesWritten
        if (check !== undefined) check(await this.#readFrom(file, bytes.byteLength))
      } finally {
        await file.close()
      }
      await rename(draft, path)
    } catch (cause) {
      await rm(draft, { force: true }).catch(() => {})
      throw cause instanceof HeadendError ? cause : outputError(name, cause)
    }
  }

  async #readFrom(file: FileHandle, size: number): Promise<Uint8Array> {
    const bytes = this.#room.take(size)
    let length = 0
    for (let read = size; length < size && read > 0; length += read) {
      const { bytesRead } = await file.read(bytes, length, size - length, length)
      read = bytesRead
    }
    return bytes.subarray(0, length)
  }
}

function outputError(name: string, cause: unknown): UnavailableError {
  const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)
  return new UnavailableError('ERR_PACKAGE_OUTPUT', `${name} cannot be written: ${reason}`, { cause })
}
