/** Several files that are one film in different qualities, by their names: `film.720p.mp4` and `film.360p.mp4`. */

/** `name.720p.mp4`: the name, the lines of the picture, the ending. */
const QUALITY_NAME = /^(.+)\.(\d{3,4})p(\.[A-Za-z0-9]{1,5})$/

/** A film, in one quality or in several. */
export interface Film<File> {
  /** Path of the file that stands for it: of several the best. */
  readonly path: string
  /** What people call it: without folder, ending and quality. */
  readonly name: string
  /** Best first; one unless the names tell of several. */
  readonly files: readonly File[]
}

/** Puts files whose names differ only in their quality together, each film where its first file was. */
export function groupQualities<File extends { readonly path: string }>(files: readonly File[]): readonly Film<File>[] {
  const sets = new Map<string, { file: File; lines: number }[]>()
  for (const file of files) {
    const [, stem, lines, ending = ''] = QUALITY_NAME.exec(file.path) ?? []
    const key = stem === undefined ? file.path : `${stem}\n${ending.toLowerCase()}`
    const set = sets.get(key)
    const member = { file, lines: Number(lines ?? 0) }
    if (set === undefined) sets.set(key, [member])
    else set.push(member)
  }
  return [...sets.values()].map((set) => {
    const sorted = set.toSorted((left, right) => right.lines - left.lines)
    const best = (sorted[0] as { file: File }).file.path
    return { path: best, name: filmName(best, set.length > 1), files: sorted.map(({ file }) => file) }
  })
}

/** `vod/a/Film 1.720p.mp4` is `Film 1.720p`, or `Film 1` when there are other qualities of it. */
export function filmName(path: string, several: boolean): string {
  const file = path.slice(path.lastIndexOf('/') + 1)
  const [, stem] = several ? (QUALITY_NAME.exec(file) ?? []) : []
  return stem ?? file.replace(/(?<=.)\.[A-Za-z0-9]{1,5}$/, '')
}
