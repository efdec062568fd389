/** The REST API below /api/v1, described by its own OpenAPI document. Loaded at the first request, since most servers never get one. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import swagger from '@fastify/swagger'
import { type FastifyInstance, type FastifyRequest, fastify } from 'fastify'
import {
  hasZodFastifySchemaValidationErrors,
  jsonSchemaTransform,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod'
import { z } from 'zod'
import { HeadendError, PeerError, UnavailableError } from '../../errors.ts'
import { createServer } from '../../net/http/node-http.ts'
import { problemOf } from '../../net/http/problem.ts'
import type { HttpRequest } from '../../net/http/routes.ts'
import { addAudienceRoutes } from '../audience/api/routes.ts'
import { authorizeApi } from './api-access.ts'
import { addCpixRoutes } from './cpix-routes.ts'
import { docsPage } from './docs-page.ts'
import { addKeyRoutes } from './key-routes.ts'
import type { Operation } from './operation.ts'
import { copy, pageOf } from './page.ts'
import { addPlayLogRoutes } from './playlog-routes.ts'
import { addRecordingRoutes } from './recording-routes.ts'
import * as schemas from './schemas.ts'
import { addTokenRoutes } from './token-routes.ts'
import { countViewers, viewLive, viewSession, viewStream } from './views.ts'

/** Answers one request below /api; the answer is written some time after it returns. */
export type ApiHandler = (request: HttpRequest, response: ServerResponse) => void

const MAX_BODY_BYTES = 64 * 1024
const MAX_PARAMETER_LENGTH = 256
/** Read without a token: they say what anybody may read in the documentation. */
const LIVE_LIST = '/live.json'
const PUBLIC = new Set(['/api/openapi.json', '/api/docs', LIVE_LIST])

/** Not in the document itself. */
const HIDDEN = { schema: { hide: true } } as const

const HEADERS = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Content-Security-Policy':
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'Referrer-Policy': 'no-referrer',
} as const

export async function createApi(operation: Operation): Promise<ApiHandler> {
  const requests = new WeakMap<IncomingMessage, HttpRequest>()
  const addressOf = ({ raw }: FastifyRequest) => requests.get(raw)?.remoteAddress ?? ''
  let handle: ((request: IncomingMessage, response: ServerResponse) => void) | undefined
  const app = fastify({
    bodyLimit: MAX_BODY_BYTES,
    // Our front has parsed, limited and timed the request already: fastify's server never listens.
    serverFactory: (handler) => {
      handle = handler
      return createServer()
    },
    routerOptions: { maxParamLength: MAX_PARAMETER_LENGTH },
    return503OnClosing: false,
  })
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  // JSON only: a form of a foreign page cannot send that without asking first.
  app.removeContentTypeParser('text/plain')
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(HEADERS)
    if (PUBLIC.has(request.routeOptions.url ?? '')) return
    const own = requests.get(request.raw)
    if (own === undefined) throw new Error('a request that did not come through the front')
    await authorizeApi(operation, own)
  })
  app.setErrorHandler((error, _request, reply) => {
    const known = toOwnError(error)
    if (!(known instanceof HeadendError)) operation.onFault(error)
    const problem = problemOf(known)
    if (problem.status === 401) reply.header('WWW-Authenticate', 'Bearer realm="headend"')
    return reply.code(problem.status).type('application/problem+json').serializer(JSON.stringify).send(problem)
  })
  app.setNotFoundHandler((request) => {
    throw new UnavailableError(
      'ERR_HTTP_NOT_FOUND',
      `nothing is at ${request.method} ${JSON.stringify(request.url.slice(0, 60))}`,
    )
  })
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Headend API',
        version: operation.version,
        description: 'What a running Headend server does, and how to step in.',
      },
      components: { securitySchemes: { adminToken: { type: 'http', scheme: 'bearer' } } },
      security: [{ adminToken: [] }],
    },
    transform: jsonSchemaTransform,
  })
  await app.register((scope, _options, done) => {
    addRoutes(scope, operation)
    addPlayLogRoutes(scope, operation)
    addRecordingRoutes(scope, operation)
    addTokenRoutes(scope, operation)
    addKeyRoutes(scope, operation, addressOf)
    addAudienceRoutes(scope, operation, addressOf)
    done()
  })
  await app.register((scope, _options, done) => {
    addCpixRoutes(scope, operation, addressOf)
    done()
  })
  await app.ready()
  return (request, response) => {
    requests.set(request.raw, request)
    handle?.(request.raw, response)
  }
}

function addRoutes(scope: FastifyInstance, operation: Operation): void {
  const app = scope.withTypeProvider<ZodTypeProvider>()
  const { hub, sessions } = operation
  const problems = { 401: schemas.problem }
  const orMissing = { ...problems, 404: schemas.problem }

  app.get('/api/openapi.json', HIDDEN, (_request, reply) => reply.send(scope.swagger()))
  app.get('/api/docs', HIDDEN, (_request, reply) => {
    const page = docsPage(scope.swagger() as Parameters<typeof docsPage>[0])
    return reply.type('text/html; charset=utf-8').send(page)
  })

  app.get(
    '/api/v1/server',
    {
      schema: {
        operationId: 'getServer',
        summary: 'Version, uptime, ports, addresses and settings',
        tags: ['server'],
        querystring: schemas.noQuery,
        response: { 200: schemas.server, ...problems },
      },
    },
    () => ({
      version: operation.version,
      node: process.versions.node,
      startedAt: operation.startedAt.toISOString(),
      uptimeSeconds: Math.round((Date.now() - operation.startedAt.getTime()) / 1000),
      ready: operation.ready(),
      ports: { ...operation.ports() },
      urls: { ...operation.urls() },
      streams: [...hub.streams()].length,
      sessions: sessions.size,
      config: { ...operation.config() },
    }),
  )

  // Here for its description: requests for it are answered before this module is asked.
  app.get(
    LIVE_LIST,
    {
      schema: {
        operationId: 'listLive',
        summary: 'What everybody may see and play; needs no token',
        tags: ['streams'],
        security: [],
        response: { 200: schemas.liveList },
      },
    },
    () => copy(viewLive(operation)),
  )

  app.get(
    '/api/v1/streams',
    {
      schema: {
        operationId: 'listStreams',
        summary: 'Live and waiting streams',
        tags: ['streams'],
        querystring: schemas.paging,
        response: { 200: schemas.pageOf(schemas.stream), ...problems, 400: schemas.problem },
      },
    },
    ({ query }) => {
      const viewers = countViewers(operation)
      return copy(
        pageOf(hub.streams(), query, (stream) =>
          viewStream(stream, viewers.get(stream.path) ?? 0, hub.publisherOf(stream.path)),
        ),
      )
    },
  )

  const streamPath = z.object({ '*': z.string().max(200).describe('Path of the stream: live/studio.') })
  app.get(
    '/api/v1/streams/*',
    {
      schema: {
        operationId: 'getStream',
        summary: 'One stream',
        tags: ['streams'],
        params: streamPath,
        querystring: schemas.noQuery,
        response: { 200: schemas.stream, ...orMissing },
      },
    },
    ({ params }) => {
      const path = params['*']
      const stream = hub.find(path)
      if (stream === undefined) throw new UnavailableError('ERR_STREAM_NOT_FOUND', `${path} is not published`)
      return copy(viewStream(stream, countViewers(operation).get(path) ?? 0, hub.publisherOf(path)))
    },
  )

  app.delete(
    '/api/v1/streams/*',
    {
      schema: {
        operationId: 'endPublisher',
        summary: 'Ends the publisher of a stream; the stream waits its grace time for another',
        tags: ['streams'],
        params: streamPath,
        querystring: schemas.noQuery,
        response: { 204: z.undefined().describe('The publisher was told.'), ...orMissing },
      },
    },
    ({ params }, reply) => {
      const path = params['*']
      const publisher = hub.publisherOf(path)
      if (publisher === undefined) throw new UnavailableError('ERR_STREAM_NOT_FOUND', `${path} has no publisher to end`)
      publisher.start.close(ended())
      reply.code(204).send(undefined)
    },
  )

  app.get(
    '/api/v1/sessions',
    {
      schema: {
        operationId: 'listSessions',
        summary: 'Publishers and viewers',
        tags: ['sessions'],
        querystring: schemas.sessionQuery,
        response: { 200: schemas.pageOf(schemas.session), ...problems, 400: schemas.problem },
      },
    },
    ({ query }) => {
      const { path, protocol, role } = query
      const wanted = filter(
        sessions.list(),
        ({ start }) =>
          (path === undefined || start.path === path) &&
          (protocol === undefined || start.protocol === protocol) &&
          (role === undefined || start.role === role),
      )
      return copy(pageOf(wanted, query, viewSession))
    },
  )

  const sessionId = z.object({ id: z.string().max(64) })
  app.get(
    '/api/v1/sessions/:id',
    {
      schema: {
        operationId: 'getSession',
        summary: 'One session',
        tags: ['sessions'],
        params: sessionId,
        querystring: schemas.noQuery,
        response: { 200: schemas.session, ...orMissing },
      },
    },
    ({ params }) => copy(viewSession(findSession(operation, params.id))),
  )

  app.delete(
    '/api/v1/sessions/:id',
    {
      schema: {
        operationId: 'endSession',
        summary: 'Ends a session',
        tags: ['sessions'],
        params: sessionId,
        querystring: schemas.noQuery,
        response: { 204: z.undefined().describe('The peer was told.'), ...orMissing },
      },
    },
    ({ params }, reply) => {
      findSession(operation, params.id).start.close(ended())
      reply.code(204).send(undefined)
    },
  )
}

function findSession({ sessions }: Operation, id: string) {
  const session = sessions.get(id)
  if (session === undefined) throw new UnavailableError('ERR_SESSION_NOT_FOUND', 'expected the id of an open session')
  return session
}

function ended(): PeerError {
  return new PeerError('ERR_SESSION_ENDED', 'ended by the operator')
}

function* filter<Item>(items: Iterable<Item>, wanted: (item: Item) => boolean): IterableIterator<Item> {
  for (const item of items) if (wanted(item)) yield item
}

/** Fastify's own refusals in our codes. */
function toOwnError(error: unknown): unknown {
  if (error instanceof HeadendError) return error
  if (hasZodFastifySchemaValidationErrors(error)) {
    const [first] = error.validation
    const where = `${error.validationContext}${first?.instancePath ?? ''}`
    return new PeerError('ERR_API_INVALID', `${where}: ${first?.message ?? 'expected another value'}`)
  }
  const { statusCode } = error as { statusCode?: unknown }
  if (statusCode === 413) {
    return new PeerError('ERR_HTTP_BODY_TOO_LARGE', `expected at most ${MAX_BODY_BYTES} bytes of body`)
  }
  if (statusCode === 415) return new PeerError('ERR_API_MEDIA_TYPE', 'expected application/json')
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) {
    return new PeerError('ERR_API_INVALID', error instanceof Error ? error.message : 'expected another request')
  }
  return error
}
