/** What the settings of a path say of its protection. */
import type { ProtectionScheme } from '../../media/protection/scheme.ts'
import type { ProtectionSignalling } from './signalling.ts'

/** Of one path, live or on demand. */
export interface ProtectSettings {
  readonly scheme: ProtectionScheme
  /** A live stream has another key each so many seconds; `undefined`: one key for all of a run. Films have one key. */
  readonly rotateSeconds: number | undefined
  /** Systems beside Clear Key that licences are given by elsewhere. */
  readonly systems: ProtectionSignalling['systems']
  /** Of a Clear Key licence server elsewhere; `undefined`: this server's own. */
  readonly licenseUrl: string | undefined
}

/** As the settings file has it. */
export type ProtectInput = boolean | Partial<ProtectSettings>

/** `cenc`: one playlist serves hls.js and Shaka; `cbcs` is what FairPlay needs. */
export const DEFAULT_PROTECT: ProtectSettings = {
  scheme: 'cenc',
  rotateSeconds: undefined,
  systems: [],
  licenseUrl: undefined,
}

/** Of this server, as paths of it. */
const LICENSE_URL = '/license/clearkey'
const KEY_URL = '/key/aes128/'

/** What manifests tell of it. */
export function signallingOf({ scheme, systems, licenseUrl }: ProtectSettings): ProtectionSignalling {
  return {
    scheme,
    systems,
    ...(licenseUrl === undefined ? { licenseUrl: LICENSE_URL, keyUrl: KEY_URL } : { licenseUrl }),
  }
}

const filledIn = new WeakMap<Partial<ProtectSettings>, ProtectSettings>()

/** With the defaults filled in, the same object for the same input; `undefined`: the path is not protected. */
export function protectSettings(input: ProtectInput | undefined): ProtectSettings | undefined {
  if (input === undefined || input === false) return undefined
  if (input === true) return DEFAULT_PROTECT
  let settings = filledIn.get(input)
  if (settings === undefined) filledIn.set(input, (settings = { ...DEFAULT_PROTECT, ...input }))
  return settings
}
