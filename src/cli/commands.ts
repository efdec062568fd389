/** The list of commands. A module is loaded when its command is named. */
import type { Command } from 'commander'

export interface CommandModule {
  /** Adds arguments, options and the action to the command. The action rejects with what failed. */
  configure(command: Command): void
}

export interface CommandEntry {
  readonly name: string
  /** One line for the list of commands. */
  readonly summary: string
  load(): Promise<CommandModule>
}

export const commands: readonly CommandEntry[] = [
  { name: 'serve', summary: 'run the media server', load: () => import('./serve.ts') },
  { name: 'push', summary: 'publish a file, device or pattern to a server', load: () => import('./push.ts') },
  { name: 'probe', summary: 'say what is in media files', load: () => import('./probe.ts') },
  { name: 'record', summary: 'list and cut what a server recorded', load: () => import('./record.ts') },
  { name: 'package', summary: 'cut and encrypt media files for any web server', load: () => import('./package.ts') },
  { name: 'token', summary: 'make a token and its links, or end one', load: () => import('./token.ts') },
  { name: 'keys', summary: 'content keys of a server as CPIX documents, in and out', load: () => import('./keys.ts') },
  { name: 'license', summary: 'run the licence server alone', load: () => import('./license.ts') },
  { name: 'logs', summary: 'run the log server alone, export, erase a session', load: () => import('./logs.ts') },
  { name: 'play', summary: 'open, check, measure and write a stream', load: () => import('./play.ts') },
]
