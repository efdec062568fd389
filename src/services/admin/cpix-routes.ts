/** The part of the API for content keys as CPIX documents (DASH-IF CPIX 2.3 and 2.4). */
import { X509Certificate } from 'node:crypto'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { PeerError } from '../../errors.ts'
import { cpixOfKeys, keysOfDocument, keysOfPath } from '../keys/cpix-exchange.ts'
import { MAX_LISTED_KEYS } from '../keys/key-store.ts'
import { auditKeys, keysOf } from './key-audit.ts'
import { content, path } from './key-schemas.ts'
import type { Operation } from './operation.ts'
import * as schemas from './schemas.ts'

/** As large as a document may be. */
const MAX_DOCUMENT_BYTES = 4 * 1024 * 1024
const MAX_CERTIFICATE = 16 * 1024
const CPIX_TYPE = 'application/xml'

/** `addressOf`: of who asks. */
export function addCpixRoutes(
  scope: FastifyInstance,
  operation: Operation,
  addressOf: (request: FastifyRequest) => string,
): void {
  const app = scope.withTypeProvider<ZodTypeProvider>()
  const problems = { 400: schemas.problem, 401: schemas.problem }
  // Here alone: everywhere else a body is JSON. Forms of foreign pages cannot send this either without asking first.
  app.addContentTypeParser(CPIX_TYPE, { parseAs: 'string', bodyLimit: MAX_DOCUMENT_BYTES }, (_request, body, done) =>
    done(null, body),
  )

  app.post(
    '/api/v1/keys/cpix',
    {
      bodyLimit: MAX_DOCUMENT_BYTES,
      schema: {
        operationId: 'importCpix',
        summary: 'Keeps the keys of a CPIX document, which has them in the clear',
        tags: ['keys'],
        consumes: [CPIX_TYPE],
        querystring: z.strictObject({ path }),
        body: z.string().describe('CPIX 2.3 or 2.4 without signatures.'),
        response: { 204: z.undefined().describe('All are kept.'), ...problems, 409: schemas.problem },
      },
    },
    (request, reply) => {
      const { body, query } = request
      // All are read before the first is kept.
      const keys = keysOfDocument(body, query.path)
      for (const { key, purpose } of keys) keysOf(operation).add(key, purpose)
      auditKeys(operation, 'import', {
        path: query.path,
        remoteAddress: addressOf(request),
        ids: keys.map(({ key }) => key.id),
      })
      reply.code(204).send(undefined)
    },
  )

  app.post(
    '/api/v1/keys/cpix/export',
    {
      schema: {
        operationId: 'exportCpix',
        summary: `Content keys of one path as a CPIX document: the newest ${MAX_LISTED_KEYS}`,
        tags: ['keys'],
        produces: [CPIX_TYPE],
        body: z.strictObject({
          path,
          content: content.optional().describe('One version of a file or run of a stream only.'),
          certificate: z
            .string()
            .max(MAX_CERTIFICATE)
            .optional()
            .describe('PEM of the recipient, who alone can read the keys.'),
          includeKeys: z.literal(true).describe('Must be said: whoever can read the answer can decrypt.'),
        }),
        response: { 200: z.string().describe('The document.'), ...problems, 404: schemas.problem },
      },
    },
    (request, reply) => {
      const { path: of, content: only, certificate: pem } = request.body
      const certificate = pem === undefined ? undefined : certificateOf(pem)
      const keys = keysOfPath(keysOf(operation), { path: of, content: only })
      const text = cpixOfKeys(keys, certificate)
      auditKeys(operation, 'export', {
        path: of,
        remoteAddress: addressOf(request),
        ids: keys.map(({ key }) => key.id),
      })
      reply.type(`${CPIX_TYPE}; charset=utf-8`).send(text)
    },
  )
}

function certificateOf(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch {
    throw new PeerError('ERR_API_INVALID', 'expected a certificate as PEM, found something else')
  }
}
