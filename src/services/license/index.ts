/** The licence server: content keys for who may play what they are for (Clear Key, AES-128 of HLS). */
import { serveLazily } from '../../net/http/lazy.ts'
import type { Protocol } from '../../protocols/protocol.ts'
import { type LicenseOptions, licenseOptions } from './options.ts'

export const license: Protocol<LicenseOptions> = {
  name: 'license',
  options: licenseOptions,
  serve: async (context, options) => {
    const { keys, authorize, protection, log, http } = context
    if (keys === undefined) return { ports: {}, close: () => Promise.resolve() }
    const load = async (current: LicenseOptions) => {
      const { LicenseRoutes } = await import('./routes.ts')
      const routes = new LicenseRoutes({ keys, authorize, protection, log }, current)
      return {
        handle: routes.handle.bind(routes),
        update: (next: LicenseOptions) => routes.update(next),
        close: () => Promise.resolve(),
      }
    }
    return serveLazily(http, { matches: /^\/(?:license\/(?:clearkey|status)|key\/aes128\/[^/]+)$/, load }, options)
  },
}
