/** HLS and low-latency HLS from shared CMAF segments. README.md has the URLs, the specification and what players do. */

import { packagersOf } from '../../packaging/packagers.ts'
import { PlayAccess } from '../../packaging/play-access.ts'
import { Viewers } from '../../packaging/viewers.ts'
import type { Listening, Protocol, ServerContext } from '../protocol.ts'
import { type HlsOptions, hlsOptions } from './options.ts'
import { HlsRoutes } from './routes.ts'

export const hls: Protocol<HlsOptions> = {
  name: 'hls',
  options: hlsOptions,
  serve: serveHls,
}

async function serveHls(context: ServerContext, options: HlsOptions): Promise<Listening<HlsOptions>> {
  const packagers = packagersOf(context.hub)
  const update = ({ maxMegabytes, ...packaging }: HlsOptions): boolean => {
    packagers.configure({ ...packaging, maxBytes: maxMegabytes * 1024 * 1024 })
    return true
  }
  update(options)
  const release = packagers.retain()
  const viewers = new Viewers({ sessions: context.sessions, protocol: 'hls' })
  const access = new PlayAccess(context.authorize, 'hls')
  const routes = new HlsRoutes({ packagers, access, viewers })
  const removeRoute = context.http.route((request, response) => routes.handle(request, response))
  const removeHot = context.http.hot((target) => packagers.hot.find(target))
  return {
    ports: {},
    // Streams that are packaged already keep what they began with.
    update,
    close: async () => {
      removeRoute()
      removeHot()
      viewers.close()
      release()
    },
  }
}
