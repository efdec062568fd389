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
import { PictureCache } from './pictures/picture-cache.ts'
import { pictureRoute } from './pictures/picture-route.ts'
import { Pictures } from './pictures/pictures.ts'

const MEGABYTE = 1024 * 1024

export function serveCatalogue(context: ServerContext, options: CatalogueOptions): LoadedRoutes<CatalogueOptions> {
  const { data, library, mediaFiles, transcoder, log } = context
  let current = options
  const folder = data === undefined ? undefined : join(data, 'cache', 'catalogue')
  const store = new FactsStore({ folder, log })
  const reader = new FactsReader({
    mediaFiles,
    store,
    now: Date.now,
    onFault: (error, path) => log.counted('ERR_INTERNAL', { error, path }, 'the facts of a file could not be read'),
  })
  const pictures = new Pictures({
    mediaFiles,
    transcoder,
    cache: new PictureCache({
      folder: folder === undefined ? undefined : join(folder, 'pictures'),
      maxBytes: () => current.maxPictureMegabytes * MEGABYTE,
      onFault: (error) => log.warn({ error }, 'posters and previews are not kept until the next start'),
    }),
    wanted: () => current.pictures,
  })
  const catalogue = new Catalogue({
    listing: new Listing({ library, now: () => performance.now() }),
    know: (file) => reader.know(file),
    now: Date.now,
    pending: () => reader.pending,
    pictures: () => pictures.available(),
  })
  const access = new PlayAccess(context.authorize, 'library')
  const answerList = listRoute(catalogue, access)
  const answerPicture = pictureRoute({ library, mediaFiles, pictures, access })
  return {
    handle: async (request, response) =>
      (await answerList(request, response)) || (await answerPicture(request, response)),
    update(next) {
      current = next
    },
    async close() {
      await reader.close()
      store.close()
    },
  }
}
