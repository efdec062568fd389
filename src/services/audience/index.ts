/** The log server: what players report, from Windows Media logs to Common Media Client Data, and what the server knows of them. */
import { serveLazily } from '../../net/http/lazy.ts'
import type { Protocol } from '../../protocols/protocol.ts'
import { AddressLimit } from './collectors/address-limit.ts'
import { RequestQueue } from './collectors/request-queue.ts'
import { type AudienceOptions, audienceOptions } from './options.ts'

export const audience: Protocol<AudienceOptions> = {
  name: 'audience',
  options: audienceOptions,
  serve({ http, reports, log }, options) {
    if (reports === undefined) return Promise.resolve({ ports: {}, close: () => Promise.resolve() })
    let current = options
    const limit = new AddressLimit(() => current.perAddress)
    const doors = serveLazily(
      http,
      {
        matches: /^\/logs\/(?:cmcd|wms)$/,
        async load() {
          const [{ CMCD_PATH, CmcdDoor }, { LogRoutes }] = await Promise.all([
            import('./collectors/cmcd-door.ts'),
            import('./collectors/log-routes.ts'),
          ])
          const door = new CmcdDoor({ reports, limit, log })
          const routes = new LogRoutes({ reports, limit, log }, door)
          const removePosts = http.smallPost((target) => (target === CMCD_PATH ? door.takePost : undefined))
          return {
            handle: routes.handle.bind(routes),
            close() {
              removePosts()
              return Promise.resolve()
            },
          }
        },
      },
      options,
    )
    const queue = new RequestQueue({
      enabled: () => current.requests,
      async load() {
        const { tellRequest } = await import('./collectors/request-reports.ts')
        return (received) => tellRequest(received, { reports, limit, log })
      },
      onDropped: (dropped) => log.counted('ERR_AUDIENCE_DROPPED', { dropped }, 'client data of requests is left out'),
    })
    const remove = http.observe(queue.observe)
    return Promise.resolve({
      ports: {},
      update(next) {
        current = next
        return true
      },
      async close() {
        remove()
        await doors.close()
      },
    })
  },
}
