/** Whose request is it? The socket's address, or what a trusted proxy says in `X-Forwarded-For`. */
import { BlockList, isIP } from 'node:net'
import { ConfigError } from '../../errors.ts'

/** Entries of `X-Forwarded-For` that are looked at, from the last. */
const MAX_HOPS = 16

/** IPv4 in its own form also on a dual-stack socket; `undefined` (socket gone) becomes `unknown`. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return 'unknown'
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}

/** What connections are counted by: an IPv4 address, or the /64 network of an IPv6 address, which is one customer. */
export function addressGroup(address: string): string {
  if (!address.includes(':') || address === '::1') return address
  const [head = '', tail] = address.split('::')
  const groups = head.split(':')
  if (tail !== undefined) while (groups.length < 4) groups.push('0')
  return `${groups.slice(0, 4).join(':')}::/64`
}

/** The proxies whose word is believed: addresses and CIDR networks. */
export class TrustedProxies {
  readonly #list = new BlockList()
  readonly #empty: boolean

  /** Throws ConfigError ERR_CONFIG_TRUSTED_PROXY. */
  constructor(entries: readonly string[] = []) {
    this.#empty = entries.length === 0
    for (const entry of entries) {
      const [address = '', prefix] = entry.split('/')
      const family = isIP(address)
      const bits = prefix === undefined ? undefined : Number(prefix)
      const valid = bits === undefined || (/^\d{1,3}$/.test(prefix ?? '') && bits <= (family === 4 ? 32 : 128))
      if (family === 0 || !valid) {
        throw new ConfigError(
          'ERR_CONFIG_TRUSTED_PROXY',
          `expected an address or a network like 10.0.0.0/8, found ${entry}`,
        )
      }
      const type = family === 4 ? 'ipv4' : 'ipv6'
      if (bits === undefined) this.#list.addAddress(address, type)
      else this.#list.addSubnet(address, bits, type)
    }
  }

  trusts(address: string): boolean {
    if (this.#empty) return false
    const family = isIP(address)
    return family !== 0 && this.#list.check(address, family === 4 ? 'ipv4' : 'ipv6')
  }

  /** The last address in the chain that no trusted proxy vouches to be another proxy. */
  clientOf(socketAddress: string, forwardedFor: string | undefined): string {
    if (forwardedFor === undefined || !this.trusts(socketAddress)) return socketAddress
    let client = socketAddress
    for (const entry of forwardedFor.split(',').slice(-MAX_HOPS).reverse()) {
      const address = plainAddress(entry.trim())
      if (isIP(address) === 0) break
      client = address
      if (!this.trusts(address)) break
    }
    return client
  }
}
