/** What HLS opens when the first request comes: packagers, viewers and routes. */
import type { LoadedRoutes } from '../../net/http/lazy.ts'
import { packagersOf } from '../../packaging/packagers.ts'
import { PlayAccess } from '../../packaging/play-access.ts'
import { Viewers } from '../../packaging/viewers.ts'
import type { ServerContext } from '../protocol.ts'
import type { HlsOptions } from './options.ts'
import { HlsRoutes } from './routes.ts'

/** Streams that are packaged already keep what they began with when the options change. */
export function serveHls(context: ServerContext, options: HlsOptions): LoadedRoutes<HlsOptions> {
  const packagers = packagersOf(context.hub)
  const update = ({ maxMegabytes, ...packaging }: HlsOptions) => {
    packagers.configure({ ...packaging, maxBytes: maxMegabytes * 1024 * 1024 })
  }
  update(options)
  const release = packagers.retain()
  const viewers = new Viewers({ sessions: context.sessions, protocol: 'hls' })
  const access = new PlayAccess(context.authorize, 'hls')
  const routes = new HlsRoutes({ packagers, access, viewers })
  const removeHot = context.http.hot((target) => packagers.hot.find(target))
  return {
    handle: (request, response) => routes.handle(request, response),
    update,
    close: async () => {
      removeHot()
      viewers.close()
      release()
    },
  }
}
