/** Protected streams and films: whether a path is one, whether the page's token would get a licence, and whether this browser can decrypt. */
import { passKey } from '../play-key.ts'

/** What the licence server says of a path, `/license/status`. */
interface LicenseStatus {
  readonly protected: boolean
  readonly scheme?: 'cenc' | 'cbcs'
  readonly licenseUrl?: string
  readonly code?: string
  readonly detail?: string
}

export interface Protection {
  readonly scheme: 'cenc' | 'cbcs'
  /** Where licences are, with what opened this page where that is this server. */
  readonly licenseUrl: string
  /** Why there would be none, in words. */
  readonly refusal?: string
}

/** Of Clear Key (W3C Encrypted Media Extensions section 9.1). */
export const KEY_SYSTEM = 'org.w3.clearkey'
const ASK_MS = 8_000
/** Any browser that plays H.264 decrypts it. */
const CODEC = 'video/mp4; codecs="avc1.4d401f"'

const REFUSALS: Readonly<Record<string, string>> = {
  ERR_LICENSE_NEEDED:
    'Licence needed: this is protected. Open the address that you were given, with its token or key at the end.',
  ERR_LICENSE_EXPIRED: 'Licence expired: the token of this address has ended. Ask for a new address.',
  ERR_LICENSE_REFUSED: 'Licence refused: the token or key of this address does not open this, or no longer does.',
  ERR_LICENSE_INSECURE: 'Licence refused: keys are sent over HTTPS only. Open this page with https:// in its address.',
}

/** `undefined`: the path is in the clear, or nobody knows. */
export async function askProtection(path: string): Promise<Protection | undefined> {
  try {
    const signal = AbortSignal.timeout(ASK_MS)
    const response = await fetch(passKey(`/license/status?path=${encodeURIComponent(path)}`), {
      cache: 'no-store',
      signal,
    })
    return response.ok ? protectionOf((await response.json()) as LicenseStatus) : undefined
  } catch {
    // The player finds out what is wrong with the server, and says so.
    return undefined
  }
}

/** Why this browser cannot decrypt; `undefined`: it can. */
export async function browserRefusal({ scheme }: Protection): Promise<string | undefined> {
  const words = 'This browser cannot play protected streams'
  if (!window.isSecureContext) {
    return `${words} here: browsers decrypt only on pages that came over HTTPS, or from http://localhost. Open this page so.`
  }
  try {
    const videoCapabilities = [{ contentType: CODEC, encryptionScheme: scheme }]
    await navigator.requestMediaKeySystemAccess(KEY_SYSTEM, [{ initDataTypes: ['cenc'], videoCapabilities }])
    return undefined
  } catch {
    return `${words}: it does not know Clear Key with ${scheme}. Chrome, Edge and Firefox do.`
  }
}

function protectionOf({ protected: isProtected, scheme, licenseUrl, code, detail }: LicenseStatus) {
  if (!isProtected) return undefined
  const refusal = code === undefined ? undefined : (REFUSALS[code] ?? `Licence refused: ${detail ?? code}`)
  return {
    scheme: scheme ?? 'cenc',
    licenseUrl: licenseUrl ?? new URL(passKey('/license/clearkey'), location.href).href,
    ...(refusal !== undefined && { refusal }),
  }
}
