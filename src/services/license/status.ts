/** What a page is told before it plays: whether a path is protected, and whether what was shown would get its licences. */
import { HeadendError } from '../../errors.ts'
import { librarySegments } from '../../library/library.ts'
import { checkPath } from '../../live/path.ts'
import type { ProtectionScheme } from '../../media/protection/scheme.ts'
import type { ServerContext } from '../../protocols/protocol.ts'
import { type Asker, isDenied, refusalOf } from './policy.ts'

export const STATUS_PATH = '/license/status'

/** As `GET /license/status?path=PATH` answers. */
export type LicenseStatus =
  | { readonly protected: false }
  | {
      readonly protected: true
      readonly scheme: ProtectionScheme
      /** Of a licence server elsewhere, which decides for itself. */
      readonly licenseUrl?: string
      /** Code of what the licence server of this server would say; left out: it would give licences. */
      readonly code?: string
      /** In words. */
      readonly detail?: string
    }

/** Throws PeerError ERR_PATH_INVALID. */
export async function licenseStatus(
  { protection, authorize }: Pick<ServerContext, 'protection' | 'authorize'>,
  path: string,
  asker: Asker,
): Promise<LicenseStatus> {
  if (path.startsWith('vod/')) librarySegments(path)
  else checkPath(path)
  const settings = protection(path)
  if (settings === undefined) return { protected: false }
  const { scheme, licenseUrl } = settings
  if (licenseUrl !== undefined) return { protected: true, scheme, licenseUrl }
  try {
    await authorize({ action: 'license', path, protocol: 'license', ...asker })
    return { protected: true, scheme }
  } catch (error) {
    if (!isDenied(error)) throw error
    const { code, message } = refusalOf(error, asker)
    return { protected: true, scheme, code, detail: message }
  }
}

/** The same for who cannot be told keys at all: over plain HTTP, too often. */
export function refusedStatus(status: LicenseStatus, error: HeadendError): LicenseStatus {
  if (!status.protected || status.licenseUrl !== undefined) return status
  return { ...status, code: error.code, detail: error.message }
}
