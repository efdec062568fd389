/** Where a running server is reached. */
import { isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'

/** By name: `home`, `api`, `metrics`, and one per port: `http`, `rtmp` … */
export function urlsOf(host: string, ports: Readonly<Record<string, number>>): Readonly<Record<string, string>> {
  const name = urlHost(reachableHost(host))
  const urls: Record<string, string> = {}
  for (const [scheme, port] of Object.entries(ports)) urls[scheme] = `${scheme}://${name}:${port}`
  const base = urls['http']
  if (base !== undefined) {
    urls['home'] = `${base}/`
    urls['api'] = `${base}/api/v1`
    urls['docs'] = `${base}/api/docs`
    urls['metrics'] = `${base}/metrics`
  }
  return urls
}

/** Addresses by which other machines reach a server on `host`: all of this machine's IPv4 addresses, or the one it listens on. */
export function lanHosts(host: string): readonly string[] {
  if (host !== '0.0.0.0' && host !== '::') return []
  const hosts: string[] = []
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { address, family, internal } of addresses ?? []) if (family === 'IPv4' && !internal) hosts.push(address)
  }
  return hosts
}

/** An address to connect to, for one to listen on. */
function reachableHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  return host === '::' ? '::1' : host
}

function urlHost(host: string): string {
  return isIPv6(host) ? `[${host}]` : host
}
