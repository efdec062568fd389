/** The play key that came with the page's own address: what the page asks for and links to gets it too. */

const KEY = 'key'

/** The address with the page's key, if it has one. */
export function passKey(address: string): string {
  const key = new URLSearchParams(location.search).get(KEY)
  if (key === null || key === '') return address
  return `${address}${address.includes('?') ? '&' : '?'}${KEY}=${encodeURIComponent(key)}`
}
