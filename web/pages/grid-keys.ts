/** Arrow keys in a grid of links: the next one in the direction of the key gets the focus. */

/** Moves the focus if it is on one of the links that `selector` finds. Returns whether the key was used. */
export function moveFocusInGrid({ key }: KeyboardEvent, selector: string): boolean {
  const links = [...document.querySelectorAll<HTMLElement>(selector)]
  const from = links.indexOf(document.activeElement as HTMLElement)
  if (from < 0) return false
  const to = target(links, from, key)
  if (to === undefined) return false
  to.focus()
  to.scrollIntoView({ block: 'nearest' })
  return true
}

function target(links: readonly HTMLElement[], from: number, key: string): HTMLElement | undefined {
  switch (key) {
    case 'ArrowRight':
      return links[from + 1]
    case 'ArrowLeft':
      return links[from - 1]
    case 'Home':
      return links[0]
    case 'End':
      return links.at(-1)
    case 'ArrowDown':
      return nearestInRow(links.slice(from + 1), links[from] as HTMLElement)
    case 'ArrowUp':
      return nearestInRow(links.slice(0, from).toReversed(), links[from] as HTMLElement)
    default:
      return undefined
  }
}

/** Of the next row in the order given, the link that stands nearest to the column of `link`. */
function nearestInRow(candidates: readonly HTMLElement[], link: HTMLElement): HTMLElement | undefined {
  const here = link.getBoundingClientRect()
  const places = candidates.map((candidate) => ({ candidate, box: candidate.getBoundingClientRect() }))
  const row = places.find(({ box }) => Math.abs(box.top - here.top) > here.height / 2)?.box.top
  if (row === undefined) return undefined
  const distance = (box: DOMRect) => Math.abs(box.left + box.width / 2 - here.left - here.width / 2)
  return places
    .filter(({ box }) => Math.abs(box.top - row) < 2)
    .toSorted((left, right) => distance(left.box) - distance(right.box))[0]?.candidate
}
