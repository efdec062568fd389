/** What the page is about: a range of time, filters, perhaps one session. It stands in the address, so that it can be linked to. */
import type { Query } from './audience-api.ts'

/** Ranges up to now, by the name they have in the address; milliseconds. */
export const RECENT: Readonly<Record<string, number>> = {
  '15m': 900_000,
  '1h': 3_600_000,
  '6h': 21_600_000,
  '24h': 86_400_000,
  '7d': 604_800_000,
  '30d': 2_592_000_000,
}
const DEFAULT_RECENT = '1h'

export const DIMENSIONS = ['path', 'protocol', 'family'] as const

export type Dimension = (typeof DIMENSIONS)[number]

export interface Question {
  /** A name of `RECENT`, or a range that stands still, Unix milliseconds. */
  readonly range: string | { readonly from: number; readonly until: number }
  /** Empty: of which none was told; `undefined`: all. */
  readonly path?: string | undefined
  readonly protocol?: string | undefined
  readonly family?: string | undefined
  readonly outcome?: string | undefined
  readonly troubled?: boolean | undefined
  /** Id of the one session that is looked at. */
  readonly session?: string | undefined
}

/** What is not understood is left out. */
export function questionOf(search: string): Question {
  const told = new URLSearchParams(search)
  const [from, until] = [Date.parse(told.get('from') ?? ''), Date.parse(told.get('until') ?? '')]
  const range = told.get('range') ?? DEFAULT_RECENT
  return {
    range: from < until ? { from, until } : Object.hasOwn(RECENT, range) ? range : DEFAULT_RECENT,
    path: told.get('path') ?? undefined,
    protocol: told.get('protocol') ?? undefined,
    family: told.get('family') ?? undefined,
    outcome: told.get('outcome') ?? undefined,
    troubled: told.get('troubled') === 'true' ? true : undefined,
    session: told.get('session') ?? undefined,
  }
}

export function addressOf({ range, troubled, ...question }: Question): string {
  const told = new URLSearchParams()
  if (typeof range === 'object') {
    told.set('from', new Date(range.from).toISOString())
    told.set('until', new Date(range.until).toISOString())
  } else if (range !== DEFAULT_RECENT) told.set('range', range)
  for (const [name, value] of Object.entries(question)) if (value !== undefined) told.set(name, value)
  if (troubled === true) told.set('troubled', 'true')
  const tail = told.toString()
  return `/console/audience${tail === '' ? '' : `?${tail}`}`
}

/** The same for a list of sessions, which has filters of its own. */
export function listQueryOf(question: Question, now: number): Query {
  const { outcome, troubled } = question
  return { ...queryOf(question, now), outcome, troubled: troubled === true ? 'true' : undefined }
}

/** The range and the filters as the API is asked. */
export function queryOf({ range, path, protocol, family }: Question, now: number): Query {
  const { from, until } = typeof range === 'object' ? range : { from: now - (RECENT[range] ?? 0), until: now }
  return { from: new Date(from).toISOString(), until: new Date(until).toISOString(), path, protocol, family }
}
