/** The settings of packaging, which one protocol has and all use: kept when a server starts, before any of the code that packages is loaded. */
import type { Hub } from '../live/hub.ts'
import type { OnDemandOptions } from './on-demand/presentations.ts'
import type { PackagingOptions } from './packager.ts'

export interface PackagingSettings {
  readonly live: Partial<PackagingOptions>
  readonly onDemand: Partial<OnDemandOptions>
}

const byHub = new WeakMap<Hub, PackagingSettings>()

/** For those who begin from now on. */
export function keepPackagingSettings(hub: Hub, settings: PackagingSettings): void {
  byHub.set(hub, settings)
}

/** Empty where nobody has kept any: the defaults hold. */
export function packagingSettingsOf(hub: Hub): PackagingSettings {
  return byHub.get(hub) ?? { live: {}, onDemand: {} }
}
