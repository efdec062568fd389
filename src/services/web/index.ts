/** The web pages: home with the live channels, the library, a watch page for each stream and film, and the console's audience. */
import { z } from 'zod'
import { parseTarget } from '../../net/http/request-target.ts'
import type { HotAnswer } from '../../net/http/routes.ts'
import type { Protocol } from '../../protocols/protocol.ts'
import { openWebAssets, type WebAssets } from './assets.ts'

const webOptions = z.strictObject({})

export type WebOptions = z.infer<typeof webOptions>

const ASSETS = '/assets/'
const WATCH = '/watch/'
/** The console begins with its only page. */
const AUDIENCE: ReadonlySet<string> = new Set(['/console', '/console/audience'])

export const web: Protocol<WebOptions> = {
  name: 'web',
  options: webOptions,
  serve({ http }) {
    let assets: WebAssets | undefined
    const remove = http.hot((target): HotAnswer | undefined => {
      // Asked for every request of the server: the common ones leave after a few comparisons.
      if (target !== '/' && !/^\/(?:\?|assets\/|watch\/|library(?:[/?]|$)|console(?:\/audience)?(?:\?|$))/.test(target))
        return undefined
      assets ??= openWebAssets()
      const [path = ''] = target.split('?')
      if (path === '/') return assets.page('index.html')
      if (path.startsWith(ASSETS)) return assets.asset(path.slice(ASSETS.length))
      if (!isPath(target)) return undefined
      if (AUDIENCE.has(path)) return assets.page('audience.html')
      if (path.startsWith(WATCH) && path.length > WATCH.length) return assets.page('watch.html')
      return path === '/library' || path.startsWith('/library/') ? assets.page('library.html') : undefined
    })
    return Promise.resolve({
      ports: {},
      close() {
        remove()
        return Promise.resolve()
      },
    })
  },
}

/** Names of the library may have any character; what no path can be is answered by the router, with the reason. */
function isPath(target: string): boolean {
  try {
    parseTarget(target)
    return true
  } catch {
    return false
  }
}
