/** Reads certificate and key of the settings, and checks that they belong together before anything listens with them. */
import { readFile } from 'node:fs/promises'
import { ConfigError, describeError } from '../errors.ts'
import type { TlsMaterial } from '../net/tls.ts'
import type { Settings } from './settings.ts'

/** `undefined` when none is configured. Throws ConfigError ERR_CONFIG_TLS. */
export async function loadTls(settings: Settings): Promise<TlsMaterial | undefined> {
  const { certificate, key } = settings.server.tls
  if (certificate === undefined || key === undefined) return undefined
  const read = async (name: string, file: string) => {
    try {
      return await readFile(file, 'utf8')
    } catch (error) {
      throw new ConfigError('ERR_CONFIG_TLS', `tls.${name}: expected a readable file: ${describeError(error)}`, {
        cause: error,
      })
    }
  }
  const material = { certificate: await read('certificate', certificate), key: await read('key', key) }
  const { createSecureContext } = await import('node:tls')
  try {
    createSecureContext({ cert: material.certificate, key: material.key })
  } catch (error) {
    throw new ConfigError('ERR_CONFIG_TLS', `tls: expected a PEM certificate and its key: ${describeError(error)}`)
  }
  return material
}
