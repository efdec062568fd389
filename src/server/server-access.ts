/** Who may do what on this server: its secrets, keys and tokens, and the answer that all protocols ask for. */
import { join } from 'node:path'
import type { Authorize } from '../live/access.ts'
import type { Sessions } from '../live/sessions.ts'
import type { Logger } from '../protocols/protocol.ts'
import type { PathAccess } from '../services/auth/path-access.ts'
import type { TokenAccess } from '../services/auth/tokens/access.ts'
import type { TokenVerifierOptions } from '../services/auth/tokens/verifier.ts'
import { ServerKeys } from '../services/keys/server-keys.ts'
import { createServerAuthorize, endClearSessions } from './authorize.ts'
import type { Secrets } from './secrets.ts'
import type { ServerSettings } from './settings.ts'

export interface ServerAccessOptions {
  /** As in secrets.json. */
  readonly stored: Secrets
  /** Settings in force. */
  readonly settings: () => ServerSettings
  readonly pathAccess: (path: string) => PathAccess
  /** Whether what is played on the path is encrypted. */
  readonly isProtected: (path: string) => boolean
  readonly sessions: Sessions
  readonly log: Logger
}

/** Between two looks at who plays with a token that has ended, milliseconds. */
const SWEEP_MS = 2_000

export class ServerAccess {
  readonly authorize: Authorize
  readonly keys: ServerKeys
  readonly #options: ServerAccessOptions
  readonly #data: string
  #tokens: Promise<TokenAccess> | undefined
  #sweep: NodeJS.Timeout | undefined

  constructor(options: ServerAccessOptions) {
    const { stored, settings, pathAccess, isProtected, sessions, log } = options
    this.#options = options
    this.#data = settings().data
    this.keys = new ServerKeys(this.#data, stored.masterKey)
    this.authorize = createServerAuthorize({
      sessions,
      log,
      keys: () => this.secrets,
      pathAccess,
      isProtected,
      tokens: () => this.tokens(),
      webhook: () => settings().auth.webhook,
      maxSessions: () => settings().limits.sessions,
    })
  }

  /** Those in force: the settings over the stored ones. */
  get secrets(): Secrets {
    const { publishKey, playKey, adminToken } = this.#options.settings().auth
    const { stored } = this.#options
    return {
      publishKey: publishKey ?? stored.publishKey,
      playKey: playKey ?? stored.playKey,
      adminToken: adminToken ?? stored.adminToken,
      masterKey: stored.masterKey,
    }
  }

  /** What no log line may hold. */
  get hidden(): readonly string[] {
    const { secret } = this.#options.settings().auth.webhook
    return [...Object.values(this.secrets), ...(secret === undefined ? [] : [secret])]
  }

  /** Loaded with the first token that is shown or made. */
  tokens(): Promise<TokenAccess> {
    this.#tokens ??= this.#openTokens()
    return this.#tokens
  }

  /** Takes over what a reload brings; who plays in the clear what is protected now is sent away. */
  async configure(): Promise<void> {
    endClearSessions(this.#options)
    if (this.#tokens === undefined) return
    const { ownTokenKey } = await import('../services/auth/tokens/own-tokens.ts')
    ;(await this.#tokens).configure(this.#verifierOptions(ownTokenKey))
  }

  async close(): Promise<void> {
    clearInterval(this.#sweep)
    this.keys.close()
    const tokens = await this.#tokens?.catch(() => undefined)
    tokens?.close()
  }

  async #openTokens(): Promise<TokenAccess> {
    const { TokenAccess: Access } = await import('../services/auth/tokens/access.ts')
    const { ownTokenKey } = await import('../services/auth/tokens/own-tokens.ts')
    const { endOverdueSessions } = await import('../services/auth/tokens/ended-grants.ts')
    const tokens = new Access(join(this.#data, TOKENS_FILE), this.#verifierOptions(ownTokenKey))
    const { sessions, log } = this.#options
    this.#sweep = setInterval(() => {
      try {
        endOverdueSessions(sessions.list(), tokens.store, Date.now() / 1000)
      } catch (error) {
        log.counted('ERR_TOKEN_STORE', { error }, 'tokens could not be looked after')
      }
    }, SWEEP_MS)
    this.#sweep.unref()
    return tokens
  }

  #verifierOptions(ownTokenKey: (masterKey: string) => Uint8Array): TokenVerifierOptions {
    const { settings, stored, log } = this.#options
    return {
      ownKey: ownTokenKey(stored.masterKey),
      issuers: settings().auth.issuers,
      onFailure: (issuer, error) =>
        log.counted('ERR_TOKEN_KEYS', { issuer, error }, 'the keys of an issuer cannot be had'),
    }
  }
}

/** In the data folder. */
export const TOKENS_FILE = 'tokens.sqlite'
