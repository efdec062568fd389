/** Which `Host` may ask for the API: a foreign page that points its own name at this machine (DNS rebinding) may not. */
import { isIP } from 'node:net'
import { hostname } from 'node:os'

/** Paths that do more than public pages and media. */
const GUARDED = /^\/(?:api|metrics|console)(?:\/|$)/

/** The check for `openHttpFront`; `names` are allowed beside addresses, localhost and the name of this machine. */
export function hostCheck(names: readonly string[]): (host: string, path: string) => boolean {
  const allowed = new Set(['localhost', hostname(), ...names].map((name) => name.toLowerCase()))
  return (host, path) => !GUARDED.test(path) || isKnownHost(host, allowed)
}

/** `example.com:8080`, `[::1]:80`, `127.0.0.1`. */
function isKnownHost(host: string, allowed: ReadonlySet<string>): boolean {
  const name = /^\[.*\]/.exec(host)?.[0].slice(1, -1) ?? host.replace(/:\d*$/, '')
  const plain = name.toLowerCase().replace(/\.$/, '')
  return isIP(plain) !== 0 || allowed.has(plain)
}
