/** What the page of the audience asks a running server, over ten million events in SQLite and in PostgreSQL. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Postgres } from '../test/interop/postgres.ts'
import { findTool } from '../test/support/tools.ts'
import { END, EVENTS_EACH, fillPostgres, fillSqlite, PATHS, SESSION, SESSIONS, START } from './support/audience-day.ts'
import { type ServerProcess, startHeadend } from './support/processes.ts'
import type { Row } from './support/report.ts'

const MOST_MS = 1000

/** The parts of an answer by which it is known to be right. */
interface Answer {
  readonly attempts?: number
  readonly points?: readonly unknown[]
  readonly shares?: readonly unknown[]
  readonly items?: readonly unknown[]
  readonly events?: readonly unknown[]
}

interface Question {
  readonly work: string
  /** Below /api/v1/audience/. */
  readonly target: string
  readonly isRight: (answer: Answer) => boolean
}

const DAY = `from=${iso(START)}&until=${iso(END)}`
/** Of a minute without anybody: what it takes to load the API and to open the store. */
const FIRST: Question = {
  work: 'the first question of a server, about nothing',
  target: `overview?from=${iso(START - 60_000)}&until=${iso(START)}&path=nobody`,
  isRight: ({ attempts }) => attempts === 0,
}
/** What the page asks each time it looks. */
const PAGE: readonly Question[] = [
  { work: 'overview', target: `overview?${DAY}`, isRight: ({ attempts }) => attempts === SESSIONS },
  { work: 'series', target: `series?${DAY}`, isRight: ({ points }) => points?.length === 144 },
  { work: 'sessions', target: `sessions?${DAY}&limit=50`, isRight: ({ items }) => items?.length === 50 },
  { work: 'shares of paths', target: `shares?${DAY}&by=path`, isRight: ({ shares }) => shares?.length === PATHS },
  { work: 'shares of protocols', target: `shares?${DAY}&by=protocol`, isRight: ({ shares }) => shares?.length === 2 },
  { work: 'shares of players', target: `shares?${DAY}&by=family`, isRight: ({ shares }) => shares?.length === 3 },
]
/** What it asks with filters, and of one session. */
const MORE: readonly Question[] = [
  {
    work: 'overview of one path',
    target: `overview?${DAY}&path=live/7`,
    isRight: ({ attempts }) => attempts === SESSIONS / PATHS,
  },
  {
    work: 'minutes of one path',
    target: `series?${DAY}&path=live/7&step=60`,
    isRight: ({ points }) => points?.length === 1440,
  },
  {
    work: 'sessions with stalls or errors',
    target: `sessions?${DAY}&troubled=true&limit=50`,
    isRight: ({ items }) => items?.length === 50,
  },
  {
    work: 'sessions that failed (none)',
    target: `sessions?${DAY}&outcome=playback-failure&limit=50`,
    isRight: ({ items }) => items?.length === 0,
  },
  {
    work: 'sessions of an hour',
    target: `sessions?from=${iso(START + 3_600_000)}&until=${iso(START + 7_200_000)}&limit=50`,
    isRight: ({ items }) => items?.length === 50,
  },
  {
    work: 'one session',
    target: `session?id=${SESSION.id}&limit=5000`,
    isRight: ({ events }) => events?.length === EVENTS_EACH,
  },
]

export async function* audienceQuestions(): AsyncGenerator<Row> {
  yield* askAll('SQLite', {}, (data) => fillSqlite(join(data, 'audience', 'audience.sqlite')))
  const initdb = findTool('postgres')
  if (initdb === undefined) {
    yield { work: 'audience in PostgreSQL', value: 0, unit: 'ms', note: 'not measured: PostgreSQL is not installed' }
    return
  }
  const postgres = await Postgres.open(initdb)
  try {
    const database = await postgres.createDatabase('audience')
    yield* askAll('PostgreSQL', { audience: { database } }, () => fillPostgres(database))
  } finally {
    await postgres.close()
  }
}

/** `fill`: gets the folder of the server's state; the server has not looked at its store before. */
async function* askAll(
  store: string,
  settings: Readonly<Record<string, unknown>>,
  fill: (data: string) => Promise<void>,
): AsyncGenerator<Row> {
  const server = await startHeadend(settings)
  try {
    const begin = performance.now()
    await fill(server.data)
    const filled = `filled in ${((performance.now() - begin) / 1000).toFixed(0)} s`
    const ask = asker(server)
    for (const question of [FIRST, ...PAGE, ...MORE]) {
      yield await rowOf(`${store}: ${question.work}`, `the first time it is asked; ${filled}`, () => ask(question))
    }
    const whole = async () => (await Promise.all(PAGE.map(ask))).every(Boolean)
    const { gate: _each, ...row } = await rowOf(
      `${store}: the page, all of it at once`,
      `${PAGE.length} questions`,
      whole,
    )
    yield row
  } finally {
    await server.stop()
  }
}

async function rowOf(work: string, note: string, ask: () => Promise<boolean>): Promise<Row> {
  const begin = performance.now()
  const isRight = await ask()
  const value = performance.now() - begin
  return {
    work: `${work}, ${(SESSIONS * EVENTS_EACH) / 1e6} million events`,
    value,
    unit: 'ms',
    gate: MOST_MS,
    note,
    failed: !isRight,
  }
}

function asker({ ports, data }: ServerProcess): (question: Question) => Promise<boolean> {
  const { adminToken } = JSON.parse(readFileSync(join(data, 'secrets.json'), 'utf8')) as { adminToken: string }
  return async ({ target, isRight }) => {
    const response = await fetch(`http://127.0.0.1:${ports['http']}/api/v1/audience/${target}`, {
      headers: { authorization: `Bearer ${adminToken}` },
    })
    return response.ok && isRight((await response.json()) as Answer)
  }
}

function iso(time: number): string {
  return new Date(time).toISOString()
}
