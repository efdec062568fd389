/** node:sqlite for kysely, which knows another package's statements. */
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { SqliteDialect } from 'kysely'

/** Different queries that stay prepared. */
const MAX_PREPARED = 100

/** The database stays its owner's to close. */
export function sqliteDialect(database: DatabaseSync): SqliteDialect {
  const prepared = new Map<string, StatementSync>()
  const prepare = (sql: string): StatementSync => {
    let statement = prepared.get(sql)
    if (statement === undefined) {
      if (prepared.size >= MAX_PREPARED) prepared.clear()
      statement = database.prepare(sql)
      prepared.set(sql, statement)
    }
    return statement
  }
  return new SqliteDialect({
    database: {
      close: () => prepared.clear(),
      prepare(sql) {
        const statement = prepare(sql)
        const values = (parameters: readonly unknown[]) => parameters as readonly SQLInputValue[]
        return {
          reader: statement.columns().length > 0,
          all: (parameters) => statement.all(...values(parameters)),
          run: (parameters) => statement.run(...values(parameters)),
          iterate: (parameters) => statement.iterate(...values(parameters)),
        }
      },
    },
  })
}
