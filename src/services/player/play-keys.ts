/** The content keys of a player: those that it was given, and those that a licence server gives it. */
import { ConfigError, describeError, HeadendError, PeerError } from '../../errors.ts'
import { secretOfQuery } from '../../live/access.ts'
import type { ProtectionScheme } from '../../media/protection/scheme.ts'
import { formatUuid, type KeyId } from '../../media/protection/systems.ts'
import type { ContentKey } from '../../packaging/protection/segment-encryptor.ts'
import { formatLicenseRequest, MAX_KEY_IDS, MAX_LICENSE, parseLicense } from '../license/clear-key-messages.ts'
import { shown } from './http.ts'

/** Milliseconds for a licence to come. */
const LICENSE_MS = 15_000
/** Keys that are kept; a live stream with another one every two seconds has as many in two hours. */
const MAX_KEYS = 4096

export interface PlayKeysOptions {
  /** Address of what is played: its token opens licences too, where both are of one host. */
  readonly url: URL
  readonly keys?: readonly ContentKey[]
  /** Address of a Clear Key licence server. */
  readonly license?: URL
  /** Shown to the licence server in place of that of the address. */
  readonly token?: string
  readonly signal: AbortSignal
}

/** What is known of a key that is wanted, for people. */
export interface WantedKeys {
  readonly scheme: ProtectionScheme
  /** Of the licence server, as a manifest tells it. */
  readonly licenseUrl: string | undefined
}

export class PlayKeys {
  readonly #options: PlayKeysOptions
  readonly #keys = new Map<string, Uint8Array>()
  /** Sound and picture ask for the same key at the same time. */
  #asking: Promise<void> = Promise.resolve()

  constructor(options: PlayKeysOptions) {
    this.#options = options
    for (const key of options.keys ?? []) this.#keep(key)
  }

  /** `undefined`: it is not there, or not yet. */
  get(id: KeyId): Uint8Array | undefined {
    return this.#keys.get(nameOf(id))
  }

  /**
   * Resolves when all of them are there. Throws ConfigError ERR_PLAY_KEY where there is nobody to ask for one, which tells what to give, and
   * PeerError ERR_PLAY_LICENSE where the licence server does not give it.
   */
  need(ids: readonly KeyId[], wanted: WantedKeys): Promise<void> {
    const asked = this.#asking.then(() => this.#fetch(ids, wanted))
    this.#asking = asked.catch(() => undefined)
    return asked
  }

  async #fetch(ids: readonly KeyId[], wanted: WantedKeys): Promise<void> {
    const missing = new Map(ids.filter((id) => this.get(id) === undefined).map((id) => [nameOf(id), id]))
    const [first] = missing.values()
    if (first === undefined) return
    const { license } = this.#options
    if (license === undefined) throw this.#noKey(first, wanted)
    const all = [...missing.values()]
    for (let at = 0; at < all.length; at += MAX_KEY_IDS) {
      for (const key of await this.#ask(license, all.slice(at, at + MAX_KEY_IDS))) {
        if (missing.has(nameOf(key.id))) this.#keep(key)
      }
    }
    const still = all.find((id) => this.get(id) === undefined)
    if (still === undefined) return
    throw new PeerError('ERR_PLAY_LICENSE', `${shown(license)} gives no key ${formatUuid(still)} for what was shown`)
  }

  async #ask(license: URL, ids: readonly KeyId[]): Promise<readonly ContentKey[]> {
    const { signal } = this.#options
    const token = this.#tokenFor(license)
    try {
      const response = await fetch(license, {
        method: 'POST',
        body: formatLicenseRequest(ids),
        headers: {
          'content-type': 'application/json',
          'user-agent': 'Headend',
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
        },
        redirect: 'error',
        signal: AbortSignal.any([signal, AbortSignal.timeout(LICENSE_MS)]),
      })
      const body = await readAtMost(response, MAX_LICENSE)
      if (!response.ok)
        throw new PeerError('ERR_PLAY_LICENSE', `${shown(license)} refuses: ${reasonOf(response, body)}`)
      return parseLicense(body)
    } catch (cause) {
      if (cause instanceof HeadendError) throw cause
      signal.throwIfAborted()
      throw new PeerError('ERR_PLAY_LICENSE', `${shown(license)} gives no licence: ${describeError(cause)}`, { cause })
    }
  }

  /** A token is not told to other hosts than the one it was given for. */
  #tokenFor(license: URL): string | undefined {
    const { url, token } = this.#options
    if (token !== undefined) return token
    if (secretOfQuery(license.searchParams) !== undefined || license.hostname !== url.hostname) return undefined
    return secretOfQuery(url.searchParams)
  }

  #noKey(id: KeyId, { scheme, licenseUrl }: WantedKeys): ConfigError {
    const { url } = this.#options
    const where =
      licenseUrl === undefined
        ? `no licence server is told of; that of a Headend server is ${url.origin}/license/clearkey`
        : `licences are at ${licenseUrl.split('?')[0]}`
    return new ConfigError(
      'ERR_PLAY_KEY',
      `${shown(url)} is encrypted (${scheme}) with the key ${formatUuid(id)}; ${where}: expected --license URL, --key KID:KEY or --key-file FILE`,
    )
  }

  #keep({ id, key }: ContentKey): void {
    this.#keys.set(nameOf(id), key)
    const [oldest] = this.#keys.keys()
    if (this.#keys.size > MAX_KEYS && oldest !== undefined) this.#keys.delete(oldest)
  }
}

function nameOf(id: KeyId): string {
  return Buffer.from(id).toString('hex')
}

async function readAtMost(response: Response, limit: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of response.body ?? []) {
    size += piece.byteLength
    if (size > limit) throw new PeerError('ERR_PLAY_LICENSE', `expected a licence of at most ${limit} bytes`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

/** In the server's words, where it has any (RFC 9457). */
function reasonOf({ status }: Response, body: Uint8Array): string {
  try {
    const { code, detail } = JSON.parse(Buffer.from(body).toString('utf8')) as Record<string, unknown>
    if (typeof detail === 'string') {
      return `${typeof code === 'string' ? code : status}, ${detail}`.slice(0, 300).replaceAll(/\p{Cc}/gu, ' ')
    }
  } catch {
    // Its status says enough.
  }
  return `status ${status}`
}
