/** The audience as the server tells it below /api/v1/audience/; its OpenAPI document says what each field means. */
import { adminToken } from './admin-token.ts'

export interface AudienceNumbers {
  readonly attempts: number
  readonly plays: number
  readonly playedMs: number
  readonly stalledMs: number
  readonly stalls: number
  readonly rebufferRatio?: number
  readonly bitrateKbps?: number
  readonly bytes: number
  readonly errors: number
}

export interface AudienceOverview extends AudienceNumbers {
  readonly concurrent: number
  readonly viewers: number
  readonly exitsBeforeStart: number
  readonly startFailures: number
  readonly playbackFailures: number
  readonly networkRebufferRatio?: number
  readonly startupMs?: { readonly p50: number; readonly p75: number; readonly p95: number }
  readonly codes: readonly { readonly code: string; readonly count: number }[]
}

export interface AudiencePoint extends AudienceNumbers {
  readonly time: string
  readonly concurrent: number
  readonly startupMs?: number
}

export interface AudienceSeries {
  readonly range: { readonly from: string; readonly until: string }
  readonly stepSeconds: number
  readonly points: readonly AudiencePoint[]
}

export interface AudienceShare extends AudienceNumbers {
  readonly name: string
}

export interface SessionSummary {
  readonly id: string
  readonly path: string
  readonly protocol: string
  readonly family: string
  readonly start: string
  readonly end: string
  readonly outcome: string
  readonly startupMs?: number
  readonly playedMs: number
  readonly stalledMs: number
  readonly stalls: number
  readonly bitrateKbps?: number
  readonly bytes?: number
  readonly errors: number
  readonly player?: string
  readonly address?: string
  readonly userAgent?: string
  readonly contentId?: string
}

export interface SessionPage {
  readonly items: readonly SessionSummary[]
  readonly next?: number
}

export interface StateSpan {
  readonly state: string
  readonly start: string
  readonly end: string
}

/** Times are Unix milliseconds. */
export interface SessionEvent {
  readonly kind: string
  readonly source: string
  readonly time: number
  readonly receivedAt: number
  readonly state?: string
  readonly bitrate?: number
  readonly throughput?: number
  readonly buffer?: number
  readonly status?: number
  readonly bytes?: number
  readonly errors?: readonly string[]
  readonly reason?: string
  readonly original?: string
}

export interface SessionDetail extends SessionSummary {
  readonly networkStalls: number
  readonly pausedMs: number
  readonly seekingMs: number
  readonly bitrateUp: number
  readonly bitrateDown: number
  readonly droppedFrames?: number
  readonly lostPackets?: number
  readonly latencyMs?: number
  readonly spans: readonly StateSpan[]
  readonly events: readonly SessionEvent[]
  readonly eventsTold: number
  readonly isCut: boolean
}

export type Query = Readonly<Record<string, string | undefined>>

/** The server said no, in its own words. */
export class RefusedError extends Error {
  readonly status: number

  constructor(status: number, words: string) {
    super(words)
    this.name = 'RefusedError'
    this.status = status
  }
}

/** Rejects with RefusedError, or TypeError when the server cannot be reached. */
export async function askAudience<Answer>(name: string, query: Query, signal?: AbortSignal): Promise<Answer> {
  const response = await send('GET', name, query, signal)
  return (await response.json()) as Answer
}

/** A file that the server writes, with the name that it gives it. Rejects as `askAudience` does, and with TypeError for one that is not whole. */
export async function fetchExport(query: Query): Promise<{ readonly name: string; readonly file: Blob }> {
  const response = await send('GET', 'export', query)
  const name = /filename="([^"/\\]+)"/.exec(response.headers.get('content-disposition') ?? '')?.[1] ?? 'audience'
  return { name, file: await response.blob() }
}

/** Rejects as `askAudience` does. */
export async function eraseSession(id: string): Promise<void> {
  await send('DELETE', 'session', { id })
}

async function send(method: string, name: string, query: Query, signal?: AbortSignal): Promise<Response> {
  const told = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined)
  const response = await fetch(`/api/v1/audience/${name}?${new URLSearchParams(told)}`, {
    method,
    cache: 'no-store',
    credentials: 'omit',
    headers: { authorization: `Bearer ${adminToken() ?? ''}` },
    ...(signal !== undefined && { signal }),
  })
  if (response.ok) return response
  const problem = (await response.json().catch(() => ({}))) as { detail?: string; title?: string }
  throw new RefusedError(response.status, problem.detail ?? problem.title ?? `the server answered ${response.status}`)
}
