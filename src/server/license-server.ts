/** The licence server alone: a server whose other modules are switched off. */
import type { SettingsInput } from './config.ts'
import type { HeadendServer, ServerHooks } from './headend-server.ts'
import { modules } from './modules.ts'
import { createServer } from './server.ts'

/**
 * Gives licences for the keys in the data folder, which a media server may share; health, metrics and API are there as well. Takes the same
 * settings as `createServer` and rejects as it does.
 */
export async function createLicenseServer(
  settings: SettingsInput = {},
  hooks: ServerHooks = {},
): Promise<HeadendServer> {
  const server = await createServer(licenseSettings(settings), hooks)
  const reload = server.reload.bind(server)
  return Object.assign(server, { reload: (next: SettingsInput) => reload(licenseSettings(next)) })
}

/** The settings with everything off that gives no licences. */
function licenseSettings(settings: SettingsInput): SettingsInput {
  const off = modules.filter(({ name }) => name !== 'license').map(({ name }) => [name, false] as const)
  return { ...settings, ...Object.fromEntries(off), testChannel: false }
}
