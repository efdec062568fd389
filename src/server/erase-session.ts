/** Erasing a session of the audience as a library call: in the data folder of a server, or by the API of one that runs. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { UnavailableError } from '../errors.ts'
import { callServer, expectServerFolder, type ServerPlace } from './server-place.ts'
import { AUDIENCE_FOLDER } from './server-reports.ts'

const MAX_ANSWER = 64 * 1024

/**
 * Removes all that is known of a session; what of it waits for the store is left out when it comes. False: it was not known. A server that runs on
 * the folder must be asked itself: it remembers sessions. `database`: as in the settings (`audience.database`). Throws ConfigError ERR_USAGE for a
 * folder that is no server's, UnavailableError ERR_AUDIENCE_STORE, and ERR_AUDIENCE_SERVER with what a server says.
 */
export async function eraseSession(
  place: ServerPlace,
  id: string,
  { database }: { readonly database?: string | undefined } = {},
): Promise<boolean> {
  if ('server' in place) return eraseByApi(place, id)
  await expectServerFolder(place.data)
  const folder = join(place.data, AUDIENCE_FOLDER)
  if (!existsSync(folder)) return false
  const { openAudienceStore } = await import('../services/audience/store/open-store.ts')
  // The spool is left alone: a server may write there after all. What of the session waits in it is left out when it comes.
  const store = openAudienceStore({ folder, database })
  try {
    return await store.erase(id, Date.now())
  } finally {
    await store.close()
  }
}

async function eraseByApi(place: Extract<ServerPlace, { readonly server: string }>, id: string): Promise<boolean> {
  let isUnknown = false
  const failure = (message: string, options?: ErrorOptions) => {
    isUnknown = message.startsWith('the server answered 404')
    return new UnavailableError('ERR_AUDIENCE_SERVER', message, options)
  }
  const path = `/api/v1/audience/session?id=${encodeURIComponent(id)}`
  try {
    await callServer(place, { method: 'DELETE', path, failure, maxBytes: MAX_ANSWER })
    return true
  } catch (error) {
    if (isUnknown) return false
    throw error
  }
}
