/** The part of the API that tells of the audience: its numbers, its sessions, and forgetting one of them. */
import { createHash } from 'node:crypto'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { UnavailableError } from '../../../errors.ts'
import type { Operation } from '../../admin/operation.ts'
import { copy } from '../../admin/page.ts'
import { problem } from '../../admin/schemas.ts'
import type { AudienceStore } from '../store/audience-store.ts'
import { addExportRoute } from './export-route.ts'
import { rangeOf, rangeQuery, seriesQuery, stepOf } from './range.ts'
import * as schemas from './schemas.ts'
import { viewDetail, viewOverview, viewPoint, viewRange, viewShare, viewSummary } from './views.ts'

/** `addressOf`: of who asks. */
export function addAudienceRoutes(
  scope: FastifyInstance,
  operation: Operation,
  addressOf: (request: FastifyRequest) => string,
): void {
  const app = scope.withTypeProvider<ZodTypeProvider>()
  const tags = ['audience']
  const problems = { 400: problem, 401: problem, 404: problem, 503: problem }

  app.get(
    '/api/v1/audience/overview',
    {
      schema: {
        operationId: 'getAudience',
        summary: 'How many watched, how long, and how well',
        tags,
        querystring: rangeQuery,
        response: { 200: schemas.overview, ...problems },
      },
    },
    async ({ query }) => {
      const range = rangeOf(query)
      return copy(viewOverview(await storeOf(operation).overview(range), range))
    },
  )

  app.get(
    '/api/v1/audience/series',
    {
      schema: {
        operationId: 'getAudienceSeries',
        summary: 'The same numbers step by step',
        tags,
        querystring: seriesQuery,
        response: { 200: schemas.series, ...problems },
      },
    },
    async ({ query: { step, ...query } }) => {
      const range = rangeOf(query)
      const ms = stepOf(range, step)
      const points = await storeOf(operation).series(range, ms)
      return { range: viewRange(range), stepSeconds: ms / 1000, points: points.map(viewPoint) }
    },
  )

  app.get(
    '/api/v1/audience/shares',
    {
      schema: {
        operationId: 'listAudienceShares',
        summary: 'The same numbers of each path, protocol or family of players: the 50 with most time played',
        tags,
        querystring: rangeQuery.extend({ by: z.enum(['path', 'protocol', 'family']) }),
        response: { 200: schemas.shares, ...problems },
      },
    },
    async ({ query: { by, ...query } }) => {
      const range = rangeOf(query)
      const shares = await storeOf(operation).shares(range, by)
      return { range: viewRange(range), shares: shares.map(viewShare) }
    },
  )

  app.get(
    '/api/v1/audience/sessions',
    {
      schema: {
        operationId: 'listAudienceSessions',
        summary: 'Sessions that were there in a range of time, the newest first',
        tags,
        querystring: schemas.sessionsQuery,
        response: { 200: schemas.sessions, ...problems },
      },
    },
    async ({ query: { outcome, player, troubled, limit, before, ...query } }) => {
      const { sessions, next } = await storeOf(operation).sessions({
        ...rangeOf(query),
        ...(outcome !== undefined && { outcome }),
        ...(player !== undefined && { player }),
        ...(before !== undefined && { before }),
        troubled: troubled === 'true',
        limit,
      })
      return { items: sessions.map(viewSummary), next }
    },
  )

  addExportRoute(scope, operation, () => storeOf(operation))

  // Players choose the ids of their sessions: slashes and dots in one would be none of a path's, so it is no part of the path.
  app.get(
    '/api/v1/audience/session',
    {
      schema: {
        operationId: 'getAudienceSession',
        summary: 'One session with all that was told of it',
        tags,
        querystring: schemas.sessionQuery,
        response: { 200: schemas.sessionDetail, ...problems },
      },
    },
    async ({ query: { id, limit } }) => {
      const session = await storeOf(operation).session(id, Date.now())
      if (session === undefined) throw unknownSession()
      return copy(viewDetail(session, limit))
    },
  )

  app.delete(
    '/api/v1/audience/session',
    {
      schema: {
        operationId: 'eraseAudienceSession',
        summary:
          'Erases a session: all that is known of it, and what of it is on its way (so, too, when it is not known)',
        tags,
        querystring: schemas.eraseQuery,
        response: { 204: z.undefined().describe('It is gone.'), ...problems },
      },
    },
    async (request, reply) => {
      const { id } = request.query
      const known = await storeOf(operation).erase(id, Date.now())
      // Its id would outlive it in the log: whoever has it can compute the digest.
      const digest = createHash('sha256').update(id).digest('hex')
      operation.audit(
        { audit: 'audience', action: 'erase', remoteAddress: addressOf(request), digest, known },
        'a session of the audience was erased',
      )
      if (!known) throw unknownSession()
      return reply.code(204).send(undefined)
    },
  )
}

/** It may come and go with the settings. Throws UnavailableError ERR_HTTP_NOT_FOUND where none is kept. */
function storeOf({ audience }: Operation): AudienceStore {
  if (audience === undefined) throw new UnavailableError('ERR_HTTP_NOT_FOUND', 'no audience is kept here')
  return audience
}

function unknownSession(): UnavailableError {
  return new UnavailableError('ERR_SESSION_NOT_FOUND', 'expected the id of a session that is known')
}
