/** The folder a packager writes into: files appear whole or not at all, so that an interrupted run can go on where it was. */
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { UnavailableError } from '../../errors.ts'

const DRAFT = '.part'

export class OutputFolder {
  readonly path: string

  private constructor(path: string) {
    this.path = path
  }

  /** Created when missing. Throws UnavailableError ERR_PACKAGE_OUTPUT. */
  static async open(path: string): Promise<OutputFolder> {
    try {
      await mkdir(path, { recursive: true })
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

  /** Throws UnavailableError ERR_PACKAGE_OUTPUT, with nothing left behind. */
  async write(name: string, bytes: Uint8Array): Promise<void> {
    const path = join(this.path, name)
    const draft = `${path}${DRAFT}`
    try {
      const file = await open(draft, 'w')
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
