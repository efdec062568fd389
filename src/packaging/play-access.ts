/** Who may play a path over HTTP, asked for every request but cheaply for the paths that are open to all. */
import { type Authorize, type Credentials, secretOfQuery } from '../live/access.ts'
import { OPEN_MS } from './hot-objects.ts'

/** Paths whose openness is remembered. */
const MAX_REMEMBERED = 10_000

export class PlayAccess {
  readonly #authorize: Authorize
  readonly #protocol: string
  readonly #open = new Map<string, { readonly open: boolean; readonly until: number }>()

  constructor(authorize: Authorize, protocol: string) {
    this.#authorize = authorize
    this.#protocol = protocol
  }

  /**
   * Resolves `open` when anybody from anywhere may play the path, `granted` when this peer may. Throws what `authorize` throws
   * otherwise.
   */
  async check(path: string, remoteAddress: string, credentials: Credentials): Promise<'open' | 'granted'> {
    if (await this.isOpen(path)) return 'open'
    await this.#authorize({ action: 'play', path, protocol: this.#protocol, remoteAddress, credentials })
    return 'granted'
  }

  /** Whether anybody from anywhere may play the path. */
  async isOpen(path: string): Promise<boolean> {
    const now = performance.now()
    const known = this.#open.get(path)
    if (known !== undefined && known.until > now) return known.open
    // An unspecified address: rules by address must not open the path for the others.
    const request = {
      action: 'play',
      path,
      protocol: this.#protocol,
      remoteAddress: '0.0.0.0',
      credentials: {},
    } as const
    const open = await this.#authorize(request).then(
      () => true,
      () => false,
    )
    if (this.#open.size >= MAX_REMEMBERED) this.#open.clear()
    this.#open.set(path, { open, until: now + OPEN_MS })
    return open
  }
}

/** What an HTTP request shows: `?key=`, `?token=` and `Authorization`. */
export function credentialsOf(query: URLSearchParams, authorization: string | undefined): Credentials {
  const key = secretOfQuery(query)
  const [, scheme = '', value = ''] = /^([A-Za-z]+) +(\S+)$/.exec(authorization ?? '') ?? []
  const credentials: { -readonly [Key in keyof Credentials]: Credentials[Key] } = {}
  if (key !== undefined) credentials.key = key
  if (/^bearer$/i.test(scheme)) credentials.bearer = value
  if (/^basic$/i.test(scheme)) {
    const [user = '', ...password] = Buffer.from(value, 'base64').toString('utf8').split(':')
    credentials.basic = { user, password: password.join(':') }
  }
  return credentials
}
