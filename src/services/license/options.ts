/** Settings of the licence server. */
import { z } from 'zod'

export const licenseOptions = z.strictObject({
  insecure: z
    .boolean()
    .default(false)
    .describe(
      'Give keys over plain HTTP to any address. Without it they go over TLS (also that of a proxy in `http.trustedProxies`), and in the clear only to this machine and to private networks.',
    ),
  perAddress: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(600)
    .describe('Requests a minute from one address (of IPv6: one /64 network).'),
  perToken: z
    .int()
    .min(1)
    .max(10_000_000)
    .default(6_000)
    .describe('Requests a minute with one token or key, from all addresses together.'),
})

export type LicenseOptions = z.infer<typeof licenseOptions>
