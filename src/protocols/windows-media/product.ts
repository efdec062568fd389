/** Who the peer is and how old: User-Agent and Server of Windows Media programs (MS-WMSP 2.2.1.8 and 2.2.1.5, MS-WMHTTP 2.2.1.8). */

/** Characters of a header value that are looked at. */
const MAX_PRODUCT_LENGTH = 512

/** Kinds of clients: player, distribution server, cache, encoder. */
export type ProductToken = 'NSPlayer' | 'NSServer' | 'WMCacheProxy' | 'WMEncoder'

/** A client, as its User-Agent tells. */
export interface Product {
  readonly token: ProductToken
  readonly major: number
  readonly minor: number
  /** The whole header value, at most 512 characters. */
  readonly text: string
  /** A cache passes the request on (`; via WMCacheProxy`). */
  readonly viaProxy: boolean
}

/** A server, as its Server header tells: `Cougar` streams and takes pushes, `Rex` is a live encoder. */
export interface ServerProduct {
  readonly token: 'Cougar' | 'Rex'
  readonly major: number
  readonly minor: number
  /** The whole header value, at most 512 characters. */
  readonly text: string
}

const CLIENTS = new Map<string, ProductToken>([
  ['nsplayer', 'NSPlayer'],
  ['nsserver', 'NSServer'],
  ['wmcacheproxy', 'WMCacheProxy'],
  ['wmencoder', 'WMEncoder'],
])
const SERVERS = new Map<string, ServerProduct['token']>([
  ['cougar', 'Cougar'],
  ['rex', 'Rex'],
])

/** `undefined`: no Windows Media client. Versions that no document lists are taken as they are. */
export function parseProduct(userAgent: string | undefined): Product | undefined {
  const found = parse(userAgent, CLIENTS)
  return found && { ...found, viaProxy: /;\s*via\s+WMCacheProxy/i.test(found.text) }
}

/** `undefined`: no Windows Media server. */
export function parseServer(server: string | undefined): ServerProduct | undefined {
  return parse(server, SERVERS)
}

/** Compares (major, minor) as two integers: 9.10 is above 9.6. */
export function atLeast(
  product: { readonly major: number; readonly minor: number },
  major: number,
  minor = 0,
): boolean {
  return product.major > major || (product.major === major && product.minor >= minor)
}

function parse<Token extends string>(value: string | undefined, tokens: ReadonlyMap<string, Token>) {
  const text = value?.trim().slice(0, MAX_PRODUCT_LENGTH)
  if (text === undefined) return undefined
  // VLC's server writes a space where the slash belongs.
  const match = /^([A-Za-z]+)(?:[/ ](\d{1,4})(?:\.(\d{1,4}))?)?(?![A-Za-z])/.exec(text)
  const token = tokens.get((match?.[1] ?? '').toLowerCase())
  if (token === undefined) return undefined
  return { token, major: Number(match?.[2] ?? 0), minor: Number(match?.[3] ?? 0), text }
}
