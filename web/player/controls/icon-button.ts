/** A round button with a drawing; its name is for screen readers and appears when the pointer rests on it. */
import { drawIcon, type IconName } from '../../icons.ts'

export class IconButton {
  readonly element = document.createElement('button')
  #shown = ''

  constructor(icon: IconName, label: string, onClick: () => void) {
    this.element.type = 'button'
    this.element.className = 'icon'
    this.element.addEventListener('click', onClick)
    this.show(icon, label)
  }

  /** `shortcut` is a key as `aria-keyshortcuts` has it. */
  show(icon: IconName, label: string, shortcut = ''): void {
    const state = `${icon} ${label} ${shortcut}`
    if (state === this.#shown) return
    this.#shown = state
    this.element.replaceChildren(drawIcon(icon))
    this.element.setAttribute('aria-label', label)
    this.element.title = shortcut === '' ? label : `${label} (${shortcut.toLowerCase()})`
    if (shortcut !== '') this.element.setAttribute('aria-keyshortcuts', shortcut)
  }
}
