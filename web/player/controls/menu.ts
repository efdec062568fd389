/** A button that opens a list of choices, one of each group being in force (WAI-ARIA menu button, menuitemradio). */
import type { IconName } from '../../icons.ts'
import { IconButton } from './icon-button.ts'

export interface MenuChoice {
  readonly label: string
  readonly selected: boolean
  readonly choose: () => void
}

export interface MenuGroup {
  readonly title: string
  readonly choices: readonly MenuChoice[]
}

export class Menu {
  readonly element = document.createElement('div')
  readonly #button: IconButton
  readonly #list = document.createElement('div')
  readonly #groups: () => readonly MenuGroup[]
  readonly #outside = (event: Event) => {
    if (!this.element.contains(event.target as Node)) this.close()
  }
  #shown = ''

  /** `groups` is asked whenever what can be chosen may have changed. */
  constructor(icon: IconName, label: string, groups: () => readonly MenuGroup[]) {
    this.#groups = groups
    this.#button = new IconButton(icon, label, () => this.toggle())
    const { element } = this.#button
    element.setAttribute('aria-haspopup', 'menu')
    element.setAttribute('aria-expanded', 'false')
    this.#list.className = 'menu'
    this.#list.setAttribute('role', 'menu')
    this.#list.setAttribute('aria-label', label)
    this.#list.hidden = true
    this.#list.addEventListener('keydown', (event) => this.#onKey(event))
    this.element.className = 'menu-button'
    this.element.append(element, this.#list)
    this.update()
  }

  get open(): boolean {
    return !this.#list.hidden
  }

  toggle(): void {
    if (this.open) this.close()
    else this.#open()
  }

  close(): void {
    if (!this.open) return
    const hadFocus = this.#list.contains(document.activeElement)
    this.#list.hidden = true
    this.#button.element.setAttribute('aria-expanded', 'false')
    document.removeEventListener('pointerdown', this.#outside)
    if (hadFocus) this.#button.element.focus()
  }

  /** Hides the button when there is nothing to choose. */
  update(): void {
    const groups = this.#groups().filter(({ choices }) => choices.length > 0)
    this.element.hidden = groups.length === 0
    const text = JSON.stringify(groups)
    if (text === this.#shown) return
    this.#shown = text
    const at = this.#items().indexOf(document.activeElement as HTMLElement)
    this.#list.replaceChildren(...groups.map((group) => this.#group(group)))
    if (at >= 0) this.#items()[at]?.focus()
  }

  #open(): void {
    this.update()
    this.#list.hidden = false
    this.#button.element.setAttribute('aria-expanded', 'true')
    document.addEventListener('pointerdown', this.#outside)
    const items = this.#items()
    const selected = items.find((item) => item.getAttribute('aria-checked') === 'true') ?? items[0]
    selected?.focus()
  }

  #group({ title, choices }: MenuGroup): HTMLElement {
    const group = document.createElement('div')
    group.setAttribute('role', 'group')
    group.setAttribute('aria-label', title)
    const heading = document.createElement('p')
    heading.setAttribute('aria-hidden', 'true')
    heading.textContent = title
    group.append(heading, ...choices.map((choice) => this.#item(choice)))
    return group
  }

  #item({ label, selected, choose }: MenuChoice): HTMLElement {
    const item = document.createElement('button')
    item.type = 'button'
    item.setAttribute('role', 'menuitemradio')
    item.setAttribute('aria-checked', String(selected))
    item.tabIndex = -1
    item.dir = 'auto'
    item.textContent = label
    item.addEventListener('click', () => {
      choose()
      this.close()
      this.update()
    })
    return item
  }

  #items(): HTMLElement[] {
    return [...this.#list.querySelectorAll<HTMLElement>('[role=menuitemradio]')]
  }

  #onKey(event: KeyboardEvent): void {
    const items = this.#items()
    const at = items.indexOf(document.activeElement as HTMLElement)
    const moves: Readonly<Record<string, number>> = {
      ArrowDown: (at + 1) % items.length,
      ArrowUp: (at - 1 + items.length) % items.length,
      Home: 0,
      End: items.length - 1,
    }
    const to = moves[event.key]
    if (to !== undefined) items[to]?.focus()
    else if (event.key === 'Escape' || event.key === 'Tab') this.close()
    else if (event.key !== 'Enter' && event.key !== ' ') return
    // The keys of the player have no say while a menu is open.
    event.stopPropagation()
    if (to !== undefined || event.key === 'Escape') event.preventDefault()
  }
}
