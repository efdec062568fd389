/**
 * What makes a database that is elsewhere take each batch of a spool once: a name under which it remembers how far it has come with this spool, and
 * the number that it was last known to have. Both lie beside the spool.
 */
import { randomUUID } from 'node:crypto'
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError, describeError } from '../../../errors.ts'

const NAME_FILE = 'spool-name'
const COMMITTED_FILE = 'committed'
const NAME = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const NUMBER = /^\d{1,15}$/
const FILE_MODE = 0o600
const FOLDER_MODE = 0o700

/** The name, a UUID; made, with the folder, at the first call. Throws ConfigError ERR_AUDIENCE_STORE for a file that holds no name. */
export function openSpoolName(folder: string): string {
  try {
    mkdirSync(folder, { recursive: true, mode: FOLDER_MODE })
    const known = readText(join(folder, NAME_FILE))
    if (known === undefined) return createName(folder)
    if (!NAME.test(known)) throw new Error(`expected a UUID in ${NAME_FILE}`)
    return known
  } catch (cause) {
    throw new ConfigError('ERR_AUDIENCE_STORE', `expected a folder for the audience: ${describeError(cause)}`, {
      cause,
    })
  }
}

/** Number of the last batch that the database was known to have; `undefined`: nobody knows. */
export function readKnownCommitted(folder: string): number | undefined {
  const text = readText(join(folder, COMMITTED_FILE))
  return text !== undefined && NUMBER.test(text) ? Number(text) : undefined
}

export function writeKnownCommitted(folder: string, committed: number): void {
  replaceFile(folder, COMMITTED_FILE, String(committed), { sync: false })
}

/** A database that never heard of a name has nothing of its spool. */
function createName(folder: string): string {
  const name = randomUUID()
  replaceFile(folder, COMMITTED_FILE, '0', { sync: true })
  replaceFile(folder, NAME_FILE, name, { sync: true })
  return name
}

function replaceFile(folder: string, name: string, text: string, { sync }: { readonly sync: boolean }): void {
  const file = join(folder, name)
  const descriptor = openSync(`${file}.new`, 'w', FILE_MODE)
  try {
    writeSync(descriptor, `${text}\n`)
    if (sync) fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  renameSync(`${file}.new`, file)
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
