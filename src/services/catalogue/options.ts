/** What the catalogue of the library can be told. */
import { z } from 'zod'

export const catalogueOptions = z.strictObject({
  pictures: z
    .boolean()
    .default(true)
    .describe('Make posters and seek previews of films, when somebody looks at them and ffmpeg is installed.'),
  maxPictureMegabytes: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(512)
    .describe('Megabytes of posters and previews kept in the data folder; the longest not looked at are removed.'),
})

export type CatalogueOptions = z.infer<typeof catalogueOptions>
