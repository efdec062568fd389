/** What somebody chose before, kept by the browser: languages and volume. */

type Preference = 'audio' | 'text' | 'volume' | 'muted'

/** `undefined`: nothing was chosen yet, or the browser keeps nothing. */
export function preference(name: Preference): string | undefined {
  try {
    return localStorage.getItem(`headend.${name}`) ?? undefined
  } catch {
    return undefined
  }
}

export function keepPreference(name: Preference, value: string): void {
  try {
    localStorage.setItem(`headend.${name}`, value)
  } catch {
    // A browser that keeps nothing asks again next time.
  }
}
