/** The presentations of the library that somebody watches, shared by HLS and DASH: opened by the first request, closed when nobody asks any more. */
import { FormatError, UnavailableError } from '../../errors.ts'
import type { Library } from '../../library/library.ts'
import type { MediaFile, MediaFiles } from '../../library/media-files.ts'
import { checkUnprotected } from '../../media/source-protection.ts'
import { MICROS_PER_SECOND } from '../../media/time.ts'
import { isBrowserMedia } from '../browser-codecs.ts'
import type { ContentKeys } from '../protection/content-keys.ts'
import type { ProtectSettings } from '../protection/protect-settings.ts'
import type { Transcoder } from '../transcoder.ts'
import { ByteCache } from './byte-cache.ts'
import { FilePresentation } from './file-presentation.ts'
import { HotSegments } from './hot-segments.ts'
import { findMediaSet, type MediaSet } from './media-set.ts'
import type { Presentation } from './presentation.ts'
import { type PathProtection, protectPresentation } from './protect.ts'
import { type TextRendition, textRenditions } from './text-rendition.ts'

export interface OnDemandOptions {
  /** A segment is about so long, seconds. */
  readonly segmentSeconds: number
  /** Memory for segments that are asked for again and again, bytes. */
  readonly cacheBytes: number
}

const DEFAULT_OPTIONS: OnDemandOptions = { segmentSeconds: 6, cacheBytes: 128 * 1024 * 1024 }
/** In memory at the same time; those nobody has asked for longest go first. */
const MAX_OPEN = 256
/** A presentation that nobody asked for is closed after this long, milliseconds. */
const IDLE_MS = 60_000
const SWEEP_MS = 5_000
/** Whether the files have changed is looked up at most so often, milliseconds. */
const CHECK_MS = 1_000

/** What a path of the library is for those who watch it. */
export interface OnDemandItem {
  readonly presentation: Presentation
  readonly texts: readonly TextRendition[]
  /** Another one when any file has changed. */
  readonly version: string
  /** Another one when the settings want it encrypted otherwise. */
  readonly form: string
  /** Text that was made of it, kept as long as it is: manifests by their names. */
  readonly made: Map<string, unknown>
}

/** What they are made with. */
export interface OnDemandServices {
  readonly library: Library
  readonly mediaFiles: MediaFiles
  readonly transcoder: Transcoder | undefined
  readonly keys: ContentKeys | undefined
  /** How a path is encrypted; asked each time, as settings change. */
  readonly protection: (path: string) => ProtectSettings | undefined
  /** Told of what viewers may notice. */
  readonly onNote: (note: string) => void
}

interface Entry extends OnDemandItem {
  readonly close: () => void
  /** Whose settings say how it is encrypted: its own path, and those of its files. */
  readonly paths: readonly string[]
  checked: number
  used: number
  users: number
  dropped: boolean
}

export class Presentations {
  /** Answers that are ready in memory. */
  readonly hot: HotSegments
  readonly #services: OnDemandServices
  readonly #cache: ByteCache
  readonly #open = new Map<string, Entry>()
  readonly #opening = new Map<string, Promise<Entry>>()
  #options = DEFAULT_OPTIONS
  #users = 0
  #timer: NodeJS.Timeout | undefined

  /** Use `presentationsOf`. */
  constructor(services: OnDemandServices) {
    this.#services = services
    // Most for what is sent as it is, the rest for what was made with it: the sound that belongs to a picture.
    this.#cache = new ByteCache(() => this.#options.cacheBytes / 4)
    this.hot = new HotSegments({
      limit: () => (this.#options.cacheBytes * 3) / 4,
      formOf: (path) => this.#formOf(this.#open.get(path)?.paths ?? [path]),
    })
  }

  /** Presentations in memory. */
  get size(): number {
    return this.#open.size
  }

  /** For presentations that are opened from now on. */
  configure(options: Partial<OnDemandOptions>): void {
    this.#options = { ...DEFAULT_OPTIONS, ...options }
  }

  /**
   * What a path is now. Throws UnavailableError ERR_LIBRARY_NOT_FOUND, ERR_STREAM_NO_TRACK for what no browser plays and nobody encodes,
   * ERR_STREAM_PROTECTED for what only a licence opens,
   * ERR_PACKAGING_UNREADABLE for a file that is no media or broken, FormatError ERR_PROTECTION_CODEC for a protected path that cannot be encrypted,
   * and what the transcoder throws.
   */
  async find(path: string): Promise<OnDemandItem> {
    const known = this.#known(path)
    const now = performance.now()
    if (known !== undefined && now - known.checked < CHECK_MS) {
      known.used = now
      return known
    }
    const set = await findMediaSet(this.#services.library, path)
    const current = this.#known(path)
    if (current?.version === set.version) {
      current.checked = now
      current.used = now
      return current
    }
    const key = `${path}\n${set.version}\n${this.#formOf(pathsOf(set))}`
    let opening = this.#opening.get(key)
    if (opening === undefined) {
      opening = this.#openSet(set).finally(() => this.#opening.delete(key))
      this.#opening.set(key, opening)
    }
    const opened = await opening
    // Other settings meanwhile.
    return this.isCurrent(opened) ? opened : this.find(path)
  }

  /** Whether the item is as the settings want it now. One that is not goes out no further: it may be in the clear where it must not be. */
  isCurrent(item: OnDemandItem): boolean {
    const { form, paths } = item as Entry
    return form === this.#formOf(paths)
  }

  /** The one that a media file's name belongs to, without a look at the disk where that is possible. `undefined`: it is gone. */
  async findToken(path: string, token: string): Promise<OnDemandItem | undefined> {
    const has = (item: OnDemandItem) =>
      item.presentation.token === token || item.texts.some((text) => text.token === token)
    const known = this.#known(path)
    if (known !== undefined && has(known)) {
      known.used = performance.now()
      return known
    }
    const item = await this.find(path)
    return has(item) ? item : undefined
  }

  /** Keeps it open while a long answer goes out. Returns a function that ends that. */
  hold(item: OnDemandItem): () => void {
    const entry = item as Entry
    entry.users++
    let released = false
    return () => {
      if (released) return
      released = true
      entry.used = performance.now()
      if (--entry.users === 0 && entry.dropped) entry.close()
    }
  }

  /** A protocol begins to use it. Returns a function that ends that; everything is closed when nobody is left. */
  retain(): () => void {
    this.#users++
    this.#timer ??= setInterval(() => this.#sweep(), SWEEP_MS)
    this.#timer.unref()
    let released = false
    return () => {
      if (released) return
      released = true
      if (--this.#users === 0) this.#closeAll()
    }
  }

  /** What is open, unless the settings want it otherwise by now. */
  #known(path: string): Entry | undefined {
    const entry = this.#open.get(path)
    if (entry === undefined || this.isCurrent(entry)) return entry
    this.#drop(path, entry)
    return undefined
  }

  /** The first of the paths that is protected, and how: who protects one quality protects them all. */
  #protectionOf(paths: readonly string[]): PathProtection | undefined {
    for (const path of paths) {
      const settings = this.#services.protection(path)
      if (settings !== undefined) return { path, settings }
    }
    return undefined
  }

  #formOf(paths: readonly string[]): string {
    return formatForm(this.#protectionOf(paths))
  }

  async #openSet(set: MediaSet): Promise<Entry> {
    const now = performance.now()
    const state = { paths: pathsOf(set), checked: now, used: now, users: 0, dropped: false }
    const entry: Entry = { ...(await this.#openItem(set)), ...state }
    const before = this.#open.get(set.path)
    if (before !== undefined) this.#drop(set.path, before)
    this.#open.set(set.path, entry)
    if (this.#users === 0) this.#drop(set.path, entry)
    this.#makeRoom()
    return entry
  }

  async #openItem(set: MediaSet): Promise<OnDemandItem & { readonly close: () => void }> {
    const { library, keys, onNote } = this.#services
    const protection = this.#protectionOf(pathsOf(set))
    let presentation = await this.#openPresentation(set)
    let film: MediaFile | undefined
    try {
      if (protection !== undefined) presentation = protectPresentation(presentation, protection, keys)
      film = await this.#openFilm(set, presentation)
    } catch (error) {
      presentation.close()
      throw error
    }
    return {
      presentation,
      texts: textRenditions(set, { library, film, onNote }),
      version: set.version,
      form: formatForm(protection),
      made: new Map(),
      close: () => {
        film?.close()
        presentation.close()
      },
    }
  }

  async #openPresentation(set: MediaSet): Promise<Presentation> {
    const { mediaFiles, transcoder, onNote } = this.#services
    const files: MediaFile[] = []
    try {
      for (const { path } of set.files) files.push(await mediaFiles.open(path))
      const played = files.filter(({ reader }) => isBrowserMedia(reader))
      if (played.length > 0) {
        for (const other of files) if (!played.includes(other)) other.close()
        const target = this.#options.segmentSeconds * MICROS_PER_SECOND
        return await FilePresentation.open(played, { path: set.path, target, cache: this.#cache, onNote })
      }
      const [first, ...others] = files
      // An encoder would read what is encrypted as if it were not.
      for (const { reader } of files) checkUnprotected(set.path, reader.metadata)
      if (first === undefined || transcoder === undefined) throw noTrack(set.path, files)
      for (const other of others) other.close()
      return await transcoder.openFile(first)
    } catch (error) {
      for (const file of files) file.close()
      if (!(error instanceof FormatError)) throw error
      throw new UnavailableError('ERR_PACKAGING_UNREADABLE', `${set.path} cannot be read: ${error.message}`, {
        cause: error,
      })
    }
  }

  /** The file with text tracks, for as long as the presentation is open. */
  async #openFilm(set: MediaSet, { renditions }: Presentation): Promise<MediaFile | undefined> {
    const [first] = set.files
    if (first === undefined || renditions.length === 0) return undefined
    const film = await this.#services.mediaFiles.open(first.path)
    if (film.reader.tracks.some(({ kind }) => kind === 'text')) return film
    film.close()
    return undefined
  }

  #makeRoom(): void {
    while (this.#open.size > MAX_OPEN) {
      const [oldest] = [...this.#open].toSorted(([, left], [, right]) => left.used - right.used)
      if (oldest === undefined) return
      this.#drop(...oldest)
    }
  }

  #sweep(): void {
    const idle = performance.now() - IDLE_MS
    for (const [path, entry] of this.#open) if (entry.used < idle && entry.users === 0) this.#drop(path, entry)
  }

  #drop(path: string, entry: Entry): void {
    if (this.#open.get(path) === entry) this.#open.delete(path)
    if (entry.dropped) return
    entry.dropped = true
    this.hot.forget(path)
    if (entry.users === 0) entry.close()
  }

  #closeAll(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    for (const [path, entry] of this.#open) this.#drop(path, entry)
    this.hot.clear()
    this.#cache.clear()
  }
}

function pathsOf({ path, files }: MediaSet): readonly string[] {
  return [...new Set([path, ...files.map((file) => file.path)])]
}

function formatForm(protection: PathProtection | undefined): string {
  return JSON.stringify(protection ?? null)
}

function noTrack(path: string, files: readonly MediaFile[]): UnavailableError {
  const codecs = files.flatMap(({ reader }) => [...reader.tracks, ...reader.foreign].map(({ codec }) => codec))
  const found = [...new Set(codecs)].join(', ') || 'no track'
  return new UnavailableError(
    'ERR_STREAM_NO_TRACK',
    `no browser plays ${path} (${found}); the server can encode it while it is watched when ffmpeg is installed (Debian: apt install ffmpeg) and transcoding is switched on`,
  )
}

const registries = new WeakMap<MediaFiles, Presentations>()

/** The one set of presentations of a library. */
export function presentationsOf(services: OnDemandServices): Presentations {
  let presentations = registries.get(services.mediaFiles)
  if (presentations === undefined) {
    presentations = new Presentations(services)
    registries.set(services.mediaFiles, presentations)
  }
  return presentations
}
