/** What HLS opens when the first request comes: packagers, viewers and routes. */
import type { LoadedRoutes } from '../../net/http/lazy.ts'
import { presentationsOf } from '../../packaging/on-demand/presentations.ts'
import { packagersOf } from '../../packaging/packagers.ts'
import { PlayAccess } from '../../packaging/play-access.ts'
import { Viewers } from '../../packaging/viewers.ts'
import type { ServerContext } from '../protocol.ts'
import { OnDemandHlsRoutes } from './on-demand-routes.ts'
import { type HlsOptions, packagingSettings } from './options.ts'
import { HlsRoutes } from './routes.ts'

/** Streams that are packaged already keep what they began with when the options change. */
export function serveHls(context: ServerContext, options: HlsOptions): LoadedRoutes<HlsOptions> {
  const packagers = packagersOf(context.hub)
  packagers.transcoder = context.transcoder
  const { library, mediaFiles, transcoder, keys, protection, log } = context
  const onNote = (note: string) => log.info({}, note)
  const presentations = presentationsOf({ library, mediaFiles, transcoder, keys, protection, onNote })
  const update = (next: HlsOptions) => {
    const { live, onDemand } = packagingSettings(next)
    packagers.configure(live)
    presentations.configure(onDemand)
  }
  update(options)
  const releases = [packagers.retain(), presentations.retain()]
  const viewers = new Viewers({ sessions: context.sessions, protocol: 'hls' })
  const access = new PlayAccess(context.authorize, 'hls')
  const routes = new HlsRoutes({ packagers, access, viewers })
  const onDemand = new OnDemandHlsRoutes({ presentations, access, viewers })
  const removeHot = [
    context.http.hot((target) => packagers.hot.find(target)),
    context.http.hot((target) => presentations.hot.find(target)),
  ]
  return {
    handle: async (request, response) => (await routes.handle(request, response)) || onDemand.handle(request, response),
    update,
    close: async () => {
      for (const remove of removeHot) remove()
      viewers.close()
      for (const release of releases) release()
    },
  }
}
