/** PostgreSQL for kysely: few connections, whole numbers as numbers, and none that has failed is used again. */
import { PostgresDialect, type PostgresPoolClient } from 'kysely'
import { DatabaseError, Pool, type PoolClient, types } from 'pg'

/** Of one store. */
const MAX_CONNECTIONS = 2
const CONNECT_MS = 5_000
/** After which the database itself gives up a statement; a bit later we do, as it has then gone without a word. */
const STATEMENT_MS = 60_000
const SILENT_MS = 70_000
const KEEP_ALIVE_MS = 10_000

/** `bigint`, and `numeric`, which sums of them are. All of ours are below 2^53 (store-limits.ts). */
const WHOLE_NUMBERS: ReadonlySet<number> = new Set([types.builtins.INT8, types.builtins.NUMERIC])

/** `database`: `postgres://…`. Connects when it is first asked. Ends with `Kysely.destroy`. */
export function postgresDialect(database: string): PostgresDialect {
  const pool = new Pool({
    connectionString: database,
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_MS,
    statement_timeout: STATEMENT_MS,
    query_timeout: SILENT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    application_name: 'headend',
    types: {
      getTypeParser: (type: Parameters<typeof types.getTypeParser>[0], format?: 'text' | 'binary') =>
        WHOLE_NUMBERS.has(type) ? Number : types.getTypeParser(type, format),
    },
  })
  // One that was lost while nobody used it: the next question makes another.
  pool.on('error', () => undefined)
  // What comes behind its greeting in the same bytes comes before anybody has it.
  pool.on('connect', (client) => client.on('error', () => undefined))
  return new PostgresDialect({
    pool: {
      connect: async () => lease(await pool.connect()),
      end: () => pool.end(),
      options: pool.options,
    },
  })
}

/** A connection that broke, or never answered, may still be in the middle of something: it is closed and not given to the next. */
function lease(client: PoolClient): PostgresPoolClient {
  let lost: Error | undefined
  const onError = (error: Error) => {
    lost ??= error
  }
  client.on('error', onError)
  const query = async (sql: string, parameters: readonly unknown[]) => {
    // Not even a ROLLBACK, which would wait for its answer as long as what came before it.
    if (lost !== undefined) throw lost
    try {
      return await client.query(sql, [...parameters])
    } catch (error) {
      if (!(error instanceof DatabaseError)) lost ??= error instanceof Error ? error : new Error(String(error))
      throw error
    }
  }
  return {
    // kysely's own type has cursors besides, which it uses for nothing that is asked here.
    query: query as unknown as PostgresPoolClient['query'],
    release() {
      client.off('error', onError)
      client.release(lost !== undefined)
    },
  }
}
