/** Carries a query from a playlist to what it lists. */

/** Adds a query to every URI of a playlist: lines that are no tags, and URI attributes. */
export function withQuery(text: string, query: string): string {
  return text.replace(/^(?!#)(.+)$/gm, `$1?${query}`).replace(/(URI=")([^"]+)(")/g, `$1$2?${query}$3`)
}
