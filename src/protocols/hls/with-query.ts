/** Carries a query from a playlist to what it lists. */

/** Not relative: data, the name of a key, or another server, which must not learn what opens this one. */
const ELSEWHERE = /^(?:[a-z][a-z\d+.-]*:|\/\/)/i

/** Adds a query to every URI of a playlist that this server answers: lines that are no tags, and URI attributes. */
export function withQuery(text: string, query: string): string {
  const keyed = (uri: string) => (ELSEWHERE.test(uri) ? uri : `${uri}${uri.includes('?') ? '&' : '?'}${query}`)
  return text
    .replace(/^(?!#)(.+)$/gm, keyed)
    .replace(/(URI=")([^"]+)(")/g, (_match, before: string, uri: string, after: string) => before + keyed(uri) + after)
}
