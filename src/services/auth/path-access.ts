/** What is asked of peers on one path, and the rules by address, which come first. */
import { BlockList, isIP } from 'node:net'
import { ConfigError } from '../../errors.ts'
import type { PathUser } from './users.ts'

export interface PathAccess {
  readonly play: 'open' | 'key' | 'token' | 'webhook'
  /** Default: key. */
  readonly publish?: 'key' | 'token' | 'webhook' | undefined
  /** Instead of the server's. */
  readonly publishKey?: string | undefined
  readonly playKey?: string | undefined
  /** People with passwords of their own, by name. */
  readonly users?: Readonly<Record<string, PathUser>> | undefined
  /** Addresses and networks: when there are any, only these. */
  readonly allow?: readonly string[] | undefined
  /** Never these. */
  readonly deny?: readonly string[] | undefined
}

/** The lists of the settings in force, by the list itself; a reload brings new lists. */
const compiled = new WeakMap<readonly string[], BlockList>()

/** Whether the rules let this address ask at all. */
export function opensForAddress({ allow, deny }: PathAccess, address: string): boolean {
  if (deny !== undefined && deny.length > 0 && holds(deny, address)) return false
  return allow === undefined || allow.length === 0 || holds(allow, address)
}

/** Whether everybody from everywhere may play. */
export function opensToAll({ play, allow = [], deny = [] }: PathAccess): boolean {
  return play === 'open' && allow.length === 0 && deny.length === 0
}

/** Throws ConfigError ERR_CONFIG_INVALID for what is neither an address nor a network. */
export function checkAddressRules(rules: readonly string[], place: string): void {
  try {
    listOf(rules)
  } catch (error) {
    throw new ConfigError(
      'ERR_CONFIG_INVALID',
      `${place}: ${error instanceof Error ? error.message : 'not understood'}`,
    )
  }
}

function holds(rules: readonly string[], address: string): boolean {
  const family = isIP(address)
  return family !== 0 && listOf(rules).check(address, family === 4 ? 'ipv4' : 'ipv6')
}

function listOf(rules: readonly string[]): BlockList {
  let list = compiled.get(rules)
  if (list === undefined) {
    list = new BlockList()
    for (const rule of rules) addRule(list, rule)
    compiled.set(rules, list)
  }
  return list
}

function addRule(list: BlockList, rule: string): void {
  const [address = '', prefix] = rule.split('/')
  const family = isIP(address)
  const bits = prefix === undefined ? (family === 4 ? 32 : 128) : Number(prefix)
  if (family === 0 || (prefix !== undefined && !/^\d{1,3}$/.test(prefix)) || bits > (family === 4 ? 32 : 128)) {
    throw new ConfigError('ERR_CONFIG_INVALID', `expected an address or a network like 10.0.0.0/8, found ${rule}`)
  }
  list.addSubnet(address, bits, family === 4 ? 'ipv4' : 'ipv6')
}
