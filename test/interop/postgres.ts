/** A PostgreSQL of the test's own: in a temporary folder, on a unix socket, as a user who is not root. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'
import { runOrThrow, start } from '../support/process.ts'

/** `nobody` of Debian: PostgreSQL refuses to run as root. */
const NOBODY = 65_534
const USER = 'headend'
const START_MS = 60_000
const POLL_MS = 50

export class Postgres {
  readonly #bin: string
  /** Of its socket. */
  readonly folder: string
  #server: ChildProcess | undefined

  private constructor(bin: string, folder: string) {
    this.#bin = bin
    this.folder = folder
  }

  /** `initdb`: its path, beside which the server lies. */
  static async open(initdb: string): Promise<Postgres> {
    const folder = mkdtempSync(join(tmpdir(), 'postgres-'))
    if (process.getuid?.() === 0) chownSync(folder, NOBODY, NOBODY)
    const postgres = new Postgres(dirname(initdb), folder)
    const options = ['--auth=trust', '--encoding=UTF8', '--locale=C.UTF-8', '--no-sync', `--username=${USER}`]
    const [command, ...args] = asUser([initdb, ...options, '-D', join(folder, 'data')])
    await runOrThrow(command, args, { cwd: folder })
    await postgres.start()
    return postgres
  }

  /** Of a database; created by `createDatabase`. `folder`: of another socket that leads there. */
  url(database: string, folder = this.folder): string {
    return `postgres:///${database}?host=${encodeURIComponent(folder)}&user=${USER}`
  }

  /** An empty one; resolves with its URL. */
  async createDatabase(name: string): Promise<string> {
    await this.query('postgres', `CREATE DATABASE ${name}`)
    return this.url(name)
  }

  async query(database: string, sql: string): Promise<Record<string, unknown>[]> {
    const client = new Client({ connectionString: this.url(database) })
    await client.connect()
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows
    } finally {
      await client.end()
    }
  }

  /** Resolves when it answers. */
  async start(): Promise<void> {
    const [command, ...args] = asUser([
      join(this.#bin, 'postgres'),
      ...['-D', join(this.folder, 'data'), '-k', this.folder, '-c', 'listen_addresses='],
      // Tests end its processes and never the machine: what it wrote is there for the next start without waiting for the disk.
      ...['-c', 'fsync=off'],
    ])
    const server = start(command, args, { cwd: this.folder })
    this.#server = server
    let said = ''
    server.stderr?.on('data', (piece: Buffer) => (said = `${said}${String(piece)}`.slice(-4000)))
    server.stdout?.resume()
    const deadline = Date.now() + START_MS
    while (!(await this.#answers())) {
      if (server.exitCode !== null || Date.now() > deadline) throw new Error(`PostgreSQL did not start:\n${said}`)
      await delay(POLL_MS)
    }
  }

  /** `SIGINT` ends connections and closes in order, `SIGQUIT` drops everything, `SIGKILL` does not even know. Resolves when all of it is gone. */
  async stop(signal: 'SIGINT' | 'SIGQUIT' | 'SIGKILL'): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (server === undefined) return
    // The processes of its connections outlive a kill for a moment; with them its last pipe closes.
    const closed = once(server, 'close')
    server.kill(signal)
    await closed
  }

  /** Stops it and removes its folder. */
  async close(): Promise<void> {
    await this.stop('SIGQUIT')
    rmSync(this.folder, { recursive: true, force: true })
  }

  async #answers(): Promise<boolean> {
    try {
      await this.query('postgres', 'SELECT 1')
      return true
    } catch {
      return false
    }
  }
}

function asUser(command: readonly string[]): [command: string, ...args: string[]] {
  const [name = '', ...args] = command
  if (process.getuid?.() !== 0) return [name, ...args]
  return ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', name, ...args]
}
