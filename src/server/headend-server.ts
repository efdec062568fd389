/** What a program sees of a running server. */
import type { Publisher } from '../live/publisher.ts'
import type { Sessions } from '../live/sessions.ts'
import type { Stream } from '../live/stream.ts'
import type { Closable } from '../protocols/protocol.ts'
import type { SettingsInput } from './config.ts'
import type { ServerEventName, ServerListener } from './events.ts'
import type { Secrets } from './secrets.ts'
import type { Settings } from './settings.ts'

/** Beside the settings: what only a program can give. */
export interface ServerHooks {
  /** Takes log lines, newline included. Default: stderr. */
  readonly writeLog?: (line: string) => void
  /** Whether log lines go to a terminal; decides `log.format: auto`. Default: whether stderr is one. */
  readonly terminal?: boolean
}

/** A running server. */
export interface HeadendServer extends Closable {
  /** What listens where, by protocol: `{ http: 8080, rtmp: 1935 }`. */
  readonly ports: Readonly<Record<string, number>>
  /** Addresses for people and programs: `{ home, api, http, rtmp … }`. */
  readonly urls: Readonly<Record<string, string>>
  /** The keys in force. Show them to nobody who may not use them. */
  readonly secrets: Secrets
  /** File that holds the generated secrets, and whether this start made it. */
  readonly secretsFile: { readonly path: string; readonly created: boolean }
  /** Everything listens and nothing is shutting down. */
  readonly ready: boolean
  /** Live and waiting streams. */
  readonly streams: readonly Stream[]
  /** Publishers and viewers. */
  readonly sessions: Sessions
  /** Settings in force. */
  readonly settings: Settings
  /** Publishes from inside this process; close the publisher when done. Throws as `Hub.publish` does. */
  publish(path: string): Publisher
  /** Listens to an event; returns a function that stops listening. A listener that throws is logged. */
  on<Name extends ServerEventName>(name: Name, listener: ServerListener<Name>): () => void
  /**
   * Puts other settings in force. A module whose options changed is closed and served again, all others keep every viewer. Resolves
   * with what changed, in words. Throws ConfigError and changes nothing when the settings are wrong.
   */
  reload(settings: SettingsInput): Promise<readonly string[]>
  /** Logs and counts a fault that no session owned; for a process's last-resort handlers. */
  report(error: unknown, origin: string): void
  /** Ends all sessions politely, cuts what is left after `drainMs`, and resolves when all is closed. */
  close(): Promise<void>
}
