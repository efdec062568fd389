/** What DASH opens when the first request comes: packagers, viewers and routes. */
import type { LoadedRoutes } from '../../net/http/lazy.ts'
import { packagersOf } from '../../packaging/packagers.ts'
import { PlayAccess } from '../../packaging/play-access.ts'
import { Viewers } from '../../packaging/viewers.ts'
import type { ServerContext } from '../protocol.ts'
import type { DashOptions } from './options.ts'
import { DashRoutes } from './routes.ts'

export function serveDash(context: ServerContext): LoadedRoutes<DashOptions> {
  const packagers = packagersOf(context.hub)
  const release = packagers.retain()
  const viewers = new Viewers({ sessions: context.sessions, protocol: 'dash' })
  const access = new PlayAccess(context.authorize, 'dash')
  const routes = new DashRoutes({ packagers, access, viewers })
  const removeHot = context.http.hot((target) => packagers.hot.find(target))
  return {
    handle: (request, response) => routes.handle(request, response),
    close: async () => {
      removeHot()
      viewers.close()
      release()
    },
  }
}
