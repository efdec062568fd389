/** Media files of the library, opened once for all who read them at the same time. */
import type { MediaReader } from '../media/reader.ts'
import type { Library, LibraryFile } from './library.ts'

/** Readers that nobody uses are kept for a while: viewers come back, and tables of large files take time to read. */
const MAX_IDLE = 32
const IDLE_MS = 30_000

/** A file of the library with its reader. Close it when done. */
export interface MediaFile {
  readonly file: LibraryFile
  readonly reader: MediaReader
  /** Lets go of it. Closing twice does nothing. */
  close(): void
}

interface Shared {
  readonly key: string
  readonly file: LibraryFile
  readonly reader: MediaReader
  users: number
  idleTimer: NodeJS.Timeout | undefined
}

export class MediaFiles {
  readonly #library: Library
  readonly #openReader: (file: LibraryFile) => Promise<MediaReader>
  readonly #shared = new Map<string, Promise<Shared>>()
  /** Oldest first. */
  readonly #idle = new Set<Shared>()

  /** `openReader` tells the container by the file's first bytes. */
  constructor(library: Library, openReader: (file: LibraryFile) => Promise<MediaReader> = openLoaded) {
    this.#library = library
    this.#openReader = openReader
  }

  /**
   * Opens a file by its path, `vod/…`. Throws what `Library.open` throws, and FormatError for a file that cannot be read. A file that was
   * changed meanwhile is opened anew, and those who read the old one go on with it.
   */
  async open(path: string): Promise<MediaFile> {
    const file = await this.#library.open(path)
    const key = `${path}\n${file.size}\n${file.modified.getTime()}`
    const known = this.#shared.get(key)
    const shared = await (known ?? this.#openShared(key, file))
    shared.users++
    clearTimeout(shared.idleTimer)
    this.#idle.delete(shared)
    if (shared.file !== file) file.close().catch(() => {})
    let closed = false
    return {
      file: shared.file,
      reader: shared.reader,
      close: () => {
        if (closed) return
        closed = true
        if (--shared.users === 0) this.#keepIdle(shared)
      },
    }
  }

  /** Closes the files that nobody uses; the others are closed by their users. */
  close(): void {
    for (const shared of [...this.#idle]) this.#drop(shared)
  }

  #openShared(key: string, file: LibraryFile): Promise<Shared> {
    const opening = this.#openReader(file).then(
      (reader): Shared => ({ key, file, reader, users: 0, idleTimer: undefined }),
      async (error: unknown) => {
        this.#shared.delete(key)
        await file.close()
        throw error
      },
    )
    this.#shared.set(key, opening)
    return opening
  }

  #keepIdle(shared: Shared): void {
    this.#idle.add(shared)
    shared.idleTimer = setTimeout(() => this.#drop(shared), IDLE_MS)
    shared.idleTimer.unref()
    const [oldest] = this.#idle
    if (this.#idle.size > MAX_IDLE && oldest !== undefined) this.#drop(oldest)
  }

  #drop(shared: Shared): void {
    clearTimeout(shared.idleTimer)
    this.#idle.delete(shared)
    this.#shared.delete(shared.key)
    shared.file.close().catch(() => {})
  }
}

/** Readers are loaded with the first file. */
async function openLoaded(file: LibraryFile): Promise<MediaReader> {
  const { openReader } = await import('../media/open-reader.ts')
  return openReader(file)
}
