/** Answers `live/access.ts`: rules by address, then keys, tokens, people with passwords, or the operator's own program, as the path asks for. */
import { HeadendError, PeerError } from '../../errors.ts'
import type { AccessGrant, AccessRequest, Authorize, Credentials } from '../../live/access.ts'
import { plainAddress } from '../../net/http/client-address.ts'
import { oneOfSecrets } from './constant-time.ts'
import { GuessLimiter, type GuessLimiterOptions } from './guess-limiter.ts'
import { opensForAddress, type PathAccess } from './path-access.ts'
import type { TokenAccess } from './tokens/access.ts'
import { looksLikeToken } from './tokens/compact-form.ts'
import { UserCheck } from './users.ts'
import { Webhook, type WebhookSettings } from './webhook.ts'

export interface AuthOptions {
  /** The keys in force; asked each time, so that a reload takes effect. */
  readonly keys: () => { readonly publishKey: string; readonly playKey: string; readonly adminToken: string }
  readonly pathAccess: (path: string) => PathAccess
  /** Loaded with the first token that is shown. Absent: no token opens anything. */
  readonly tokens?: () => Promise<TokenAccess>
  /** Asked on paths that say so; absent, or without an address: they are refused. */
  readonly webhook?: () => WebhookSettings
  /** Called when the webhook did not answer. */
  readonly onWebhookFailure?: (error: string) => void
  /** Called for each refusal. */
  readonly onRefused?: (request: AccessRequest, reason: PeerError) => void
  readonly limiter?: Partial<GuessLimiterOptions>
}

/** `PlayAccess` asks with it whether a path is open to everybody; whatever is for some is not. */
const ANYBODY = '0.0.0.0'

/**
 * The server's `authorize`. Throws PeerError ERR_ACCESS_DENIED when nothing right is shown, or when the address has
 * shown too many different wrong secrets. Nobody who shows none at all counts as guessing.
 */
export function createAuthorize(options: AuthOptions): Authorize {
  const limiter = new GuessLimiter({
    now: () => performance.now(),
    // Not unref'ed and not cancelled: at most two seconds, and a peer waits at the other end.
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    ...options.limiter,
  })
  const users = new UserCheck()
  const webhook = new Webhook(options.onWebhookFailure)

  /** Wrong ones, to tell them apart. */
  let proofs = 0
  const refuse = (request: AccessRequest, message: string, cause?: HeadendError): never => {
    const reason = new PeerError('ERR_ACCESS_DENIED', message, { cause })
    options.onRefused?.(request, reason)
    throw reason
  }

  return async (request) => {
    const { action, remoteAddress, credentials } = request
    const access = action === 'api' ? undefined : options.pathAccess(request.path)
    if (access !== undefined && !opensForAddress(access, plainAddress(remoteAddress))) {
      refuse(request, 'this address may not use this path')
    }
    const need = needOf(request, access)
    if (need === 'open') return undefined
    const locked = limiter.lockedFor(remoteAddress)
    if (locked > 0) {
      const seconds = Math.ceil(locked / 1000)
      refuse(request, `too many wrong keys from this address; try again in ${seconds} s`)
    }
    const shown = shownSecrets(credentials)
    if (opensByKey(shown, credentials, acceptedKeys(request, options, access, need))) return undefined
    if (need === 'webhook') {
      const answer = await askWebhook(request)
      if (answer === 'yes') return undefined
      if (shown.length > 0 && answer === 'no') await limiter.wrong(remoteAddress, shown.join('\0'))
      refuse(request, answer === 'no' ? 'the service that was asked says no' : 'the service to be asked did not answer')
    }
    if (await opensByPassword(request, access)) return undefined

    const tokens = access === undefined ? [] : shown.filter(looksLikeToken)
    const { grant, reason } = await openByToken(request, tokens)
    if (grant !== undefined) return grant
    // A token that is not right any more is no guess, and neither is one for another path.
    const guesses = reason === undefined || reason.code === 'ERR_TOKEN_INVALID' ? shown : without(shown, tokens)
    for (const key of guesses) await limiter.wrong(remoteAddress, key)
    // Which password a proof was made with cannot be seen: each is a guess of its own.
    if (credentials.proves !== undefined) await limiter.wrong(remoteAddress, `proof ${++proofs}`)
    if (reason !== undefined) refuse(request, reason.message, reason)
    const found = shown.length === 0 && credentials.proves === undefined ? 'none' : 'a wrong one'
    return refuse(request, `expected ${need === 'token' ? TOKEN : EXPECTED[action]}, found ${found}`)
  }

  async function askWebhook(request: AccessRequest): Promise<'yes' | 'no' | 'none'> {
    const settings = options.webhook?.()
    if (settings?.url === undefined || request.remoteAddress === ANYBODY) return 'none'
    const answer = await webhook.ask(settings, request)
    return answer === 'none' && request.action !== 'publish' && settings.playWithoutAnswer ? 'yes' : answer
  }

  async function opensByPassword(request: AccessRequest, access: PathAccess | undefined): Promise<boolean> {
    const { basic } = request.credentials
    if (basic === undefined || access?.users === undefined) return false
    const user = Object.hasOwn(access.users, basic.user) ? access.users[basic.user] : undefined
    const right = await users.knows(user, basic.user, basic.password)
    return right && (request.action !== 'publish' || user?.publish === true)
  }

  async function openByToken(
    request: AccessRequest,
    shown: readonly string[],
  ): Promise<{ readonly grant?: AccessGrant; readonly reason?: HeadendError }> {
    let reason: HeadendError | undefined
    if (options.tokens === undefined || shown.length === 0) return {}
    const tokens = await options.tokens()
    for (const token of shown) {
      try {
        return { grant: await tokens.open(token, request) }
      } catch (error) {
        if (!(error instanceof HeadendError)) throw error
        reason = error
      }
    }
    return reason === undefined ? {} : { reason }
  }
}

type Need = 'open' | 'key' | 'token' | 'webhook'

const TOKEN = 'a token (?token=… or Authorization)'
const EXPECTED = {
  publish: 'the publish key (?key=… or Authorization)',
  play: 'the play key (?key=… or Authorization)',
  license: 'what plays this path (?token=…, ?key=… or Authorization)',
  api: 'the admin token as bearer authorization',
} as const

function needOf({ action }: AccessRequest, access: PathAccess | undefined): Need {
  if (access === undefined) return 'key'
  return action === 'publish' ? (access.publish ?? 'key') : access.play
}

/** Keys that open this. */
function acceptedKeys(
  { action }: AccessRequest,
  options: AuthOptions,
  access: PathAccess | undefined,
  need: Need,
): readonly string[] {
  const keys = options.keys()
  if (access === undefined || need !== 'key') return [keys.adminToken]
  const publishKey = access.publishKey ?? keys.publishKey
  if (action === 'publish') return [publishKey, keys.adminToken]
  // Who may publish a stream may also look at it.
  return [access.playKey ?? keys.playKey, publishKey, keys.adminToken]
}

/** All are tried in any case. */
function opensByKey(shown: readonly string[], { proves }: Credentials, accepted: readonly string[]): boolean {
  let right = false
  for (const key of shown) right = oneOfSecrets(key, accepted) || right
  // An empty one is no secret, and everybody could prove it.
  if (proves !== undefined) for (const secret of accepted) right = (secret !== '' && proves(secret)) || right
  return right
}

function shownSecrets({ key, bearer, basic }: Credentials): readonly string[] {
  const shown = new Set<string>()
  for (const value of [key, bearer, basic?.password]) if (value !== undefined && value !== '') shown.add(value)
  return [...shown]
}

function without(all: readonly string[], some: readonly string[]): readonly string[] {
  return all.filter((one) => !some.includes(one))
}
