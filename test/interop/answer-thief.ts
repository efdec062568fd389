/** Stands between a client and a database, and keeps the answer to a COMMIT for itself: nobody knows then whether it was done. */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

const SOCKET = '.s.PGSQL.5432'
const COMMIT = /\bcommit\0/i

export class AnswerThief {
  /** Where clients find it, in place of the folder of the database. */
  readonly folder = mkdtempSync(join(tmpdir(), 'thief-'))
  #armed = 0
  #stolen = 0

  /** `folder`: of the database's socket. Stays until the test ends. */
  static async open(t: TestContext, folder: string): Promise<AnswerThief> {
    const thief = new AnswerThief()
    const server = createServer((client) => {
      const database = connect(join(folder, SOCKET))
      let silent = false
      client.on('data', (bytes) => {
        if (thief.#armed > 0 && COMMIT.test(bytes.toString('latin1'))) {
          thief.#armed--
          thief.#stolen++
          silent = true
        }
        database.write(bytes)
      })
      database.on('data', (bytes) => {
        if (!silent) client.write(bytes)
      })
      for (const [one, other] of [
        [client, database],
        [database, client],
      ] as const) {
        one.on('error', () => undefined)
        one.on('close', () => other.destroy())
      }
    })
    server.listen(join(thief.folder, SOCKET))
    await once(server, 'listening')
    t.after(() => {
      server.close()
      rmSync(thief.folder, { recursive: true, force: true })
    })
    return thief
  }

  /** Answers it has kept. */
  get stolen(): number {
    return this.#stolen
  }

  /** Of the next `count` commits; the connection of each says nothing more. */
  steal(count: number): void {
    this.#armed = count
  }
}
