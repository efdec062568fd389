/** Several files that are one film in different qualities, by their names: `film.720p.mp4` and `film.360p.mp4`. */
import { withoutQuality } from '../../packaging/on-demand/media-set.ts'

/** A film, in one quality or in several. */
export interface Film<File> {
  /** What is played: the path of its file; of several, the path that they share (`vod/film`). */
  readonly path: string
  /** What people call it: without folder, ending and quality. */
  readonly name: string
  /** Best first; one unless the names tell of several. */
  readonly files: readonly File[]
}

/** Puts files whose names differ only in their quality together, each film where its first file was. */
export function groupQualities<File extends { readonly path: string }>(files: readonly File[]): readonly Film<File>[] {
  const plain = new Set(files.map(({ path }) => path))
  const sets = new Map<string, File[]>()
  for (const file of files) {
    const stem = withoutQuality(file.path)
    // A file of that very name is a film of its own, and the others are what their names say.
    const key = stem === undefined || plain.has(stem) ? file.path : stem
    const set = sets.get(key)
    if (set === undefined) sets.set(key, [file])
    else set.push(file)
  }
  return [...sets].map(([key, set]) => {
    const sorted = bestFirst(set)
    const [only] = sorted
    const path = sorted.length === 1 && only !== undefined ? only.path : key
    return { path, name: filmName(path, sorted.length > 1), files: sorted }
  })
}

/** Sorts qualities of one film by what their names say. */
export function bestFirst<File extends { readonly path: string }>(files: readonly File[]): readonly File[] {
  const quality = ({ path }: File) => Number(/\.(\d+)(?:p\d*|k)\.[^.]+$/i.exec(path)?.[1] ?? 0)
  return files.toSorted((left, right) => quality(right) - quality(left))
}

/** `vod/a/Film 1.mp4` is `Film 1`. The path that several qualities share has no ending. */
export function filmName(path: string, shared: boolean): string {
  const file = path.slice(path.lastIndexOf('/') + 1)
  return shared ? file : file.replace(/(?<=.)\.[A-Za-z0-9]{1,5}$/, '')
}
