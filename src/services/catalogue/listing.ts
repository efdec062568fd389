/** What lies in the library: one folder, or all of it for searches; looked at again when some time has passed. */
import type { Library, LibraryEntry } from '../../library/library.ts'
import type { FileIdentity } from './facts-store.ts'

/** A folder is read again after this time, milliseconds: who records sees the recording at once. */
const FOLDER_MS = 1_000
/** The whole library is walked again after this time; searches meanwhile use the last walk. */
const WALK_MS = 10_000
/** Folders whose content is kept. */
const MAX_FOLDERS = 64
/** Of one walk. */
const MAX_WALKED_FILES = 20_000
const MAX_WALKED_FOLDERS = 5_000

/** Files that are no film whatever is in them: subtitles, pictures and notes that people keep beside one. */
const BESIDE =
  /\.(?:srt|vtt|ass|ssa|sub|idx|sup|jpe?g|png|gif|webp|bmp|svg|txt|md|nfo|json|xml|html?|pdf|log|url|ini|db|tmp|part)$/i

export interface FolderContent {
  readonly folders: readonly string[]
  readonly files: readonly FileIdentity[]
}

export interface ListingOptions {
  readonly library: Pick<Library, 'list'>
  /** Monotonic, milliseconds. */
  readonly now: () => number
}

export class Listing {
  readonly #options: ListingOptions
  /** The longest not asked for is first. */
  readonly #folders = new Map<string, { readonly content: Promise<FolderContent>; readonly at: number }>()
  #walk: { readonly files: Promise<readonly FileIdentity[]>; readonly at: number } | undefined
  #walking = false

  constructor(options: ListingOptions) {
    this.#options = options
  }

  /** What lies in `vod` or `vod/…`, by name, without what no film can be. Throws as `Library.list` does. */
  folder(path: string): Promise<FolderContent> {
    const now = this.#options.now()
    const known = this.#folders.get(path)
    if (known !== undefined && now - known.at < FOLDER_MS) return known.content
    const content = this.#list(path)
    content.catch(() => this.#folders.delete(path))
    this.#folders.delete(path)
    this.#folders.set(path, { content, at: now })
    const [oldest] = this.#folders.keys()
    if (this.#folders.size > MAX_FOLDERS && oldest !== undefined) this.#folders.delete(oldest)
    return content
  }

  /** The files of all folders, those of a folder before those of the folders in it; at most 20 000. */
  async all(): Promise<readonly FileIdentity[]> {
    const now = this.#options.now()
    if (this.#walk === undefined) {
      this.#walk = { files: this.#walkAll(), at: now }
    } else if (now - this.#walk.at >= WALK_MS && !this.#walking) {
      // Who searches now is answered from the walk before.
      const before = this.#walk
      this.#walking = true
      const files = this.#walkAll().catch(() => before.files)
      void files.then(() => {
        this.#walking = false
        this.#walk = { files, at: this.#options.now() }
      })
    }
    return this.#walk.files
  }

  async #list(path: string): Promise<FolderContent> {
    const folders: string[] = []
    const files: FileIdentity[] = []
    for (const entry of await this.#options.library.list(path)) {
      if (entry.kind === 'folder') folders.push(entry.path)
      else if (mayBeMedia(entry)) files.push(entry)
    }
    return { folders, files }
  }

  async #walkAll(): Promise<readonly FileIdentity[]> {
    const files: FileIdentity[] = []
    const folders = ['vod']
    for (let at = 0; at < folders.length && files.length < MAX_WALKED_FILES; at++) {
      // A folder that went away since it was seen is no reason to find nothing.
      const content = await this.#list(folders[at] as string).catch(() => undefined)
      if (content === undefined) continue
      files.push(...content.files.slice(0, MAX_WALKED_FILES - files.length))
      folders.push(...content.folders.slice(0, Math.max(0, MAX_WALKED_FOLDERS - folders.length)))
    }
    return files
  }
}

function mayBeMedia(entry: Extract<LibraryEntry, { kind: 'file' }>): boolean {
  return entry.size > 0 && !BESIDE.test(entry.path)
}
