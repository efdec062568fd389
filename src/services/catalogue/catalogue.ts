/** The library as people look through it: a page of a folder, or of what a search found. */
import { isReadable, type Knowledge } from './facts.ts'
import type { FileIdentity } from './facts-store.ts'
import type { FolderContent } from './listing.ts'
import { type Film, groupQualities } from './qualities.ts'
import { foldText, searchWords } from './text.ts'
import { type LibraryView, viewFilm, viewFolder } from './views.ts'

/** Films of one page. */
export const PAGE_SIZE = 60
/** Files that a search finds at most. */
const MAX_MATCHES = 2_000

export interface CatalogueOptions {
  readonly listing: {
    folder(path: string): Promise<FolderContent>
    all(): Promise<readonly FileIdentity[]>
  }
  /** What is known of a file now; what is not is found out in the background. */
  readonly know: (file: FileIdentity) => Knowledge | undefined
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Files that are being found out about. */
  readonly pending: () => number
  /** Whether posters and previews can be made now. */
  readonly pictures: () => Promise<boolean>
}

export interface CatalogueQuery {
  /** `vod` or `vod/…`: what lies in it is listed. A search looks in it and in all folders below. */
  readonly folder: string
  /** Words; empty: no search. */
  readonly search: string
  /** From 1. */
  readonly page: number
  /** Which of these paths may be shown. Folders end with a slash. */
  readonly visible: (paths: readonly string[]) => Promise<ReadonlySet<string>>
}

/** People expect part 2 before part 10. */
const ORDER = new Intl.Collator('en', { numeric: true, sensitivity: 'base' })

export class Catalogue {
  readonly #options: CatalogueOptions
  /** Texts that are searched, made once for each state of knowledge. */
  readonly #texts = new WeakMap<FileIdentity, { readonly knowledge: Knowledge | undefined; readonly text: string }>()

  constructor(options: CatalogueOptions) {
    this.#options = options
  }

  /** Throws as `Library.list` does for a folder that is not there or breaks the rule. */
  async page({ folder, search, page, visible }: CatalogueQuery): Promise<LibraryView> {
    const { listing, know, now, pending, pictures } = this.#options
    const words = searchWords(search)
    const content = await listing.folder(folder)
    const searching = words.length > 0
    const found = searching ? await this.#search(folder, words) : content.files
    const folders = searching ? [] : content.folders
    const files = searching ? found.slice(0, MAX_MATCHES) : found
    const seen = await visible([...folders.map((path) => `${path}/`), ...files.map(({ path }) => path)])
    const films = groupQualities(files.filter((file) => seen.has(file.path) && this.#mayBeMedia(file)))
    const sorted = films.toSorted(byName)
    const pages = Math.max(1, Math.ceil(sorted.length / PAGE_SIZE))
    const at = Math.min(page, pages)
    return {
      folder,
      search,
      page: at,
      pages,
      total: sorted.length,
      more: files.length < found.length,
      pending: pending(),
      pictures: await pictures(),
      folders:
        at > 1
          ? []
          : folders
              .filter((path) => seen.has(`${path}/`))
              .toSorted(ORDER.compare)
              .map(viewFolder),
      films: sorted.slice((at - 1) * PAGE_SIZE, at * PAGE_SIZE).map((film) => viewFilm(film, know, now())),
    }
  }

  async #search(folder: string, words: readonly string[]): Promise<readonly FileIdentity[]> {
    const below = `${folder}/`
    const files = await this.#options.listing.all()
    return files.filter((file) => {
      if (!file.path.startsWith(below)) return false
      const text = this.#text(file)
      return words.every((word) => text.includes(word))
    })
  }

  /** Names of file and folders, and the title. */
  #text(file: FileIdentity): string {
    const knowledge = this.#options.know(file)
    const known = this.#texts.get(file)
    if (known !== undefined && known.knowledge === knowledge) return known.text
    const title = knowledge !== undefined && isReadable(knowledge) ? (knowledge.title ?? '') : ''
    const text = foldText(`${file.path.slice('vod/'.length)}\n${title}`)
    this.#texts.set(file, { knowledge, text })
    return text
  }

  /** What turned out to be something else is not listed. */
  #mayBeMedia(file: FileIdentity): boolean {
    const knowledge = this.#options.know(file)
    return knowledge === undefined || isReadable(knowledge) || knowledge.unreadable === 'damaged'
  }
}

function byName(left: Film<FileIdentity>, right: Film<FileIdentity>): number {
  return ORDER.compare(left.name, right.name) || ORDER.compare(left.path, right.path)
}
