/** What a protocol is lent beside hub, sessions and routes, for tests of those that use none of it. */
import { EMPTY_LIBRARY } from '../../src/library/library.ts'
import { MediaFiles } from '../../src/library/media-files.ts'
import { openReader } from '../../src/media/open-reader.ts'
import type { ServerContext } from '../../src/protocols/protocol.ts'

export const unusedServices: Pick<
  ServerContext,
  'library' | 'mediaFiles' | 'keys' | 'protection' | 'transcoder' | 'playlist' | 'onPlayLog' | 'reports' | 'data'
> = {
  library: EMPTY_LIBRARY,
  mediaFiles: new MediaFiles(EMPTY_LIBRARY, openReader),
  keys: undefined,
  protection: () => undefined,
  transcoder: undefined,
  playlist: () => undefined,
  onPlayLog: () => undefined,
  reports: undefined,
  data: undefined,
}
