/** The library as plain data for pages and programs: what `/library.json` answers. */
import type { TrackView } from '../admin/views.ts'
import { type BrowserPlay, isReadable, type Knowledge } from './facts.ts'
import type { FileIdentity } from './facts-store.ts'
import { isGrowing } from './growing.ts'
import type { Film } from './qualities.ts'
import { fileToken } from './token.ts'

/** One film, in one quality or in several. */
export interface FilmView {
  /** What is played: a file, or what several qualities share, `vod/…`. */
  readonly path: string
  /** For people: its file's name without folder, ending and quality. */
  readonly name: string
  /** As the file itself says. */
  readonly title?: string
  /** `pending`: its facts are being read; ask again. `damaged`: they cannot be. */
  readonly state: 'known' | 'pending' | 'damaged'
  /** Why it is damaged. */
  readonly note?: string
  /** Bytes, of all qualities. */
  readonly size: number
  /** ISO 8601, of the best quality. */
  readonly modified: string
  /** Stands for the file as it is now; part of the addresses of its pictures. */
  readonly token: string
  /** It is being written, like a recording: what is told of it may be of a moment before. */
  readonly growing?: true
  /** Seconds. */
  readonly duration?: number
  readonly plays?: BrowserPlay
  readonly tracks?: readonly TrackView[]
  /** Best first, where there are several. */
  readonly qualities?: readonly QualityView[]
}

export interface QualityView {
  readonly path: string
  readonly width?: number
  readonly height?: number
}

export interface FolderView {
  readonly path: string
  readonly name: string
}

export interface LibraryView {
  readonly folder: string
  /** What was searched for; empty: the folder's content. */
  readonly search: string
  /** From 1 to `pages`. */
  readonly page: number
  readonly pages: number
  /** Films on all pages. */
  readonly total: number
  /** The search found more than are listed. */
  readonly more: boolean
  /** Files of the whole library that are still being read: their titles are not found yet, and some may turn out to be no films. */
  readonly pending: number
  /** Posters and previews can be made. */
  readonly pictures: boolean
  /** On the first page. */
  readonly folders: readonly FolderView[]
  readonly films: readonly FilmView[]
}

export function viewFilm(
  { path, name, files }: Film<FileIdentity>,
  know: (file: FileIdentity) => Knowledge | undefined,
  now: number,
): FilmView {
  const [best] = files as [FileIdentity]
  const knowledge = know(best)
  return {
    path,
    name,
    state: knowledge === undefined ? 'pending' : isReadable(knowledge) ? 'known' : 'damaged',
    size: files.reduce((sum, { size }) => sum + size, 0),
    modified: best.modified.toISOString(),
    token: fileToken(best),
    ...(isGrowing(best, now) && { growing: true }),
    ...(knowledge !== undefined && viewKnowledge(knowledge)),
    ...(files.length > 1 && { qualities: files.map((file) => viewQuality(file, know(file))) }),
  }
}

export function viewFolder(path: string): FolderView {
  return { path, name: path.slice(path.lastIndexOf('/') + 1) }
}

function viewKnowledge(knowledge: Knowledge): Partial<FilmView> {
  if (!isReadable(knowledge)) return { note: knowledge.note }
  const { title, duration, plays, tracks } = knowledge
  return { ...(title !== undefined && { title }), duration, plays, tracks }
}

function viewQuality({ path }: FileIdentity, knowledge: Knowledge | undefined): QualityView {
  const video =
    knowledge !== undefined && isReadable(knowledge) ? knowledge.tracks.find(({ kind }) => kind === 'video') : undefined
  if (video?.width === undefined || video.height === undefined) return { path }
  return { path, width: video.width, height: video.height }
}
