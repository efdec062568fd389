/** What DASH opens when the first request comes: packagers, viewers and routes. */
import type { LoadedRoutes } from '../../net/http/lazy.ts'
import { presentationsOf } from '../../packaging/on-demand/presentations.ts'
import { packagersOf } from '../../packaging/packagers.ts'
import { packagingSettingsOf } from '../../packaging/packaging-settings.ts'
import { PlayAccess } from '../../packaging/play-access.ts'
import { Viewers } from '../../packaging/viewers.ts'
import type { ServerContext } from '../protocol.ts'
import { OnDemandDashRoutes } from './on-demand-routes.ts'
import type { DashOptions } from './options.ts'
import { DashRoutes } from './routes.ts'

export function serveDash(context: ServerContext): LoadedRoutes<DashOptions> {
  const packagers = packagersOf(context.hub)
  packagers.transcoder = context.transcoder
  const { library, mediaFiles, transcoder, keys, protection, log } = context
  const onNote = (note: string) => log.info({}, note)
  const presentations = presentationsOf({ library, mediaFiles, transcoder, keys, protection, onNote })
  // HLS, which has the settings, may not have been asked yet.
  presentations.configure(packagingSettingsOf(context.hub).onDemand)
  const releases = [packagers.retain(), presentations.retain()]
  const viewers = new Viewers({ sessions: context.sessions, protocol: 'dash' })
  const access = new PlayAccess(context.authorize, 'dash')
  const routes = new DashRoutes({ packagers, access, viewers })
  const onDemand = new OnDemandDashRoutes({ presentations, access, viewers })
  const removeHot = [
    context.http.hot((target) => packagers.hot.find(target)),
    context.http.hot((target) => presentations.hot.find(target)),
  ]
  return {
    handle: async (request, response) => (await routes.handle(request, response)) || onDemand.handle(request, response),
    close: async () => {
      for (const remove of removeHot) remove()
      viewers.close()
      for (const release of releases) release()
    },
  }
}
