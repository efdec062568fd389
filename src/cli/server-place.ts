/** The options that say which server a command works with: its data folder, or its address. */
import type { Command } from 'commander'
import { ConfigError, type ServerPlace } from '../index.ts'

export interface PlaceFlags {
  readonly data: string
  readonly server?: string
  readonly token?: string
}

export function withPlace(command: Command): Command {
  return command
    .option('--data <folder>', 'data folder of the server', process.env['HEADEND_DATA'] ?? './data')
    .option('--server <url>', 'ask the server at this address instead: http://HOST:8080')
    .option('--token <token>', 'adminToken of that server (default: the variable HEADEND_TOKEN)')
}

/** Throws ConfigError ERR_USAGE. */
export function placeOf({ data, server, token = process.env['HEADEND_TOKEN'] }: PlaceFlags): ServerPlace {
  if (server === undefined) return { data }
  checkBase(server, '--server')
  if (token === undefined) {
    throw new ConfigError('ERR_USAGE', 'expected --token or HEADEND_TOKEN with --server, found neither')
  }
  return { server, token }
}

export interface Base {
  /** Without a slash at the end. */
  readonly http: string
  readonly authority: string
  readonly host: string
}

/** Throws ConfigError ERR_USAGE. */
export function checkBase(text: string, flag: string): Base {
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new ConfigError('ERR_USAGE', `expected ${flag} with an address like http://HOST:8080`)
  }
  return { http: url.origin, authority: url.host, host: url.hostname }
}
