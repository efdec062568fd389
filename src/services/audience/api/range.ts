/** Which time, and which part of the audience, a question is about. */
import { z } from 'zod'
import { PeerError } from '../../../errors.ts'
import { MINUTE_MS } from '../../../playlog/measures/minute-shares.ts'
import { moment, momentOf } from '../../admin/moment.ts'
import { type AudienceRange, MAX_POINTS } from '../store/audience-store.ts'

const DAY_MS = 86_400_000
/** Days of one question. */
export const MAX_RANGE_DAYS = 366
/** Intervals of a series that names no step, about. */
const USUAL_POINTS = 180
/** Steps that people read well, minutes. */
const USUAL_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 360, 720, 1440, 10_080]
const MAX_STEP_SECONDS = 30 * 86_400

const dimension = (what: string) =>
  z.string().max(256).optional().describe(`Only of this ${what}; empty: of which none was told.`)

export const rangeQuery = z.strictObject({
  from: moment.default('-1h'),
  until: moment.default('now'),
  path: dimension('path'),
  protocol: dimension('protocol'),
  family: dimension('family of players: Chrome, VLC'),
})

export const seriesQuery = rangeQuery.extend({
  step: z.coerce
    .number()
    .int()
    .min(60)
    .max(MAX_STEP_SECONDS)
    .multipleOf(60)
    .optional()
    .describe(`Seconds, full minutes; at most ${MAX_POINTS} steps. Left out: one that gives about ${USUAL_POINTS}.`),
})

/** Throws PeerError ERR_API_INVALID. */
export function rangeOf({ from, until, path, protocol, family }: z.infer<typeof rangeQuery>): AudienceRange {
  const range = { from: momentOf(from), until: momentOf(until) }
  if (range.from >= range.until)
    throw new PeerError('ERR_API_INVALID', 'expected a moment `from` that is before `until`')
  if (range.until - range.from > MAX_RANGE_DAYS * DAY_MS) {
    throw new PeerError('ERR_API_INVALID', `expected \`from\` and \`until\` at most ${MAX_RANGE_DAYS} days apart`)
  }
  return {
    ...wholeMinutes(range),
    now: Date.now(),
    ...(path !== undefined && { path }),
    ...(protocol !== undefined && { protocol }),
    ...(family !== undefined && { family }),
  }
}

/** Milliseconds. Throws PeerError ERR_API_INVALID. */
export function stepOf({ from, until }: AudienceRange, seconds: number | undefined): number {
  if (seconds === undefined) {
    const minutes = USUAL_STEPS.find((step) => (until - from) / (step * MINUTE_MS) <= USUAL_POINTS)
    return (minutes ?? Math.max(...USUAL_STEPS)) * MINUTE_MS
  }
  const step = seconds * 1000
  const points = Math.ceil((until - from) / step)
  if (points > MAX_POINTS) {
    throw new PeerError(
      'ERR_API_INVALID',
      `expected a \`step\` that gives at most ${MAX_POINTS} steps, found ${points}`,
    )
  }
  return step
}

/** As the store cuts it. */
function wholeMinutes({ from, until }: { readonly from: number; readonly until: number }) {
  return { from: Math.floor(from / MINUTE_MS) * MINUTE_MS, until: Math.ceil(until / MINUTE_MS) * MINUTE_MS }
}
