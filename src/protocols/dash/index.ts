/** DASH and low-latency DASH from the segments that HLS has too. README.md has the URLs, the specification and what players do. */
import { PlayAccess } from '../../packaging/play-access.ts'
import { packagersOf } from '../../packaging/packagers.ts'
import { Viewers } from '../../packaging/viewers.ts'
import type { Listening, Protocol, ServerContext } from '../protocol.ts'
import { type DashOptions, dashOptions } from './options.ts'
import { DashRoutes } from './routes.ts'

export const dash: Protocol<DashOptions> = {
  name: 'dash',
  options: dashOptions,
  serve: serveDash,
}

async function serveDash(context: ServerContext): Promise<Listening> {
  const packagers = packagersOf(context.hub)
  const release = packagers.retain()
  const viewers = new Viewers({ sessions: context.sessions, protocol: 'dash' })
  const access = new PlayAccess(context.authorize, 'dash')
  const routes = new DashRoutes({ packagers, access, viewers })
  const removeRoute = context.http.route((request, response) => routes.handle(request, response))
  const removeHot = context.http.hot((target) => packagers.hot.find(target))
  return {
    ports: {},
    close: async () => {
      removeRoute()
      removeHot()
      viewers.close()
      release()
    },
  }
}
