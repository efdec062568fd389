/** Answers `live/access.ts`: keys for publishing and the API, playing open unless the path asks for a key. */
import { PeerError } from '../../errors.ts'
import type { AccessRequest, Authorize, Credentials } from '../../live/access.ts'
import { oneOfSecrets } from './constant-time.ts'
import { GuessLimiter, type GuessLimiterOptions } from './guess-limiter.ts'

/** What is asked of peers on one path. */
export interface PathAccess {
  readonly play: 'open' | 'key'
  /** Instead of the server's. */
  readonly publishKey?: string | undefined
  readonly playKey?: string | undefined
}

export interface AuthOptions {
  /** The keys in force; asked each time, so that a reload takes effect. */
  readonly keys: () => { readonly publishKey: string; readonly playKey: string; readonly adminToken: string }
  readonly pathAccess: (path: string) => PathAccess
  /** Called for each refusal. */
  readonly onRefused?: (request: AccessRequest, reason: PeerError) => void
  readonly limiter?: Partial<GuessLimiterOptions>
}

/**
 * The server's `authorize`. Throws PeerError ERR_ACCESS_DENIED when no right key is shown, or when the address has
 * shown too many different wrong ones. Nobody who shows no key at all counts as guessing.
 */
export function createAuthorize(options: AuthOptions): Authorize {
  const limiter = new GuessLimiter({
    now: () => performance.now(),
    // Not unref'ed and not cancelled: at most two seconds, and a peer waits at the other end.
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    ...options.limiter,
  })

  /** Wrong ones, to tell them apart. */
  let proofs = 0
  const refuse = (request: AccessRequest, message: string): never => {
    const reason = new PeerError('ERR_ACCESS_DENIED', message)
    options.onRefused?.(request, reason)
    throw reason
  }

  return async (request) => {
    const accepted = acceptedKeys(request, options)
    if (accepted === undefined) return
    const locked = limiter.lockedFor(request.remoteAddress)
    if (locked > 0) {
      const seconds = Math.ceil(locked / 1000)
      refuse(request, `too many wrong keys from this address; try again in ${seconds} s`)
    }
    const shown = shownKeys(request.credentials)
    const { proves } = request.credentials
    let right = false
    for (const key of shown) right = oneOfSecrets(key, accepted) || right
    // As with keys, all are tried in any case; an empty one is no secret, and everybody could prove it.
    if (proves !== undefined) for (const secret of accepted) right = (secret !== '' && proves(secret)) || right
    if (right) return
    for (const key of shown) await limiter.wrong(request.remoteAddress, key)
    // Which password a proof was made with cannot be seen: each is a guess of its own.
    if (proves !== undefined) await limiter.wrong(request.remoteAddress, `proof ${++proofs}`)
    const found = shown.length === 0 && proves === undefined ? 'none' : 'a wrong one'
    refuse(request, `expected ${EXPECTED[request.action]}, found ${found}`)
  }
}

const EXPECTED = {
  publish: 'the publish key (?key=… or Authorization)',
  play: 'the play key (?key=… or Authorization)',
  api: 'the admin token as bearer authorization',
} as const

/** Secrets that open this; `undefined`: open to all. */
function acceptedKeys(request: AccessRequest, options: AuthOptions): readonly string[] | undefined {
  const keys = options.keys()
  if (request.action === 'api') return [keys.adminToken]
  const access = options.pathAccess(request.path)
  const publishKey = access.publishKey ?? keys.publishKey
  if (request.action === 'publish') return [publishKey, keys.adminToken]
  // Who may publish a stream may also look at it.
  return access.play === 'open' ? undefined : [access.playKey ?? keys.playKey, publishKey, keys.adminToken]
}

function shownKeys({ key, bearer, basic }: Credentials): readonly string[] {
  const shown = new Set<string>()
  for (const value of [key, bearer, basic?.password]) if (value !== undefined && value !== '') shown.add(value)
  return [...shown]
}
