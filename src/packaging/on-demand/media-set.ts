/** What of the library belongs to one path: a file, or several qualities of one, and the subtitles beside it. */
import { UnavailableError } from '../../errors.ts'
import { type Library, type LibraryEntry, librarySegments } from '../../library/library.ts'

/*
 * film.mp4                        at vod/film.mp4
 * film.srt, film.en.vtt, film.de.forced.srt   are its subtitles
 * film.720p.mp4, film.360p.mp4    are qualities of vod/film, when there is no file of that name
 */

/** Of one presentation. */
const MAX_QUALITIES = 12
const MAX_SIDECARS = 32

/** A quality in a name: lines, with frames a second or not, or kilobits. */
const QUALITY = /^\.(?:\d{3,4}p\d{0,3}|\d{2,5}k)\.[a-z0-9]{2,4}$/i
const SIDECAR =
  /^(?:\.(?!(?:sdh|cc)\b)([a-z]{2,3}(?:-[a-z0-9]{2,8}){0,3}))?((?:\.(?:forced|default|sdh|cc))*)\.(?:srt|vtt)$/i

/** A file of the library as it is now. */
export type MediaSetFile = Extract<LibraryEntry, { kind: 'file' }>

/** A file of subtitles. */
export interface Sidecar {
  readonly file: MediaSetFile
  /** BCP 47. */
  readonly language?: string
  /** Only what must be read even by those who understand the sound. */
  readonly forced: boolean
  /** Also tells of sounds. */
  readonly forDeaf: boolean
  readonly default: boolean
}

export interface MediaSet {
  readonly path: string
  /** By name; more than one are qualities. */
  readonly files: readonly MediaSetFile[]
  readonly sidecars: readonly Sidecar[]
  /** Another text when any of the files has changed. */
  readonly version: string
}

/** What a file is a quality of, by its name: `film` for `film.720p.mp4`. `undefined`: its name tells of no quality. */
export function withoutQuality(name: string): string | undefined {
  const [, stem, ending = ''] = /^(.+)(\.[^.]+\.[^.]+)$/.exec(name) ?? []
  return QUALITY.test(ending) ? stem : undefined
}

/** Throws as `Library.open` does. */
export async function findMediaSet(library: Library, path: string): Promise<MediaSet> {
  const segments = librarySegments(path)
  const base = segments.at(-1) ?? ''
  const folder = path.slice(0, path.length - base.length - 1)
  const stem = base.replace(/\.[^.]{1,8}$/, '')
  const rest = (name: string, start: string) => (name.startsWith(start) ? name.slice(start.length) : undefined)
  const isQuality = (name: string) => QUALITY.test(rest(name, base) ?? '')
  const isSidecar = (name: string) => [stem, base].some((start) => SIDECAR.test(rest(name, start) ?? ''))
  const entries = await library.list(folder, (name) => name === base || isQuality(name) || isSidecar(name))
  const nameOf = (entry: LibraryEntry) => entry.path.slice(folder.length + 1)
  const plain = entries.filter((entry) => entry.kind === 'file')
  const single = plain.find((entry) => nameOf(entry) === base)
  const files =
    single === undefined ? plain.filter((entry) => isQuality(nameOf(entry))).slice(0, MAX_QUALITIES) : [single]
  if (files.length === 0) throw new UnavailableError('ERR_LIBRARY_NOT_FOUND', `${path} is not in the library`)
  const start = single === undefined ? base : stem
  const sidecars = plain.flatMap((file) => sidecarOf(file, rest(nameOf(file), start) ?? '')).slice(0, MAX_SIDECARS)
  const version = [...files, ...sidecars.map(({ file }) => file)]
    .map((file) => `${file.path}\n${file.size}\n${file.modified.getTime()}`)
    .join('\n')
  return { path, files, sidecars, version }
}

function sidecarOf(file: MediaSetFile, ending: string): Sidecar[] {
  const match = SIDECAR.exec(ending)
  if (match === null) return []
  const [, language, words = ''] = match
  const has = (...wanted: string[]) => wanted.some((word) => words.toLowerCase().split('.').includes(word))
  return [
    {
      file,
      ...(language === undefined ? {} : { language }),
      forced: has('forced'),
      forDeaf: has('sdh', 'cc'),
      default: has('default'),
    },
  ]
}
