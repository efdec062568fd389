/** Files of keys and certificates that options name. Nothing of what is in them is in an error. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { ConfigError } from '../index.ts'

/** Throws ConfigError ERR_USAGE. */
export async function readPrivateKey(file: string): Promise<KeyObject> {
  const text = await readTextFile(file)
  try {
    return createPrivateKey(text)
  } catch {
    // The cause may quote the file.
    throw new ConfigError('ERR_USAGE', `expected a private key as PEM in ${file}, without a passphrase, found none`)
  }
}

/** The first one of the file. Throws ConfigError ERR_USAGE. */
export async function readCertificate(file: string): Promise<X509Certificate> {
  const text = await readTextFile(file)
  try {
    return new X509Certificate(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.exec(text)?.[0] ?? '')
  } catch {
    throw new ConfigError('ERR_USAGE', `expected a certificate as PEM in ${file}, found none`)
  }
}

/** Throws ConfigError ERR_USAGE. */
export async function readTextFile(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new ConfigError('ERR_USAGE', `expected a file that can be read, found none at ${file}`, { cause })
  }
}
