/** Who took keys out of the server or brought some in: a line of the log with their ids, and never the keys. */
import { UnavailableError } from '../../errors.ts'
import type { ServerKeys } from '../keys/server-keys.ts'
import type { Operation } from './operation.ts'

export interface KeyTransfer {
  /** Left out: of several. */
  readonly path?: string
  readonly remoteAddress: string
  readonly ids: readonly Uint8Array[]
}

export function auditKeys({ audit }: Operation, action: 'import' | 'export', { ids, ...facts }: KeyTransfer): void {
  const keys = ids.map((id) => Buffer.from(id).toString('hex'))
  audit({ audit: 'keys', action, ...facts, keys }, action === 'import' ? 'keys were imported' : 'keys were exported')
}

/** Throws UnavailableError ERR_HTTP_NOT_FOUND where none are kept. */
export function keysOf({ keys }: Operation): ServerKeys {
  if (keys === undefined) throw new UnavailableError('ERR_HTTP_NOT_FOUND', 'no keys are kept here')
  return keys
}
