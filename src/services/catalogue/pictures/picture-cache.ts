/** Pictures on disk, up to a quota: those not looked at for longest go first. What is kept can be made again. */
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Names that are kept, and those of drafts that a crash left behind. */
const NAME = /^[a-z0-9-]{1,64}\.jpg$/

export interface PictureCacheOptions {
  /** Made when missing. `undefined`: nothing is kept. */
  readonly folder: string | undefined
  /** Bytes of all pictures; asked at each write, so that other settings take effect. */
  readonly maxBytes: () => number
  /** Told once when the folder cannot be used. */
  readonly onFault: (error: unknown) => void
}

/** Never throws: what cannot be kept is made again. */
export class PictureCache {
  readonly #options: PictureCacheOptions
  /** Bytes by name; the longest not looked at is first. */
  readonly #kept = new Map<string, number>()
  readonly #opening: Promise<void>
  #bytes = 0
  #drafts = 0
  #usable: boolean

  constructor(options: PictureCacheOptions) {
    this.#options = options
    this.#usable = options.folder !== undefined
    this.#opening = this.#open()
  }

  /** Bytes of all that is kept. */
  get bytes(): number {
    return this.#bytes
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    await this.#opening
    const size = this.#kept.get(name)
    if (size === undefined) return undefined
    try {
      const picture = await readFile(this.#path(name))
      this.#kept.delete(name)
      this.#kept.set(name, size)
      const now = new Date()
      // The next start knows the order by this.
      await utimes(this.#path(name), now, now)
      return picture
    } catch {
      this.#forget(name)
      return undefined
    }
  }

  async set(name: string, picture: Uint8Array): Promise<void> {
    await this.#opening
    if (!this.#usable || picture.byteLength > this.#options.maxBytes()) return
    const draft = this.#path(`draft-${process.pid}-${++this.#drafts}.jpg`)
    try {
      await writeFile(draft, picture)
      await rename(draft, this.#path(name))
    } catch (error) {
      this.#usable = false
      this.#options.onFault(error)
      await rm(draft, { force: true }).catch(() => {})
      return
    }
    this.#forget(name)
    this.#kept.set(name, picture.byteLength)
    this.#bytes += picture.byteLength
    await this.#trim()
  }

  async #trim(): Promise<void> {
    for (const name of this.#kept.keys()) {
      if (this.#bytes <= this.#options.maxBytes()) return
      this.#forget(name)
      await rm(this.#path(name), { force: true }).catch(() => {})
    }
  }

  #forget(name: string): void {
    this.#bytes -= this.#kept.get(name) ?? 0
    this.#kept.delete(name)
  }

  async #open(): Promise<void> {
    const { folder, onFault } = this.#options
    if (folder === undefined) return
    try {
      await mkdir(folder, { recursive: true })
      const found: { name: string; size: number; usedAt: number }[] = []
      for (const name of await readdir(folder)) {
        if (!NAME.test(name)) continue
        if (name.startsWith('draft-')) await rm(join(folder, name), { force: true })
        else {
          const { size, mtimeMs } = await stat(join(folder, name))
          found.push({ name, size, usedAt: mtimeMs })
        }
      }
      for (const { name, size } of found.toSorted((left, right) => left.usedAt - right.usedAt)) {
        this.#kept.set(name, size)
        this.#bytes += size
      }
      await this.#trim()
    } catch (error) {
      this.#usable = false
      onFault(error)
    }
  }

  #path(name: string): string {
    return join(this.#options.folder ?? '', name)
  }
}
