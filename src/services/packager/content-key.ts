/** Keys as people and files give them: `KID:KEY` in hexadecimal, and a file of them that only its owner reads. */
import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ConfigError } from '../../errors.ts'
import { parseUuid } from '../../media/protection/systems.ts'
import type { ContentKey } from '../../packaging/protection/segment-encryptor.ts'

const KEY_BYTES = 16

/** A key with an id, both by chance. */
export function newContentKey(): ContentKey {
  return { id: Uint8Array.from(randomBytes(KEY_BYTES)), key: Uint8Array.from(randomBytes(KEY_BYTES)) }
}

/** `KID:KEY`: the id as a UUID with or without hyphens, the key as 32 hexadecimal digits. Throws ConfigError ERR_PACKAGE_KEY, without the key in it. */
export function parseContentKey(text: string): ContentKey {
  const [idText = '', keyText = '', ...rest] = text.trim().split(':')
  const id = parseUuid(idText)
  const key = /^[0-9a-f]{32}$/i.test(keyText) ? Uint8Array.from(Buffer.from(keyText, 'hex')) : undefined
  if (id === undefined || key === undefined || rest.length > 0) {
    throw new ConfigError(
      'ERR_PACKAGE_KEY',
      'expected a key as KID:KEY, each of 32 hexadecimal digits, found something else',
    )
  }
  return { id, key }
}

/** `KID:KEY`, in hexadecimal. Whoever has it can decrypt. */
export function formatContentKey({ id, key }: ContentKey): string {
  return `${Buffer.from(id).toString('hex')}:${Buffer.from(key).toString('hex')}`
}

/** The keys of a file, one a line, lines with `#` left out; `undefined`: there is no such file. Throws ConfigError ERR_PACKAGE_KEY. */
export async function readKeyFile(path: string): Promise<readonly ContentKey[] | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new ConfigError('ERR_PACKAGE_KEY', `the key file ${path} cannot be read`, { cause: error })
  }
  const lines = text.split('\n').map((line) => line.trim())
  return lines.filter((line) => line !== '' && !line.startsWith('#')).map(parseContentKey)
}

/** Creates a file with keys, which nobody else may read, and the folder it lies in. Throws ConfigError ERR_PACKAGE_KEY when there is one already. */
export async function writeKeyFile(path: string, keys: readonly ContentKey[]): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true })
    const file = await open(path, 'wx', 0o600)
    await file.writeFile(
      `# Content keys, KID:KEY. Whoever has this file can decrypt.\n${keys.map(formatContentKey).join('\n')}\n`,
    )
    await file.sync()
    await file.close()
  } catch (error) {
    throw new ConfigError('ERR_PACKAGE_KEY', `the key file ${path} cannot be created`, { cause: error })
  }
}
