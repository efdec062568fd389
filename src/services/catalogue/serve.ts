/** What the catalogue opens when the first request comes. */
import { join } from 'node:path'
import type { LoadedRoutes } from '../../net/http/lazy.ts'
import { PlayAccess } from '../../packaging/play-access.ts'
import type { ServerContext } from '../../protocols/protocol.ts'
import { Catalogue } from './catalogue.ts'
import { FactsReader } from './facts-reader.ts'
import { FactsStore } from './facts-store.ts'
import { listRoute } from './list-route.ts'
import { Listing } from './listing.ts'
import type { CatalogueOptions } from './options.ts'

export function serveCatalogue(context: ServerContext, _options: CatalogueOptions): LoadedRoutes<CatalogueOptions> {
  const { data, library, mediaFiles, log } = context
  const folder = data === undefined ? undefined : join(data, 'cache', 'catalogue')
  const store = new FactsStore({ folder, log })
  const reader = new FactsReader({
    mediaFiles,
    store,
    onFault: (error, path) => log.counted('ERR_INTERNAL', { error, path }, 'the facts of a file could not be read'),
  })
  const catalogue = new Catalogue({
    listing: new Listing({ library, now: () => performance.now() }),
    know: (file) => reader.know(file),
    pending: () => reader.pending,
    pictures: () => false,
  })
  const access = new PlayAccess(context.authorize, 'library')
  const answerList = listRoute(catalogue, access)
  return {
    handle: (request, response) => answerList(request, response),
    async close() {
      await reader.close()
      store.close()
    },
  }
}
