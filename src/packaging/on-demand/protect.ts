/** Presentations of protected paths: which key, which scheme, and where players get what they need. */
import { assert } from '../../errors.ts'
import type { ContentKeys } from '../protection/content-keys.ts'
import type { ProtectSettings } from '../protection/protect-settings.ts'
import { protectableOf } from '../protection/protectable.ts'
import { ProtectedPresentation } from '../protection/protected-presentation.ts'
import type { ProtectionSignalling } from '../protection/signalling.ts'
import type { Presentation } from './presentation.ts'

/** Of this server, as paths of it. */
const LICENSE_URL = '/license/clearkey'
const KEY_URL = '/key/aes128/'

/** What the settings say of a path. */
export interface PathProtection {
  /** Whoever may play this one may have the key. */
  readonly path: string
  readonly settings: ProtectSettings
}

/**
 * The encrypted form, which owns the presentation. One key for all of a version of the files: `content` of its purpose is the token of the clear
 * form. Throws FormatError ERR_PROTECTION_CODEC for pictures that cannot be protected, and what `ContentKeys.keyFor` throws.
 */
export function protectPresentation(
  clear: Presentation,
  { path, settings }: PathProtection,
  keys: ContentKeys | undefined,
): ProtectedPresentation {
  assert(keys !== undefined, 'where paths can be protected there are keys')
  const signalling = signallingOf(settings, clear)
  for (const { track } of clear.renditions) protectableOf(track, signalling.scheme)
  const key = keys.keyFor({ path, content: clear.token, period: 0 })
  return new ProtectedPresentation(clear, { signalling, keyOf: () => key })
}

/**
 * What is encoded while it is watched is encoded anew when its segments were pushed out of the cache, and comes out otherwise. Under `cenc` the
 * same key stream would meet two pictures, and their difference is what was to be hidden; there is no other key for the second, as players have
 * read the playlist already. `cbcs` has no key stream: two pictures show no more than whether they begin alike. So that is the scheme of such
 * files, whatever the path says.
 */
function signallingOf(settings: ProtectSettings, { encoded }: Presentation): ProtectionSignalling {
  const { scheme, systems, licenseUrl } = settings
  return {
    scheme: encoded ? 'cbcs' : scheme,
    systems,
    ...(licenseUrl === undefined ? { licenseUrl: LICENSE_URL, keyUrl: KEY_URL } : { licenseUrl }),
  }
}
