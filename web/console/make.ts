/** Makes elements. What peers have told gets into a page as text only, and here is the one way it does. */

export interface MakeOptions {
  readonly class?: string
  /** Shown as it is, whatever it contains. */
  readonly text?: string
  readonly title?: string
  /** By which `refill` finds the same thing again. */
  readonly key?: string
}

type Tag = keyof HTMLElementTagNameMap

export function make<Name extends Tag>(
  tag: Name,
  { class: className, text, title, key }: MakeOptions = {},
  ...children: readonly Node[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(tag)
  if (className !== undefined) made.className = className
  if (text !== undefined) made.textContent = text
  if (title !== undefined) made.title = title
  if (key !== undefined) made.dataset['key'] = key
  made.append(...children)
  return made
}

/** Puts new children in the place of the old ones: a link or a thing with a key that had the focus has it again, and what was unfolded is. */
export function refill(container: HTMLElement, children: readonly Node[]): void {
  const { activeElement } = document
  const focused =
    activeElement instanceof HTMLElement && container.contains(activeElement) ? selectorOf(activeElement) : ''
  const unfolded = [...container.querySelectorAll<HTMLElement>('details[open]')].map(selectorOf)
  container.replaceChildren(...children)
  for (const selector of unfolded) if (selector !== '') container.querySelector(selector)?.setAttribute('open', '')
  if (focused !== '') container.querySelector<HTMLElement>(focused)?.focus({ preventScroll: true })
}

function selectorOf(element: HTMLElement): string {
  const { key } = element.dataset
  if (key !== undefined) return `[data-key="${CSS.escape(key)}"]`
  const address = element.getAttribute('href')
  return address === null ? '' : `a[href="${CSS.escape(address)}"]`
}
