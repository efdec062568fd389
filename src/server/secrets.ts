/** The server's own secrets: made at the first start, kept in one file that only its owner reads. */
import { randomBytes } from 'node:crypto'
import { chmod, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError, describeError } from '../errors.ts'
import { refuseWeakSecret } from './weak-secret.ts'

/** What `data/secrets.json` holds. */
export interface Secrets {
  /** Opens publishing, on every path that has no key of its own. */
  readonly publishKey: string
  /** Opens playing on paths that ask for a key. */
  readonly playKey: string
  /** Bearer token of the API. */
  readonly adminToken: string
  /** 32 bytes, base64: encrypts what the key store writes. */
  readonly masterKey: string
}

export interface LoadedSecrets {
  readonly secrets: Secrets
  /** Where they are kept. */
  readonly file: string
  readonly created: boolean
  /** The file could be read by others and was closed to them. */
  readonly modeRepaired: boolean
}

const FILE_MODE = 0o600
const FOLDER_MODE = 0o700
const OTHERS_MODE = 0o077
const MAX_SECRETS_FILE = 64 * 1024

/**
 * Reads `secrets.json` of the data folder, or creates both. Names that a newer version added are filled in. Throws ConfigError
 * ERR_SECRETS_FILE when it can be neither read nor written, ERR_SECRETS_INVALID when it does not hold what it should.
 */
export async function loadSecrets(dataFolder: string): Promise<LoadedSecrets> {
  const file = join(dataFolder, 'secrets.json')
  try {
    await mkdir(dataFolder, { recursive: true, mode: FOLDER_MODE })
    const found = await readIfThere(file)
    if (found === undefined) {
      const secrets = createSecrets()
      await writePrivately(file, secrets)
      return { secrets, file, created: true, modeRepaired: false }
    }
    const known = parseSecrets(found.text, file)
    const secrets = { ...createSecrets(), ...known }
    const complete = Object.keys(secrets).every((name) => name in known)
    if (!complete) await writePrivately(file, secrets)
    const modeRepaired = (found.mode & OTHERS_MODE) !== 0
    if (modeRepaired) await chmod(file, FILE_MODE)
    return { secrets, file, created: false, modeRepaired }
  } catch (error) {
    if (error instanceof ConfigError) throw error
    throw new ConfigError(
      'ERR_SECRETS_FILE',
      `expected to read and write ${file}; the data folder (--data) must be writable: ${describeError(error)}`,
      { cause: error },
    )
  }
}

function createSecrets(): Secrets {
  return {
    publishKey: randomBytes(16).toString('hex'),
    playKey: randomBytes(16).toString('hex'),
    adminToken: randomBytes(24).toString('hex'),
    masterKey: randomBytes(32).toString('base64'),
  }
}

async function readIfThere(file: string): Promise<{ text: string; mode: number } | undefined> {
  try {
    const { mode, size } = await stat(file)
    if (size > MAX_SECRETS_FILE) {
      throw new ConfigError(
        'ERR_SECRETS_INVALID',
        `expected at most ${MAX_SECRETS_FILE} bytes in ${file}, found ${size}`,
      )
    }
    return { text: await readFile(file, 'utf8'), mode }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** What the message says never quotes the file. */
function parseSecrets(text: string, file: string): Partial<Secrets> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new ConfigError('ERR_SECRETS_INVALID', `expected JSON in ${file}; repair it, or remove it to get new secrets`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ConfigError('ERR_SECRETS_INVALID', `expected an object in ${file}`)
  }
  const known: Partial<Record<keyof Secrets, string>> = {}
  const { masterKey } = value as Record<string, unknown>
  for (const name of ['publishKey', 'playKey', 'adminToken'] as const) {
    const secret = (value as Record<string, unknown>)[name]
    if (secret !== undefined) known[name] = refuseWeakSecret(secret, `${name} of ${file}`)
  }
  if (masterKey !== undefined) {
    if (typeof masterKey !== 'string' || Buffer.from(masterKey, 'base64').byteLength !== 32) {
      throw new ConfigError('ERR_SECRETS_INVALID', `expected 32 bytes in base64 as masterKey of ${file}`)
    }
    known.masterKey = masterKey
  }
  return known
}

/** Written beside and renamed, so that a crash leaves either the old file or the new one. */
async function writePrivately(file: string, secrets: Secrets): Promise<void> {
  const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`
  try {
    const handle = await open(draft, 'wx', FILE_MODE)
    try {
      await handle.writeFile(`${JSON.stringify(secrets, undefined, 2)}\n`)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(draft, file)
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
}
