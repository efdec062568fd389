/** The file that tells scripts and tests where everything listens. */
import { rename, writeFile } from 'node:fs/promises'
import { ConfigError, describeError } from '../errors.ts'

export interface ReadyFileContent {
  readonly urls: Readonly<Record<string, string>>
  readonly ports: Readonly<Record<string, number>>
}

/** Whole or not at all: whoever sees the file can read it. Throws ConfigError ERR_CONFIG_READY_FILE. */
export async function writeReadyFile(file: string, { urls, ports }: ReadyFileContent): Promise<void> {
  const draft = `${file}.${process.pid}`
  try {
    await writeFile(draft, `${JSON.stringify({ pid: process.pid, urls, ports }, undefined, 2)}\n`)
    await rename(draft, file)
  } catch (error) {
    throw new ConfigError('ERR_CONFIG_READY_FILE', `expected to write ${file}: ${describeError(error)}`, {
      cause: error,
    })
  }
}
