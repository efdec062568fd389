/** The part of the API for content keys: which there are, keys from elsewhere, and the keys themselves for who asks for just that. */
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { PeerError, UnavailableError } from '../../errors.ts'
import { parseUuid } from '../../media/protection/systems.ts'
import { MAX_LISTED_KEYS, type StoredKey } from '../keys/key-store.ts'
import type { ServerKeys } from '../keys/server-keys.ts'
import type { Operation } from './operation.ts'
import { copy, pageOf } from './page.ts'
import * as schemas from './schemas.ts'

const MAX_IMPORTED = 200
const id = z.string().max(36).describe('Key id, in hexadecimal or as UUID.')
const path = z.string().min(1).max(1024).describe('Who may play this path may have the key: live/studio, vod/film.mp4.')
const content = z.string().max(1024).describe('Version of a file, run of a stream.')
const period = z.number().int().min(0).describe('Stretch of time between two rotations.')

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

export function addKeyRoutes(scope: FastifyInstance, operation: Operation): void {
  const app = scope.withTypeProvider<ZodTypeProvider>()
  const problems = { 400: schemas.problem, 401: schemas.problem }
  const keysOf = (): ServerKeys => {
    if (operation.keys === undefined) throw new UnavailableError('ERR_HTTP_NOT_FOUND', 'no keys are kept here')
    return operation.keys
  }

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
    ({ query }) => copy(pageOf(keysOf().list(query.path), query, viewKey)),
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
    ({ body }, reply) => {
      // All are read before the first is kept.
      const keys = body.keys.map((one) => ({
        key: { id: keyIdOf(one.id), key: Uint8Array.from(Buffer.from(one.key, 'hex')) },
        purpose: {
          path: one.path,
          content: one.content === '' ? `imported ${one.id}` : one.content,
          period: one.period,
        },
      }))
      for (const { key, purpose: use } of keys) keysOf().add(key, use)
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
    ({ body }) => {
      const keys = keysOf()
      const list = keys.list(body.path)
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
