/** Sessions and events of the audience as a file, which is written as it is read. */
import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { PeerError } from '../../../errors.ts'
import type { Operation } from '../../admin/operation.ts'
import { problem } from '../../admin/schemas.ts'
import { exportAudience, textOfExport } from '../exports/export-audience.ts'
import { EXPORT_FORMATS, FILE_FORMATS } from '../exports/formats.ts'
import type { AudienceStore } from '../store/audience-store.ts'
import { rangeOf } from './range.ts'
import { sessionsQuery } from './schemas.ts'

const exportQuery = sessionsQuery.omit({ limit: true, before: true }).extend({
  what: z.enum(['sessions', 'events']).describe('events: all of each session that is listed.'),
  format: z
    .enum(EXPORT_FORMATS)
    .describe(
      'csv: for spreadsheets, which find no formula in it; jsonl: one JSON object a line, all that is known; w3c: W3C extended log file; wms: the lines of Windows Media players, of events alone.',
    ),
})

const FILE = { schema: z.string() }
const FILES = { 'text/csv': FILE, 'application/x-ndjson': FILE, 'text/plain': FILE }

/** `storeOf` throws where there is none. */
export function addExportRoute(scope: FastifyInstance, { version }: Operation, storeOf: () => AudienceStore): void {
  scope.withTypeProvider<ZodTypeProvider>().get(
    '/api/v1/audience/export',
    {
      schema: {
        operationId: 'exportAudience',
        summary: 'Sessions that were there in a range of time, or their events, as one file, the newest session first',
        tags: ['audience'],
        querystring: exportQuery,
        response: {
          200: { description: 'The file. One that ends without a last chunk is not whole.', content: FILES },
          ...{ 400: problem, 401: problem, 404: problem, 503: problem },
        },
      },
    },
    async ({ query: { what, format, outcome, player, troubled, ...query } }, reply) => {
      const filter = {
        ...rangeOf(query),
        ...(outcome !== undefined && { outcome }),
        ...(player !== undefined && { player }),
        troubled: troubled === 'true',
      }
      const exported = exportAudience(storeOf(), { what, format, filter, software: `Headend ${version}` })
      if (exported === undefined) {
        throw new PeerError('ERR_API_INVALID', 'expected another `format`: Windows Media players send no sessions')
      }
      const lines = await begun(exported.lines)
      const name = `audience-${what}-${new Date(filter.from).toISOString().slice(0, 16).replaceAll(':', '-')}Z`
      reply.header('Content-Disposition', `attachment; filename="${name}${FILE_FORMATS[format].extension}"`)
      const bytes = Readable.from(textOfExport({ ...exported, lines }), { objectMode: false })
      return reply.type(exported.contentType).send(bytes as never)
    },
  )
}

/** With its first piece at hand: a store that does not answer is told of by the status of the answer. */
async function begun(lines: AsyncGenerator<string, void, undefined>): Promise<AsyncGenerator<string, void, undefined>> {
  const first = await lines.next()
  return (async function* () {
    if (first.done !== true) yield first.value
    yield* lines
  })()
}
