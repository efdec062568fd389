/** Writing what is known of the audience into files, as a library call: in the data folder of a server, whether it runs or not. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError, UnavailableError } from '../errors.ts'
import type { AudienceExportFormat } from '../services/audience/exports/formats.ts'
import { expectServerFolder } from './server-place.ts'
import { AUDIENCE_FOLDER } from './server-reports.ts'
import { packageVersion } from './version.ts'

/** What of the audience goes where. */
export interface ExportAudienceOptions {
  /** Data folder of the server. */
  readonly data: string
  /** As in the settings `audience.database`, where the folder's server has it. */
  readonly database?: string | undefined
  /** Sessions that were there in the range, or all events of each of them; not what still waits for the database. */
  readonly what: 'sessions' | 'events'
  /** `wms`: of events alone. */
  readonly format: AudienceExportFormat
  /** Unix milliseconds, cut to full minutes; `until` is not in it. */
  readonly from: number
  readonly until: number
  /** Only of this stream or file. */
  readonly path?: string | undefined
  /** Where the files go; created when missing. None that is there is written over. */
  readonly folder: string
  /** Bytes before compression after which a new file begins. Default 64 MiB. */
  readonly maxBytes?: number | undefined
  /** Gzip; default: yes. */
  readonly compress?: boolean | undefined
}

/**
 * Resolves with the paths of the files: `audience-sessions-2026-11-25T20-00Z_0001.csv.gz`. Throws ConfigError ERR_USAGE for a folder that is no
 * server's, and for a format that has no sessions, UnavailableError ERR_AUDIENCE_STORE and ERR_AUDIENCE_EXPORT.
 */
export async function exportAudience(options: ExportAudienceOptions): Promise<string[]> {
  const { data, database, what, format, from, until, path, folder, maxBytes, compress } = options
  await expectServerFolder(data)
  const audience = join(data, AUDIENCE_FOLDER)
  if (!existsSync(audience)) throw new UnavailableError('ERR_AUDIENCE_STORE', `no audience is kept in ${data}`)
  const [{ openAudienceStore }, { exportAudience: ask }, { writeExportFiles }] = await Promise.all([
    import('../services/audience/store/open-store.ts'),
    import('../services/audience/exports/export-audience.ts'),
    import('../services/audience/exports/export-files.ts'),
  ])
  const store = openAudienceStore({ folder: audience, database })
  try {
    const filter = { from, until, now: Date.now(), ...(path !== undefined && { path }) }
    const found = ask(store, { what, format, filter, software: `Headend ${packageVersion()}` })
    if (found === undefined)
      throw new ConfigError('ERR_USAGE', 'expected events: Windows Media players send no sessions')
    const name = `audience-${what}-${new Date(from).toISOString().slice(0, 16).replaceAll(':', '-')}Z`
    return await writeExportFiles(found, {
      folder,
      name,
      ...(maxBytes !== undefined && { maxBytes }),
      ...(compress !== undefined && { compress }),
    })
  } finally {
    await store.close()
  }
}
