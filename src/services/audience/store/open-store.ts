/** Opens the store that the settings name. */
import { join } from 'node:path'
import { ConfigError } from '../../../errors.ts'
import { openSpoolName } from './spool-name.ts'
import { StoreThread } from './store-thread.ts'

export interface AudienceStoreOptions {
  /** For the SQLite file, and for what is to be remembered of a database elsewhere. Created when missing, for its owner only. */
  readonly folder: string
  /** `postgres://USER:PASSWORD@HOST:PORT/DATABASE`; left out: SQLite in the folder. */
  readonly database?: string | undefined
}

/**
 * Does not wait for the database: questions reject with UnavailableError ERR_AUDIENCE_STORE as long as it is away or refuses. Throws ConfigError
 * ERR_AUDIENCE_DATABASE for an address that is none, ERR_AUDIENCE_STORE for a folder that cannot be used.
 */
export function openAudienceStore({ folder, database }: AudienceStoreOptions): StoreThread {
  if (database === undefined) return new StoreThread(join(folder, 'audience.sqlite'))
  checkAddress(database)
  return new StoreThread({ database, folder, spool: openSpoolName(folder) })
}

/** Never repeats the address: there may be a password in it. */
function checkAddress(database: string): void {
  const scheme = URL.canParse(database) ? new URL(database).protocol : undefined
  if (scheme !== 'postgres:' && scheme !== 'postgresql:') {
    throw new ConfigError('ERR_AUDIENCE_DATABASE', 'expected postgres://USER:PASSWORD@HOST:PORT/DATABASE')
  }
}
