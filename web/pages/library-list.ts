/** The list of the library, as the server gives it at /library.json. */
import { passKey } from '../play-key.ts'

export interface FilmTrack {
  readonly kind: 'video' | 'audio' | 'data' | 'text'
  readonly codec: string
  readonly width?: number
  readonly height?: number
  readonly language?: string
}

export interface Film {
  readonly path: string
  readonly name: string
  readonly title?: string
  /** `pending`: the server is still reading the file. */
  readonly state: 'known' | 'pending' | 'damaged'
  readonly note?: string
  /** Bytes. */
  readonly size: number
  readonly modified: string
  readonly token: string
  /** It is being written. */
  readonly growing?: true
  /** Seconds. */
  readonly duration?: number
  readonly plays?: 'direct' | 'encoded' | 'never'
  readonly tracks?: readonly FilmTrack[]
  readonly qualities?: readonly { readonly path: string; readonly height?: number }[]
}

export interface LibraryList {
  readonly folder: string
  readonly search: string
  readonly page: number
  readonly pages: number
  readonly total: number
  readonly more: boolean
  /** Files that are still being read. */
  readonly pending: number
  /** Posters can be made. */
  readonly pictures: boolean
  readonly folders: readonly { readonly path: string; readonly name: string }[]
  readonly films: readonly Film[]
}

export interface ListQuery {
  readonly folder: string
  readonly search: string
  readonly page: number
}

/** The folder is not in the library, or needs a key. */
export class NoSuchFolder extends Error {}

/** Throws NoSuchFolder, or an error for people when the server cannot be reached. */
export async function fetchLibrary({ folder, search, page }: ListQuery, signal: AbortSignal): Promise<LibraryList> {
  const query = new URLSearchParams({
    folder,
    ...(search !== '' && { search }),
    ...(page > 1 && { page: String(page) }),
  })
  const response = await fetch(passKey(`/library.json?${query}`), { cache: 'no-store', signal })
  if (response.status === 404 || response.status === 400) throw new NoSuchFolder(`${folder} is not in the library`)
  if (!response.ok) throw new Error(`the server answered ${response.status}`)
  return (await response.json()) as LibraryList
}
