/** Which paths of a hub are protected, and the keys: said when a server starts, before any of the code that packages is loaded. */
import type { Hub } from '../live/hub.ts'
import type { ContentKeys } from './protection/content-keys.ts'
import type { ProtectSettings } from './protection/protect-settings.ts'

export interface HubProtection {
  readonly keys: ContentKeys
  /** `undefined`: a path is not protected. Asked each time, as settings change. */
  readonly settingsOf: (path: string) => ProtectSettings | undefined
}

const byHub = new WeakMap<Hub, HubProtection>()

/** For all who package streams of this hub. */
export function keepHubProtection(hub: Hub, protection: HubProtection): void {
  byHub.set(hub, protection)
}

/** `undefined`: nothing is protected here. */
export function hubProtectionOf(hub: Hub): HubProtection | undefined {
  return byHub.get(hub)
}
