/** What every installation asks of a server over HTTP: is it alive, is it ready, what does it measure, what is on air; and the way to the API. */
import type { ServerResponse } from 'node:http'
import type { Authorize } from '../live/access.ts'
import type { Hub } from '../live/hub.ts'
import type { Sessions } from '../live/sessions.ts'
import type { HttpRequest, HttpRoutes } from '../net/http/routes.ts'
import type { Counters } from './counters.ts'
import type { Settings } from './settings.ts'

export interface Operation {
  readonly hub: Hub
  readonly sessions: Sessions
  readonly authorize: Authorize
  readonly counters: Counters
  /** Reported faults by code. */
  readonly faults: () => Iterable<readonly [code: string, total: number]>
  readonly ready: () => boolean
  readonly startedAt: Date
  readonly ports: () => Readonly<Record<string, number>>
  readonly urls: () => Readonly<Record<string, string>>
  readonly settings: () => Settings
  /** Open connections of the HTTP front. */
  readonly connections: () => number
  readonly onFault: (error: unknown) => void
}

export function addOperationRoutes(routes: HttpRoutes, operation: Operation): void {
  routes.route((request, response) => {
    if (request.path === '/healthz') return sendText(request, response, 200, 'ok\n')
    if (request.path === '/readyz') {
      const ready = operation.ready()
      return sendText(request, response, ready ? 200 : 503, ready ? 'ready\n' : 'not ready\n')
    }
    return false
  })
}

function sendText(request: HttpRequest, response: ServerResponse, status: number, text: string): true {
  response.writeHead(status, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': String(Buffer.byteLength(text)),
    'Cache-Control': 'no-store',
  })
  response.end(request.method === 'HEAD' ? undefined : text)
  return true
}
