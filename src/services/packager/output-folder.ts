/** The folder a packager writes into: files appear whole or not at all, so that an interrupted run can go on where it was. */
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { UnavailableError } from '../../errors.ts'
import { ReusedBuffer } from '../../packaging/on-demand/segment-bytes.ts'

const DRAFT = '.part'
/** Drafts of media files, whatever token they have: nobody else makes such names. */
const MEDIA_DRAFT = /^(?:video|audio|text)-\d{1,10}-[0-9a-f]{12}-[a-z0-9-]{1,20}\.(?:mp4|m4s|vtt)\.part$/

export class OutputFolder {
  readonly path: string
  readonly #room = new ReusedBuffer()

  private constructor(path: string) {
    this.path = path
  }

  /** Created when missing; what an interrupted run left half written is removed. Throws UnavailableError ERR_PACKAGE_OUTPUT. */
  static async open(path: string): Promise<OutputFolder> {
    try {
      await mkdir(path, { recursive: true })
      const drafts = (await readdir(path)).filter((name) => MEDIA_DRAFT.test(name))
      for (const draft of drafts) await rm(join(path, draft), { force: true })
    } catch (cause) {
      throw outputError(path, cause)
    }
    return new OutputFolder(path)
  }

  /** What is there, good until the next file is read; `undefined`: nothing. */
  async read(name: string): Promise<Uint8Array | undefined> {
    try {
      const file = await open(join(this.path, name), 'r')
      try {
        const { size } = await file.stat()
        const bytes = this.#room.take(size)
        let length = 0
        for (let read = size; length < size && read > 0; length += read) {
          const { bytesRead } = await file.read(bytes, length, size - length, length)
          read = bytesRead
        }
        return bytes.subarray(0, length)
      } finally {
        await file.close()
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw outputError(name, error)
    }
  }

  /** `mode`: default 0o666 less the umask. Throws UnavailableError ERR_PACKAGE_OUTPUT, with nothing left behind. */
  async write(name: string, bytes: Uint8Array, mode?: number): Promise<void> {
    const path = join(this.path, name)
    const draft = `${path}${DRAFT}`
    try {
      const file = await open(draft, 'w', mode)
      try {
        await file.writeFile(bytes)
      } finally {
        await file.close()
      }
      await rename(draft, path)
    } catch (cause) {
      await rm(draft, { force: true }).catch(() => {})
      throw outputError(name, cause)
    }
  }
}

function outputError(name: string, cause: unknown): UnavailableError {
  const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)
  return new UnavailableError('ERR_PACKAGE_OUTPUT', `${name} cannot be written: ${reason}`, { cause })
}
