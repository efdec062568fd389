/** The operating side over HTTP: health, metrics, the public list, and the API, which is loaded when first asked for. */

import type { ServerResponse } from 'node:http'
import { isIP } from 'node:net'
import { PeerError } from '../../errors.ts'
import { plainAddress } from '../../net/http/client-address.ts'
import { MEDIA_CORS_HEADERS } from '../../net/http/cors.ts'
import type { HttpRequest, HttpRoutes } from '../../net/http/routes.ts'
import type { ApiHandler } from './api.ts'
import { authorizeApi } from './api-access.ts'
import { METRICS_CONTENT_TYPE, Metrics } from './metrics.ts'
import type { Operation } from './operation.ts'
import { viewLive } from './views.ts'

/** The public list is made at most this often, milliseconds, however many pages ask. */
const LIVE_LIST_MS = 500

export function addOperationRoutes(routes: HttpRoutes, operation: Operation): void {
  const metrics = new Metrics(operation)
  const liveList = cached(() => JSON.stringify(viewLive(operation)), LIVE_LIST_MS)
  let api: Promise<ApiHandler> | undefined

  routes.route(async (request, response) => {
    const { path } = request
    if (path === '/api' || path.startsWith('/api/')) {
      api ??= import('./api.ts').then((module) => module.createApi(operation))
      try {
        ;(await api)(request, response)
      } catch (error) {
        // The next request tries again.
        api = undefined
        throw error
      }
      return true
    }
    switch (path) {
      case '/healthz':
        return send(request, response, { status: 200, type: TEXT, body: 'ok\n' })
      case '/readyz':
        return operation.ready()
          ? send(request, response, { status: 200, type: TEXT, body: 'ready\n' })
          : send(request, response, { status: 503, type: TEXT, body: 'not ready\n' })
      case '/live.json':
        return send(request, response, { status: 200, type: 'application/json', body: liveList(), public: true })
      case '/metrics':
        if (!mayMeasure(request, operation)) await authorizeApi(operation, request)
        return send(request, response, { status: 200, type: METRICS_CONTENT_TYPE, body: await metrics.print() })
      default:
        return false
    }
  })
}

const TEXT = 'text/plain; charset=utf-8'

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
  /** Pages of other sites may read it. */
  readonly public?: boolean
}

function send(request: HttpRequest, response: ServerResponse, answer: Answer): true {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    throw new PeerError('ERR_HTTP_METHOD_UNKNOWN', `expected GET or HEAD, found ${request.method.slice(0, 20)}`)
  }
  response.writeHead(answer.status, {
    'Content-Type': answer.type,
    'Content-Length': String(Buffer.byteLength(answer.body)),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...(answer.public ? MEDIA_CORS_HEADERS : {}),
  })
  response.end(request.method === 'HEAD' ? undefined : answer.body)
  return true
}

/** Without a token: anybody, or a program on this machine that no proxy speaks for. */
function mayMeasure({ raw }: HttpRequest, operation: Operation): boolean {
  const access = operation.metricsAccess()
  if (access !== 'local') return access === 'open'
  const address = plainAddress(raw.socket.remoteAddress)
  const forwarded = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'].some((name) => raw.headers[name] !== undefined)
  return !forwarded && (address === '::1' || (isIP(address) === 4 && address.startsWith('127.')))
}

function cached(make: () => string, lifetimeMs: number): () => string {
  let value = ''
  let madeAt = Number.NEGATIVE_INFINITY
  return () => {
    const now = performance.now()
    if (now - madeAt >= lifetimeMs) {
      value = make()
      madeAt = now
    }
    return value
  }
}
