/** Whether an address is of this machine or of a private network (RFC 1918, 3927, 4193, 4291), where no TLS is asked for. */
import { BlockList, isIP } from 'node:net'

const list = new BlockList()
for (const [network, bits] of [
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['169.254.0.0', 16],
] as const) {
  list.addSubnet(network, bits, 'ipv4')
}
list.addAddress('::1', 'ipv6')
list.addSubnet('fc00::', 7, 'ipv6')
list.addSubnet('fe80::', 10, 'ipv6')

export function isPrivateAddress(address: string): boolean {
  const family = isIP(address)
  return family !== 0 && list.check(address, family === 4 ? 'ipv4' : 'ipv6')
}
