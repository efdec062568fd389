/** Keys of the player, as people know them from elsewhere. They work wherever nothing else wants the key. */

export interface KeyActions {
  togglePlay(): void
  step(seconds: number): void
  /** To the beginning, or to the end (live: back to live). */
  start(): void
  end(): void
  volume(by: number): void
  toggleMute(): void
  toggleFullScreen(): void
  toggleText(): void
  /** To a part of a film, 0 to 1. */
  part(part: number): void
}

/** Returns a function that stops listening. */
export function listenToKeys(actions: KeyActions): () => void {
  const onKey = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return
    if (wantsKey(event.target, event.key)) return
    const action = actionOf(event.key, actions)
    if (action === undefined) return
    event.preventDefault()
    action()
  }
  document.addEventListener('keydown', onKey)
  return () => document.removeEventListener('keydown', onKey)
}

function actionOf(key: string, actions: KeyActions): (() => void) | undefined {
  if (/^[0-9]$/.test(key)) return () => actions.part(Number(key) / 10)
  switch (key.toLowerCase()) {
    case ' ':
    case 'k':
      return () => actions.togglePlay()
    case 'arrowleft':
      return () => actions.step(-5)
    case 'arrowright':
      return () => actions.step(5)
    case 'j':
      return () => actions.step(-10)
    case 'l':
      return () => actions.step(10)
    case 'arrowup':
      return () => actions.volume(0.05)
    case 'arrowdown':
      return () => actions.volume(-0.05)
    case 'm':
      return () => actions.toggleMute()
    case 'f':
      return () => actions.toggleFullScreen()
    case 'c':
      return () => actions.toggleText()
    case 'home':
      return () => actions.start()
    case 'end':
      return () => actions.end()
    default:
      return undefined
  }
}

/** Text fields want all keys, radio buttons and sliders the arrows, buttons and links what presses them. */
function wantsKey(target: EventTarget | null, key: string): boolean {
  if (!(target instanceof HTMLElement)) return false
  if (target instanceof HTMLInputElement) {
    const moves = /^(?:Arrow|Home|End|Page)/.test(key)
    if (target.type === 'range') return moves
    return target.type === 'radio' ? moves || key === ' ' : true
  }
  if (target.isContentEditable || target.closest('textarea, select, [role=menu]') !== null) return true
  return target.closest('button, a, summary') !== null && (key === ' ' || key === 'Enter')
}
