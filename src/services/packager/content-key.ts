/** Keys as people and files give them: `KID:KEY` in hexadecimal. */
import { randomBytes } from 'node:crypto'
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
