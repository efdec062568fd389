/** The folder a packager writes into: files appear whole or not at all, so that an interrupted run can go on where it was. */
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { UnavailableError } from '../../errors.ts'

const DRAFT = '.part'
/** Drafts of media files, whatever token they have: nobody else makes such names. */
const MEDIA_DRAFT = /^(?:video|audio|text)-\d{1,10}-[0-9a-f]{12}-[a-z0-9-]{1,20}\.(?:mp4|m4s|vtt)\.part$/

export class OutputFolder {
  readonly path: string

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

  /** What an earlier run left whole; `undefined`: nothing. */
  async read(name: string): Promise<Uint8Array | undefined> {
    try {
      return await readFile(join(this.path, name))
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
