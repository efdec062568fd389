/** Posters and preview pictures of films: made by the encoder when somebody looks, once, one at a time, and kept. */
import { FormatError, UnavailableError } from '../../../errors.ts'
import type { MediaFile, MediaFiles } from '../../../library/media-files.ts'
import { sourceProtection } from '../../../media/source-protection.ts'
import type { Micros } from '../../../media/time.ts'
import type { Transcoder } from '../../../packaging/transcoder.ts'
import type { FileIdentity } from '../facts-store.ts'
import { fileToken } from '../token.ts'
import type { PictureCache } from './picture-cache.ts'
import { Queue } from './queue.ts'
import { thumbnailsOf, thumbnailTime } from './thumbnails.ts'

/** Pixels. */
const POSTER_WIDTH = 640
const THUMBNAIL_WIDTH = 240
/** Where a poster is looked for, in parts of the duration: many films begin in the dark. */
const POSTER_PLACES = [0.1, 0.3, 0.5]
/** A poster of fewer bytes shows hardly anything; the next place is tried. */
const PLAIN_BYTES = 6_000
/** Pictures known not to be there. */
const MAX_MISSING = 1_000

export interface PicturesOptions {
  readonly mediaFiles: Pick<MediaFiles, 'open'>
  /** `undefined`: there is no encoder. */
  readonly transcoder: Pick<Transcoder, 'available' | 'stillPictures'> | undefined
  readonly cache: PictureCache
  /** Whether the settings want pictures. */
  readonly wanted: () => boolean
}

/** `poster`, or the number of a thumbnail. */
export type PictureName = 'poster' | number

export class Pictures {
  readonly #options: PicturesOptions
  readonly #queue = new Queue<Uint8Array | undefined>()
  readonly #missing = new Set<string>()

  constructor(options: PicturesOptions) {
    this.#options = options
  }

  /** Whether it is worth asking for one. */
  async available(): Promise<boolean> {
    const { transcoder, wanted } = this.#options
    return transcoder !== undefined && wanted() && (await transcoder.available())
  }

  /**
   * A picture of a file as JPEG. Throws UnavailableError ERR_CATALOGUE_NO_PICTURE when there is none, ERR_CATALOGUE_BUSY when too many are
   * asked for, and what the encoder throws.
   */
  async get(file: FileIdentity, picture: PictureName, signal: AbortSignal): Promise<Uint8Array> {
    const { cache } = this.#options
    const name = `${fileToken(file)}-${picture}.jpg`
    const kept = await cache.get(name)
    if (kept !== undefined) return kept
    if (this.#missing.has(name) || !(await this.available())) throw noPicture(file.path)
    const made = await this.#queue.run(name, () => this.#make(file.path, picture, name), signal)
    if (made === undefined) throw noPicture(file.path)
    return made
  }

  async #make(path: string, picture: PictureName, name: string): Promise<Uint8Array | undefined> {
    let media: MediaFile | undefined
    try {
      media = await this.#options.mediaFiles.open(path)
      const made = picture === 'poster' ? await this.#poster(media) : await this.#thumbnail(media, picture)
      if (made !== undefined) await this.#options.cache.set(name, made)
      else this.#miss(name)
      return made
    } catch (error) {
      // Not even its tracks can be told.
      if (error instanceof FormatError) return this.#miss(name)
      throw error
    } finally {
      media?.close()
    }
  }

  /** The first place that shows something, else the one that shows most. */
  async #poster(media: MediaFile): Promise<Uint8Array | undefined> {
    let best: Uint8Array | undefined
    for (const place of POSTER_PLACES) {
      const picture = await this.#still(media, place * media.reader.duration, POSTER_WIDTH)
      if ((picture?.byteLength ?? 0) > (best?.byteLength ?? 0)) best = picture
      if (best !== undefined && best.byteLength >= PLAIN_BYTES) break
    }
    return best
  }

  async #thumbnail(media: MediaFile, index: number): Promise<Uint8Array | undefined> {
    const thumbnails = thumbnailsOf(media.reader.duration)
    if (index >= thumbnails.count) return undefined
    return this.#still(media, thumbnailTime(thumbnails, index), THUMBNAIL_WIDTH)
  }

  async #still(media: MediaFile, time: Micros, width: number): Promise<Uint8Array | undefined> {
    if (!hasPicture(media)) return undefined
    const [picture] = (await this.#options.transcoder?.stillPictures(media, [Math.floor(time)], { width })) ?? []
    return picture
  }

  #miss(name: string): undefined {
    if (this.#missing.size >= MAX_MISSING) this.#missing.clear()
    this.#missing.add(name)
  }
}

/** What is encrypted shows nothing. */
function hasPicture({ reader }: MediaFile): boolean {
  if (sourceProtection(reader.metadata) !== undefined) return false
  return [...reader.tracks, ...reader.foreign].some(({ kind }) => kind === 'video')
}

function noPicture(path: string): UnavailableError {
  return new UnavailableError('ERR_CATALOGUE_NO_PICTURE', `there is no such picture of ${path}`)
}
