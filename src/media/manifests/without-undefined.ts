/** Builds model objects whose optional properties are absent, not undefined. */

/** As T, but its optional properties may also be given as `undefined`. */
export type Loose<T> = { [K in keyof T]: object extends Pick<T, K> ? T[K] | undefined : T[K] }

/** The same object after removing every property that is `undefined`. The argument is changed and handed back. */
export function withoutUndefined<T extends object>(object: Loose<T>): T {
  const properties = object as Record<string, unknown>
  for (const name in properties) if (properties[name] === undefined) delete properties[name]
  return object as unknown as T
}
