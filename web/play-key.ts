/** What came with the page's own address and lets it play, a key or a token: what the page asks for and links to gets it too. */

/** Names in a query, as the server reads them: the first that is there counts. */
const NAMES = ['key', 'token'] as const

/** The address with the page's key or token, if it has one. */
export function passKey(address: string): string {
  const query = new URLSearchParams(location.search)
  for (const name of NAMES) {
    const value = query.get(name)
    if (value === null || value === '') continue
    return `${address}${address.includes('?') ? '&' : '?'}${name}=${encodeURIComponent(value)}`
  }
  return address
}
