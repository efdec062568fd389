/** Where the files of the library lie: the media folder, and what this server recorded beside them. */
import { join } from 'node:path'
import type { LibraryFolders } from '../library/library.ts'
import type { ServerSettings } from './settings.ts'

/** Below the data folder. */
export const RECORDINGS = 'recordings'

export function libraryFolders({ media, data }: Pick<ServerSettings, 'media' | 'data'>): LibraryFolders {
  return { root: media, mounts: { recordings: join(data, RECORDINGS) } }
}
