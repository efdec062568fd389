/** The part of the API that shows what players reported: the newest logs, and the files with all of them. */
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { UnavailableError } from '../../errors.ts'
import type { LogFile } from '../logs/w3c-log-files.ts'
import type { Operation } from './operation.ts'
import { copy, pageOf } from './page.ts'
import * as schemas from './schemas.ts'
import { viewPlayLog } from './views.ts'

const FILE_CONTENT_TYPE = 'text/plain; charset=utf-8'

export function addPlayLogRoutes(scope: FastifyInstance, { playLogs }: Operation): void {
  const app = scope.withTypeProvider<ZodTypeProvider>()
  const problems = { 400: schemas.problem, 401: schemas.problem }

  app.get(
    '/api/v1/playlogs',
    {
      schema: {
        operationId: 'listPlayLogs',
        summary: 'The newest logs that players reported, the newest first',
        tags: ['playlogs'],
        querystring: schemas.playLogQuery,
        response: { 200: schemas.pageOf(schemas.playLog), ...problems },
      },
    },
    ({ query }) => {
      const { path, kind, since } = query
      const wanted = { path, kind, since: since === undefined ? undefined : new Date(since) }
      return copy(pageOf(playLogs?.recent(wanted) ?? [], query, viewPlayLog))
    },
  )

  app.get(
    '/api/v1/playlogs/files',
    {
      schema: {
        operationId: 'listPlayLogFiles',
        summary: 'Files with all logs that players reported (W3C extended log format), the newest first',
        tags: ['playlogs'],
        querystring: schemas.paging,
        response: { 200: schemas.pageOf(schemas.logFile), ...problems },
      },
    },
    async ({ query }) => copy(pageOf((await playLogs?.files()) ?? [], query, viewLogFile)),
  )

  app.get(
    '/api/v1/playlogs/files/:name',
    {
      schema: {
        operationId: 'getPlayLogFile',
        summary: 'One of these files',
        tags: ['playlogs'],
        params: z.object({ name: z.string().max(64).describe('As in the list: wms_20261125_0001.log.') }),
        querystring: schemas.noQuery,
        response: {
          200: { description: 'The file.', content: { 'text/plain': { schema: z.string() } } },
          ...problems,
          404: schemas.problem,
        },
      },
    },
    async ({ params }, reply) => {
      if (playLogs === undefined) throw new UnavailableError('ERR_PLAYLOG_FILE_NOT_FOUND', 'no log files are kept')
      const { file, bytes } = await playLogs.openFile(params.name)
      reply.header('Content-Length', file.bytes)
      reply.header('Content-Disposition', `attachment; filename="${file.name}"`)
      return reply.type(FILE_CONTENT_TYPE).send(bytes as never)
    },
  )
}

function viewLogFile({ name, bytes, modifiedAt }: LogFile) {
  return { name, bytes, modifiedAt: modifiedAt.toISOString() }
}
