/** The part of the API for content keys: which there are, keys from elsewhere, and the keys themselves for who asks for just that. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { PeerError } from '../../errors.ts'
import { parseUuid } from '../../media/protection/systems.ts'
import { MAX_LISTED_KEYS, type StoredKey } from '../keys/key-store.ts'
import { auditKeys, keysOf } from './key-audit.ts'
import { content, id, path, period } from './key-schemas.ts'
import type { Operation } from './operation.ts'
import { copy, pageOf } from './page.ts'
import * as schemas from './schemas.ts'

const MAX_IMPORTED = 200
const purpose = { id, path, content, period, createdAt: z.iso.datetime() }
const storedKey = z.object(purpose)
const exportedKey = z.object({ ...purpose, key: z.string().describe('16 bytes in hexadecimal.') })
const importedKey = z.strictObject({
  id,
  key: z
    .string()
    .regex(/^[\da-fA-F]{32}$/)
    .describe('16 bytes in hexadecimal.'),
  path,
  content: content.default(''),
  period: period.default(0),
})

/** `addressOf`: of who asks. */
export function addKeyRoutes(
  scope: FastifyInstance,
  operation: Operation,
  addressOf: (request: FastifyRequest) => string,
): void {
  const app = scope.withTypeProvider<ZodTypeProvider>()
  const problems = { 400: schemas.problem, 401: schemas.problem }

  app.get(
    '/api/v1/keys',
    {
      schema: {
        operationId: 'listKeys',
        summary: `Content keys without the keys themselves: the newest ${MAX_LISTED_KEYS}`,
        tags: ['keys'],
        querystring: schemas.paging.extend({ path: path.optional() }),
        response: { 200: schemas.pageOf(storedKey), ...problems },
      },
    },
    ({ query }) => copy(pageOf(keysOf(operation).list(query.path), query, viewKey)),
  )

  app.post(
    '/api/v1/keys',
    {
      schema: {
        operationId: 'importKeys',
        summary: 'Keeps keys that were made elsewhere',
        tags: ['keys'],
        body: z.strictObject({ keys: z.array(importedKey).min(1).max(MAX_IMPORTED) }),
        response: { 204: z.undefined().describe('All are kept.'), ...problems, 409: schemas.problem },
      },
    },
    (request, reply) => {
      const { body } = request
      // All are read before the first is kept.
      const keys = body.keys.map((one) => ({
        key: { id: keyIdOf(one.id), key: Uint8Array.from(Buffer.from(one.key, 'hex')) },
        purpose: {
          path: one.path,
          content: one.content === '' ? `imported ${one.id}` : one.content,
          period: one.period,
        },
      }))
      for (const { key, purpose: use } of keys) keysOf(operation).add(key, use)
      auditKeys(operation, 'import', { remoteAddress: addressOf(request), ids: keys.map(({ key }) => key.id) })
      reply.code(204).send(undefined)
    },
  )

  app.post(
    '/api/v1/keys/export',
    {
      schema: {
        operationId: 'exportKeys',
        summary: 'Content keys with the keys themselves, of one path',
        tags: ['keys'],
        body: z.strictObject({
          path,
          includeKeys: z.literal(true).describe('Must be said: whoever has the answer can decrypt.'),
        }),
        response: { 200: z.object({ keys: z.array(exportedKey) }), ...problems },
      },
    },
    (request) => {
      const { body } = request
      const keys = keysOf(operation)
      const list = keys.list(body.path)
      auditKeys(operation, 'export', {
        path: body.path,
        remoteAddress: addressOf(request),
        ids: list.map((one) => one.id),
      })
      return {
        keys: list.map((one) => ({ ...viewKey(one), key: Buffer.from(keys.get(one.id).key).toString('hex') })),
      }
    },
  )
}

function viewKey({ id: bytes, path: of, content: version, period: at, createdAt }: StoredKey) {
  return {
    id: Buffer.from(bytes).toString('hex'),
    path: of,
    content: version,
    period: at,
    createdAt: createdAt.toISOString(),
  }
}

function keyIdOf(text: string): Uint8Array {
  const bytes = parseUuid(text)
  if (bytes === undefined) throw new PeerError('ERR_API_INVALID', 'expected key ids in hexadecimal or as UUID')
  return bytes
}
