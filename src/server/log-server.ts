/** The log server alone: a server whose other modules are switched off. */
import type { SettingsInput } from './config.ts'
import type { HeadendServer, ServerHooks } from './headend-server.ts'
import { modules } from './modules.ts'
import { createServer } from './server.ts'

/**
 * Takes what players report of streams and files that are served elsewhere; API, metrics and console are there as well. Takes the same settings as
 * `createServer` and rejects as it does.
 */
export async function createLogServer(settings: SettingsInput = {}, hooks: ServerHooks = {}): Promise<HeadendServer> {
  const server = await createServer(logSettings(settings), hooks)
  const reload = server.reload.bind(server)
  return Object.assign(server, { reload: (next: SettingsInput) => reload(logSettings(next)) })
}

/** The pages stay: the console is one of them. */
const KEPT: ReadonlySet<string> = new Set(['audience', 'web'])

/** The settings with everything off that takes no reports and shows none. */
function logSettings(settings: SettingsInput): SettingsInput {
  const off = modules.filter(({ name }) => !KEPT.has(name)).map(({ name }) => [name, false] as const)
  return { ...settings, ...Object.fromEntries(off), testChannel: false }
}
