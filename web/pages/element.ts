/** Finds what the page's HTML must have. */

/** Throws when the page has no element with that id. */
export function element(id: string): HTMLElement {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`the page has no element #${id}`)
  return found
}
