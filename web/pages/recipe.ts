/** A titled box of lines that can be copied: settings, addresses, commands. */

export interface RecipeLine {
  /** `Server`, `Stream key`; empty for a command. */
  readonly label: string
  readonly text: string
}

/** Builds the box. Texts are set as text, never as markup. */
export function recipe(title: string, lines: readonly RecipeLine[]): HTMLElement {
  const box = document.createElement('article')
  box.className = 'recipe'
  const heading = document.createElement('h3')
  heading.textContent = title
  box.append(heading)
  for (const { label, text } of lines) {
    const row = document.createElement('div')
    row.className = 'line'
    if (label !== '') {
      const name = document.createElement('span')
      name.textContent = label
      row.append(name)
    }
    const code = document.createElement('code')
    code.textContent = text
    row.append(code, copyButton(text, `${title} ${label}`.trim()))
    box.append(row)
  }
  return box
}

function copyButton(text: string, what: string): HTMLButtonElement {
  const button = document.createElement('button')
  button.type = 'button'
  button.textContent = 'Copy'
  button.setAttribute('aria-label', `Copy: ${what}`)
  button.addEventListener('click', () => {
    copy(text).then(
      () => flash(button, 'Copied'),
      () => flash(button, 'Select and copy'),
    )
  })
  return button
}

async function copy(text: string): Promise<void> {
  if (navigator.clipboard !== undefined) return navigator.clipboard.writeText(text)
  // Plain HTTP pages of other hosts have no clipboard interface; the old way still works there.
  const area = document.createElement('textarea')
  area.value = text
  document.body.append(area)
  area.select()
  const done = document.execCommand('copy')
  area.remove()
  if (!done) throw new Error('the browser refused to copy')
}

function flash(button: HTMLButtonElement, text: string): void {
  button.textContent = text
  window.setTimeout(() => {
    button.textContent = 'Copy'
  }, 2000)
}
