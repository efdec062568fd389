/** Makes elements. What peers have told gets into a page as text only, and here is the one way it does. */

export interface MakeOptions {
  readonly class?: string
  /** Shown as it is, whatever it contains. */
  readonly text?: string
  readonly title?: string
}

type Tag = keyof HTMLElementTagNameMap

export function make<Name extends Tag>(
  tag: Name,
  { class: className, text, title }: MakeOptions = {},
  ...children: readonly Node[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(tag)
  if (className !== undefined) made.className = className
  if (text !== undefined) made.textContent = text
  if (title !== undefined) made.title = title
  made.append(...children)
  return made
}

/** Puts new children in the place of the old ones; a link that had the focus has it again. */
export function refill(container: HTMLElement, children: readonly Node[]): void {
  const { activeElement } = document
  const focused = container.contains(activeElement) ? activeElement?.getAttribute('href') : undefined
  container.replaceChildren(...children)
  if (focused) container.querySelector<HTMLElement>(`a[href="${CSS.escape(focused)}"]`)?.focus()
}
