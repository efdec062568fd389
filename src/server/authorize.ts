/** The server's answer to "may this peer do that": the keys, and room for one more session. */
import { PeerError, UnavailableError } from '../errors.ts'
import type { Authorize } from '../live/access.ts'
import type { Sessions } from '../live/sessions.ts'
import type { Logger } from '../protocols/protocol.ts'
import { type AuthOptions, createAuthorize } from '../services/auth/authorize.ts'

export interface ServerAuthorizeOptions extends Pick<AuthOptions, 'keys' | 'pathAccess' | 'tokens' | 'webhook'> {
  readonly sessions: Sessions
  readonly log: Logger
  /** Publishers and viewers at the same time; asked each time. */
  readonly maxSessions: () => number
  /** Whether what is played on the path is encrypted. */
  readonly isProtected: (path: string) => boolean
}

/** The protocols that send protected paths encrypted; `library`: pictures and names of films. */
const ENCRYPTING: ReadonlySet<string> = new Set(['hls', 'dash', 'library'])

/**
 * Throws as `createAuthorize` does, UnavailableError ERR_HUB_FULL when all sessions are taken, and PeerError ERR_PROTECTION_CLEAR where a protected
 * path would go out in the clear.
 */
export function createServerAuthorize(options: ServerAuthorizeOptions): Authorize {
  const { sessions, log, maxSessions, isProtected, ...answers } = options
  const authorize = createAuthorize({
    ...answers,
    onWebhookFailure: (error) => {
      log.counted('ERR_ACCESS_WEBHOOK', { error }, 'the webhook that says who may play and publish did not answer')
    },
    onRefused: ({ action, path, protocol, remoteAddress }, reason) => {
      log.counted(reason.code, { action, path, protocol, remoteAddress }, reason.message)
    },
  })
  return async (request) => {
    const most = maxSessions()
    if ((request.action === 'play' || request.action === 'publish') && sessions.size >= most) {
      throw new UnavailableError('ERR_HUB_FULL', `expected at most ${most} sessions at the same time`)
    }
    const grant = await authorize(request)
    const { action, path, protocol } = request
    if (action === 'play' && !ENCRYPTING.has(protocol) && isProtected(path)) throw refusal(path, protocol)
    return grant
  }
}

/** Sends away who plays in the clear what is protected by now. */
export function endClearSessions({
  sessions,
  isProtected,
}: Pick<ServerAuthorizeOptions, 'sessions' | 'isProtected'>): void {
  for (const { start } of [...sessions.list()]) {
    const { role, path, protocol, close } = start
    if (role === 'play' && !ENCRYPTING.has(protocol) && isProtected(path)) close(refusal(path, protocol))
  }
}

function refusal(path: string, protocol: string): PeerError {
  return new PeerError('ERR_PROTECTION_CLEAR', `${path} is protected: play it over HLS or DASH, found ${protocol}`)
}
