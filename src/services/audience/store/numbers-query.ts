/** Queries over the roll-ups and sessions of a range, the same for each database. */
import { type ExpressionBuilder, type Kysely, sql } from 'kysely'
import { percentile } from '../../../playlog/measures/log-histogram.ts'
import { MINUTE_MS, minuteOf } from '../../../playlog/measures/minute-shares.ts'
import {
  type AudienceNumbers,
  type AudienceOverview,
  type AudiencePoint,
  type AudienceRange,
  type AudienceShare,
  MAX_POINTS,
  SILENCE_MS,
} from './audience-store.ts'
import { storableText } from './believable.ts'
import { mostAtOnce, type Presences } from './concurrency.ts'
import type { AudienceTables, Dimensions } from './tables.ts'

type Database = Kysely<AudienceTables>
type RollupTable = 'audience_minute' | 'audience_startup' | 'audience_error'

const MAX_CODES = 20
const MAX_SHARES = 50

export async function queryOverview(database: Database, range: AudienceRange): Promise<AudienceOverview> {
  const { from, until } = whole(range)
  const [minutes] = await sumMinutes(database, range, sql<string>`''`)
  const outcomes = await sumSessions(database, range)
  const startups = await countStartups(database, range, until - from)
  const codes = await database
    .selectFrom('audience_error')
    .where((builder) => inRange(builder, range))
    .select(['code', (builder) => builder.fn.sum<number>('count').as('count')])
    .groupBy('code')
    .having((builder) => builder.fn.sum('count'), '>', 0)
    .orderBy('count', 'desc')
    .orderBy('code')
    .limit(MAX_CODES)
    .execute()
  const viewers = await database
    // Grouping counts different ones faster than `count(distinct …)`.
    .selectFrom(sessionsFrom(database, range).select(sql`1`.as('one')).groupBy(sql`coalesce(player, id)`).as('viewer'))
    .select((builder) => builder.fn.countAll<number>().as('viewers'))
    .executeTakeFirst()
  const of = (outcome: string) => outcomes.find((one) => one.outcome === outcome)?.attempts ?? 0
  const total = { attempts: 0, plays: 0, played: 0, networkStalled: 0 }
  for (const { attempts, plays, played, networkStalled } of outcomes) {
    total.attempts += attempts
    total.plays += plays
    total.played += played
    total.networkStalled += networkStalled
  }
  const counts = startups.get(0) ?? new Map<number, number>()
  const [p50, p75, p95] = [0.5, 0.75, 0.95].map((fraction) => percentile(counts, fraction))
  return {
    ...numbersOf(minutes, total),
    concurrent: mostAtOnce(await presences(database, range), { from, until, step: until - from })[0] ?? 0,
    viewers: viewers?.viewers ?? 0,
    exitsBeforeStart: of('exit-before-start'),
    startFailures: of('start-failure'),
    playbackFailures: of('playback-failure'),
    networkRebufferRatio: ratio(total.networkStalled, total.networkStalled + total.played),
    startup: p50 === undefined || p75 === undefined || p95 === undefined ? undefined : { p50, p75, p95 },
    codes: codes.map(({ code, count }) => ({ code, count })),
  }
}

/** Throws RangeError for a step that is not of full minutes, or too many of them. */
export async function querySeries(database: Database, range: AudienceRange, step: number): Promise<AudiencePoint[]> {
  const { from, until } = whole(range)
  const length = Math.ceil((until - from) / step)
  if (!(step >= MINUTE_MS) || step % MINUTE_MS !== 0 || length > MAX_POINTS) {
    throw new RangeError(`expected steps of full minutes, and at most ${MAX_POINTS}`)
  }
  const interval = intervalOf('minute', minuteOf(from), step / MINUTE_MS)
  const minutes = new Map((await sumMinutes(database, range, interval)).map((row) => [row.name, row]))
  const begun = await sessionsFrom(database, range)
    .select([
      intervalOf('start', from, step).as('interval'),
      (builder) => builder.fn.countAll<number>().as('attempts'),
      (builder) => builder.fn.count<number>('shown').as('plays'),
    ])
    .groupBy('interval')
    .execute()
  const sessions = new Map(begun.map((row) => [row.interval, row]))
  const startups = await countStartups(database, range, step)
  const most = mostAtOnce(await presences(database, range), { from, until, step })
  return Array.from({ length }, (_, index) => ({
    time: from + index * step,
    ...numbersOf(minutes.get(index), sessions.get(index) ?? { attempts: 0, plays: 0 }),
    concurrent: most[index] ?? 0,
    startup: percentile(startups.get(index) ?? new Map(), 0.5),
  }))
}

export async function queryShares(
  database: Database,
  range: AudienceRange,
  by: keyof Dimensions,
): Promise<AudienceShare[]> {
  const minutes = await sumMinutes(database, range, sql.ref<string>(by))
  const begun = await sessionsFrom(database, range)
    .select([
      by,
      (builder) => builder.fn.countAll<number>().as('attempts'),
      (builder) => builder.fn.count<number>('shown').as('plays'),
    ])
    .groupBy(by)
    .execute()
  const sessions = new Map(begun.map((row) => [row[by], row]))
  return (
    minutes
      .toSorted((left, right) => right.played - left.played || (left.name < right.name ? -1 : 1))
      .map((row) => ({ name: row.name, ...numbersOf(row, sessions.get(row.name) ?? { attempts: 0, plays: 0 }) }))
      // What told later whose it was has moved there.
      .filter(({ attempts, played, stalled, bytes, errors }) => attempts + played + stalled + bytes + errors > 0)
      .slice(0, MAX_SHARES)
  )
}

/** What is left of `open` when nothing came for `SILENCE_MS`. */
export function outcomeAt(now: number) {
  return sql<string>`case when outcome = 'open' and seen < ${now - SILENCE_MS} then outcome_over else outcome end`
}

/** Cut to full minutes. */
export function whole({ from, until }: AudienceRange): { readonly from: number; readonly until: number } {
  return { from: minuteOf(from) * MINUTE_MS, until: Math.ceil(until / MINUTE_MS) * MINUTE_MS }
}

interface MinuteSums {
  readonly played: number
  readonly stalled: number
  readonly stalls: number
  readonly bitrateTime: number
  readonly bitratePlayed: number
  readonly errors: number
  readonly bytes: number
}

async function sumMinutes<Name extends string | number>(
  database: Database,
  range: AudienceRange,
  name: ReturnType<typeof sql<Name>>,
) {
  const rows = await database
    .selectFrom('audience_minute')
    .where((builder) => inRange(builder, range))
    .select((builder) => [
      name.as('name'),
      builder.fn.sum<number>('played').as('played'),
      builder.fn.sum<number>('stalled').as('stalled'),
      builder.fn.sum<number>('stalls').as('stalls'),
      builder.fn.sum<number>('bitrate_time').as('bitrateTime'),
      builder.fn.sum<number>('bitrate_played').as('bitratePlayed'),
      builder.fn.sum<number>('errors').as('errors'),
      builder.fn.sum<number>('bytes').as('bytes'),
    ])
    .groupBy(sql`1`)
    .execute()
  return rows
}

function sumSessions(database: Database, range: AudienceRange) {
  return sessionsFrom(database, range)
    .select((builder) => [
      outcomeAt(range.now).as('outcome'),
      builder.fn.countAll<number>().as('attempts'),
      builder.fn.count<number>('shown').as('plays'),
      builder.fn.sum<number>('played').as('played'),
      builder.fn.sum<number>('network_stalled').as('networkStalled'),
    ])
    .groupBy(sql`1`)
    .execute()
}

/** By interval, then by bucket. */
async function countStartups(database: Database, range: AudienceRange, step: number) {
  const { from } = whole(range)
  const rows = await database
    .selectFrom('audience_startup')
    .where((builder) => inRange(builder, range))
    .select((builder) => [
      intervalOf('minute', minuteOf(from), step / MINUTE_MS).as('interval'),
      'bucket',
      builder.fn.sum<number>('count').as('count'),
    ])
    .groupBy(['interval', 'bucket'])
    .execute()
  const counts = new Map<number, Map<number, number>>()
  for (const { interval, bucket, count } of rows) {
    counts.set(interval, (counts.get(interval) ?? new Map<number, number>()).set(bucket, count))
  }
  return counts
}

/** Viewers that were there at any time of the range. One that has not been silent for long is there still. */
async function presences(database: Database, range: AudienceRange): Promise<Presences> {
  const { from, until } = whole(range)
  const end = endAt(range.now)
  const row = await database
    .selectFrom('audience_session')
    .where('shown', 'is not', null)
    .where('shown', '<', until)
    .where('finish', '>=', from - SILENCE_MS)
    .where((builder) => builder.and(dimensionsOf(range)))
    // Of a day there are hundreds of thousands: two texts are there in a fraction of the time that as many rows take.
    .select([
      sql<string | null>`string_agg(cast(shown as text), ',')`.as('starts'),
      sql<string | null>`string_agg(cast(case when ${end} > shown then ${end} else shown + 1 end as text), ',')`.as(
        'ends',
      ),
    ])
    .executeTakeFirst()
  return { starts: numbersIn(row?.starts), ends: numbersIn(row?.ends) }
}

function numbersIn(text: string | null | undefined): Float64Array {
  return Float64Array.from(JSON.parse(`[${text ?? ''}]`) as number[])
}

/** When it was there last: now, while it is open and has not been silent for long. */
function endAt(now: number) {
  return sql<number>`case when outcome = 'open' and seen >= ${now - SILENCE_MS} and finish < ${now}
    then cast(${now} as bigint) else finish end`
}

function sessionsFrom(database: Database, range: AudienceRange) {
  const { from, until } = whole(range)
  return database
    .selectFrom('audience_session')
    .where('start', '>=', from)
    .where('start', '<', until)
    .where((builder) => builder.and(dimensionsOf(range)))
}

function inRange(builder: ExpressionBuilder<AudienceTables, RollupTable>, range: AudienceRange) {
  const { from, until } = whole(range)
  return builder.and([
    builder('minute', '>=', minuteOf(from)),
    builder('minute', '<', minuteOf(until)),
    builder.and(dimensionsOf(range)),
  ])
}

/** Asked for as they are stored. */
export function dimensionsOf({ path, protocol, family }: AudienceRange): Partial<Dimensions> {
  return {
    ...(path !== undefined && { path: storableText(path) }),
    ...(protocol !== undefined && { protocol: storableText(protocol) }),
    ...(family !== undefined && { family: storableText(family) }),
  }
}

/** Numbers are bound as floats, which would make a quotient of them one too. */
function intervalOf(column: 'minute' | 'start', from: number, step: number) {
  return sql<number>`(${sql.ref(column)} - cast(${from} as bigint)) / cast(${step} as bigint)`
}

function numbersOf(
  minutes: MinuteSums | undefined,
  { attempts, plays }: { readonly attempts: number; readonly plays: number },
): AudienceNumbers {
  const {
    played = 0,
    stalled = 0,
    stalls = 0,
    bitrateTime = 0,
    bitratePlayed = 0,
    errors = 0,
    bytes = 0,
  } = minutes ?? {}
  return {
    attempts,
    plays,
    played,
    stalled,
    stalls,
    rebufferRatio: ratio(stalled, stalled + played),
    bitrate: ratio(bitrateTime, bitratePlayed),
    bytes,
    errors,
  }
}

function ratio(part: number, all: number): number | undefined {
  return all > 0 ? part / all : undefined
}
