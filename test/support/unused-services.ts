/** What a protocol is lent beside hub, sessions and routes, for tests of those that use none of it. */
import { UnavailableError } from '../../src/errors.ts'
import type { ServerContext } from '../../src/protocols/protocol.ts'

export const unusedServices: Pick<ServerContext, 'library' | 'playlist' | 'onPlayLog'> = {
  library: {
    open: (path) => Promise.reject(new UnavailableError('ERR_LIBRARY_NOT_FOUND', `${path} is not in the library`)),
  },
  playlist: () => undefined,
  onPlayLog: () => undefined,
}
