/** The server's answer to "may this peer do that": the keys, and room for one more session. */
import { UnavailableError } from '../errors.ts'
import type { Authorize } from '../live/access.ts'
import type { Sessions } from '../live/sessions.ts'
import type { Logger } from '../protocols/protocol.ts'
import { type AuthOptions, createAuthorize } from '../services/auth/authorize.ts'

export interface ServerAuthorizeOptions extends Pick<AuthOptions, 'keys' | 'pathAccess' | 'tokens' | 'webhook'> {
  readonly sessions: Sessions
  readonly log: Logger
  /** Publishers and viewers at the same time; asked each time. */
  readonly maxSessions: () => number
}

/** Throws as `createAuthorize` does, and UnavailableError ERR_HUB_FULL when all sessions are taken. */
export function createServerAuthorize({ sessions, log, maxSessions, ...answers }: ServerAuthorizeOptions): Authorize {
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
    return authorize(request)
  }
}
