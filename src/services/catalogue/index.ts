/** What people see of the library: the list of its films, their posters and previews. */
import { serveLazily } from '../../net/http/lazy.ts'
import type { Protocol } from '../../protocols/protocol.ts'
import { type CatalogueOptions, catalogueOptions } from './options.ts'

export const catalogue: Protocol<CatalogueOptions> = {
  name: 'catalogue',
  options: catalogueOptions,
  serve: (context, options) =>
    Promise.resolve(
      serveLazily(
        context.http,
        {
          matches: /^\/library\.json$|^\/vod\/.+\/(?:poster\.jpg|thumbnails(?:\.vtt|-\d{1,5}\.jpg))$/,
          load: async (current) => (await import('./serve.ts')).serveCatalogue(context, current),
        },
        options,
      ),
    ),
}
