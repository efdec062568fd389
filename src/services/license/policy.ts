/** Who gets which key: whoever may play the path that it is for, as far as what they showed goes. */
import { HeadendError, PeerError } from '../../errors.ts'
import type { AccessGrant, Authorize, Credentials } from '../../live/access.ts'
import type { ContentKeys } from '../../packaging/protection/content-keys.ts'
import type { ContentKey } from '../../packaging/protection/segment-encryptor.ts'

/** Paths that one request can be about; keys of further ones are not given. */
const MAX_PATHS = 8

export interface Asker {
  readonly remoteAddress: string
  readonly credentials: Credentials
}

/** What is given, and to whom for the audit log. */
export interface Decision {
  readonly keys: readonly ContentKey[]
  readonly paths: readonly string[]
  readonly grant: AccessGrant | undefined
}

/**
 * The keys among `ids` that the asker may have; others are left out, unknown ones among them, so that nobody learns which there are. Throws
 * PeerError ERR_LICENSE_NEEDED when nothing was shown and nothing is open, ERR_LICENSE_EXPIRED for a token that has ended, ERR_LICENSE_REFUSED
 * otherwise.
 */
export async function decide(
  { authorize, keys }: { readonly authorize: Authorize; readonly keys: ContentKeys },
  ids: readonly Uint8Array[],
  asker: Asker,
): Promise<Decision> {
  const byPath = new Map<string, Uint8Array[]>()
  for (const id of ids) {
    const path = keys.purposeOf(id)?.path
    if (path === undefined) continue
    const others = byPath.get(path)
    if (others !== undefined) others.push(id)
    else if (byPath.size < MAX_PATHS) byPath.set(path, [id])
  }
  const given: ContentKey[] = []
  const paths: string[] = []
  let grant: AccessGrant | undefined
  let reason: unknown
  for (const [path, wanted] of byPath) {
    try {
      const found = (await authorize({ action: 'license', path, protocol: 'license', ...asker })) ?? undefined
      grant ??= found
      const { keyIds } = found ?? {}
      const allowed = wanted.filter((id) => keyIds === undefined || keyIds.has(Buffer.from(id).toString('hex')))
      if (allowed.length === 0) continue
      paths.push(path)
      given.push(...allowed.map((id) => keys.get(id)))
    } catch (error) {
      if (!isDenied(error)) throw error
      reason = error
    }
  }
  if (given.length === 0) throw refusalOf(reason, asker)
  return { keys: given, paths, grant }
}

/** The answer of `Authorize` to who may not. */
export function isDenied(error: unknown): error is HeadendError {
  return error instanceof HeadendError && error.code === 'ERR_ACCESS_DENIED'
}

/** The same in the terms of licences. */
export function refusalOf(reason: unknown, { credentials }: Asker): PeerError {
  if (Object.keys(credentials).length === 0) {
    return new PeerError('ERR_LICENSE_NEEDED', 'expected a token (Authorization: Bearer, or ?token=), found none')
  }
  const cause = isDenied(reason) ? reason.cause : undefined
  if (cause instanceof HeadendError && cause.code === 'ERR_TOKEN_EXPIRED') {
    return new PeerError('ERR_LICENSE_EXPIRED', cause.message)
  }
  const detail = isDenied(reason) ? reason.message : 'what was shown opens none of these keys'
  return new PeerError('ERR_LICENSE_REFUSED', detail)
}
