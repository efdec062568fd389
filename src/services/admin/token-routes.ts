/** The part of the API for access tokens: making them, revoking them, and what is revoked. */
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { UnavailableError } from '../../errors.ts'
import type { Operation } from './operation.ts'
import { copy, pageOf } from './page.ts'
import * as schemas from './schemas.ts'

const MAX_LIFE_SECONDS = 366 * 24 * 3600
const DEFAULT_LIFE_SECONDS = 2 * 3600

const tokenRequest = z.strictObject({
  path: z.string().min(1).max(200).describe('Path or pattern: live/studio, live/*, vod/**.'),
  actions: z
    .array(z.enum(['play', 'publish']))
    .min(1)
    .max(2)
    .default(['play']),
  expiresSeconds: z.number().int().min(1).max(MAX_LIFE_SECONDS).default(DEFAULT_LIFE_SECONDS),
  uses: z.number().int().min(1).max(1_000_000).optional().describe('How many addresses may use it.'),
  renewSeconds: z
    .number()
    .int()
    .min(1)
    .max(86_400)
    .optional()
    .describe('Who uses it shows it again within twice this time, or frees its place among `uses`.'),
  ip: z.string().max(64).optional().describe('Address or network it is for.'),
  keyIds: z
    .array(z.string().max(36))
    .max(256)
    .optional()
    .describe('Content keys it opens, as UUID or in hexadecimal; default: all of the path.'),
})

const issued = z.object({
  token: z.string().describe('The secret itself; it is stored nowhere.'),
  id: z.string().describe('Revokes it.'),
  expiresAt: z.iso.datetime(),
  open: z.boolean().describe('Everybody may play this path, so that the token changes nothing.'),
})

const revoked = z.object({
  id: z.string(),
  revokedAt: z.iso.datetime(),
  forgottenAt: z.iso.datetime().describe('The token has expired by then.'),
})

export function addTokenRoutes(scope: FastifyInstance, operation: Operation): void {
  const app = scope.withTypeProvider<ZodTypeProvider>()
  const problems = { 400: schemas.problem, 401: schemas.problem }
  const tokensOf = () => {
    if (operation.tokens === undefined) throw new UnavailableError('ERR_HTTP_NOT_FOUND', 'there are no tokens here')
    return operation.tokens()
  }

  app.post(
    '/api/v1/tokens',
    {
      schema: {
        operationId: 'createToken',
        summary: 'Makes a token that plays or publishes',
        tags: ['tokens'],
        body: tokenRequest,
        response: { 200: issued, ...problems },
      },
    },
    async ({ body }) => {
      const { path, actions, expiresSeconds, uses, renewSeconds, ip, keyIds } = body
      const { token, id, expiresAt } = await (await tokensOf()).issue({
        path,
        actions,
        expiresSeconds,
        ...(uses === undefined ? {} : { uses }),
        ...(renewSeconds === undefined ? {} : { renewSeconds }),
        ...(ip === undefined ? {} : { ip }),
        ...(keyIds === undefined ? {} : { keyIds }),
      })
      return { token, id, expiresAt: expiresAt.toISOString(), open: operation.isOpen(path) }
    },
  )

  app.get(
    '/api/v1/tokens/revoked',
    {
      schema: {
        operationId: 'listRevokedTokens',
        summary: 'Tokens that open nothing any more, the newest first',
        tags: ['tokens'],
        querystring: schemas.paging,
        response: { 200: schemas.pageOf(revoked), ...problems },
      },
    },
    async ({ query }) =>
      copy(
        pageOf((await tokensOf()).store.revoked(), query, ({ id, revokedAt, forgottenAt }) => ({
          id,
          revokedAt: revokedAt.toISOString(),
          forgottenAt: forgottenAt.toISOString(),
        })),
      ),
  )

  app.delete(
    '/api/v1/tokens/:id',
    {
      schema: {
        operationId: 'revokeToken',
        summary: 'Revokes a token from the next request on; who plays with it is sent away',
        tags: ['tokens'],
        params: z.object({ id: z.string().max(256) }),
        querystring: schemas.noQuery,
        response: { 204: z.undefined().describe('It opens nothing any more.'), ...problems },
      },
    },
    async ({ params }, reply) => {
      ;(await tokensOf()).store.revoke(params.id)
      return reply.code(204).send(undefined)
    },
  )
}
