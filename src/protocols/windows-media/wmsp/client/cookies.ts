/** Cookies of one Windows Media client session (MS-WMSP 2.2.1.3 and 2.2.1.6, RFC 2109): kept in memory, sent back to who set them. */

/** Cookies kept; the oldest goes. */
export const MAX_COOKIES = 32
/** Characters of a name and its value; a longer cookie is not kept. */
export const MAX_COOKIE_LENGTH = 4096

interface Cookie {
  readonly name: string
  readonly value: string
  readonly domain: string
  /** The domain was given, so that its other hosts get it too. */
  readonly shared: boolean
  readonly path: string
}

/** Knows no expiry but an immediate one: a session is shorter than a cookie's life. */
export class ClientCookies {
  readonly #cookies = new Map<string, Cookie>()

  /** Takes the values of all `Set-Cookie` headers of an answer. What is malformed or meant for others is left out. */
  store(url: URL, values: readonly string[]): void {
    for (const value of values) {
      const cookie = parse(value, url)
      if (cookie === undefined) continue
      const key = `${cookie.domain} ${cookie.path} ${cookie.name}`
      this.#cookies.delete(key)
      if (!/;\s*max-age\s*=\s*"?0/i.test(value)) this.#cookies.set(key, cookie)
      const [oldest] = this.#cookies.keys()
      if (this.#cookies.size > MAX_COOKIES && oldest !== undefined) this.#cookies.delete(oldest)
    }
  }

  /** Value of the `Cookie` header for a request; `undefined`: none fits. */
  header(url: URL): string | undefined {
    const host = url.hostname.toLowerCase()
    const path = url.pathname === '' ? '/' : url.pathname
    const fitting = [...this.#cookies.values()].filter(
      (cookie) =>
        (host === cookie.domain || (cookie.shared && host.endsWith(`.${cookie.domain}`))) &&
        (path === cookie.path || path.startsWith(cookie.path.endsWith('/') ? cookie.path : `${cookie.path}/`)),
    )
    return fitting.length === 0 ? undefined : fitting.map(({ name, value }) => `${name}=${value}`).join('; ')
  }
}

function parse(text: string, url: URL): Cookie | undefined {
  const [pair = '', ...attributes] = text.split(';').map((part) => part.trim())
  const equals = pair.indexOf('=')
  if (equals < 1 || pair.length > MAX_COOKIE_LENGTH || !/^[!-~ ]*$/.test(pair)) return undefined
  const attribute = (name: string) =>
    attributes
      .find((part) => part.toLowerCase().startsWith(`${name}=`))
      ?.slice(name.length + 1)
      .replace(/^"(.*)"$/, '$1')
  const host = url.hostname.toLowerCase()
  const domain = attribute('domain')?.toLowerCase().replace(/^\./, '') ?? ''
  // A domain without a dot would be all hosts of a country or of a network.
  if (domain !== '' && domain !== host && !(domain.includes('.') && host.endsWith(`.${domain}`))) return undefined
  const path = attribute('path')
  return {
    name: pair.slice(0, equals).trim(),
    value: pair.slice(equals + 1).trim(),
    domain: domain === '' ? host : domain,
    shared: domain !== '',
    path: path?.startsWith('/') === true ? path : '/',
  }
}
