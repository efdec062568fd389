/** Patterns of paths, as in settings and tokens: `live/studio`, `live/*`, `vod/**`. */

/** `*` stands for one segment, `**` for any number; a `*` inside a segment for a part of it. Compiled once, asked often. */
export function compilePathPattern(pattern: string): (path: string) => boolean {
  const source = pattern
    .split('/')
    .map((segment) =>
      segment === '**'
        ? '.*'
        : segment
            .split('*')
            .map((text) => text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&'))
            .join('[^/]*'),
    )
    .join('/')
  const expression = new RegExp(`^${source}$`)
  return (path) => expression.test(path)
}
