/** The server's answer to "may this peer do that": the keys, and room for one more session. */
import { UnavailableError } from '../errors.ts'
import type { Authorize } from '../live/access.ts'
import type { Sessions } from '../live/sessions.ts'
import type { Logger } from '../protocols/protocol.ts'
import { type AuthOptions, createAuthorize } from '../services/auth/authorize.ts'

export interface ServerAuthorizeOptions extends Pick<AuthOptions, 'keys' | 'pathAccess'> {
  readonly sessions: Sessions
  readonly log: Logger
  /** Publishers and viewers at the same time; asked each time. */
  readonly maxSessions: () => number
}

/** Throws as `createAuthorize` does, and UnavailableError ERR_HUB_FULL when all sessions are taken. */
export function createServerAuthorize({
  sessions,
  log,
  keys,
  pathAccess,
  maxSessions,
}: ServerAuthorizeOptions): Authorize {
  const authorize = createAuthorize({
    keys,
    pathAccess,
    onRefused: ({ action, path, protocol, remoteAddress }, reason) => {
      log.counted(reason.code, { action, path, protocol, remoteAddress }, reason.message)
    },
  })
  return async (request) => {
    const most = maxSessions()
    if (request.action !== 'api' && sessions.size >= most) {
      throw new UnavailableError('ERR_HUB_FULL', `expected at most ${most} sessions at the same time`)
    }
    await authorize(request)
  }
}
