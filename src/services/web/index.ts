/** The web pages: home with the live channels, and a watch page for each stream. */
import { z } from 'zod'
import type { HotAnswer } from '../../net/http/routes.ts'
import type { Protocol } from '../../protocols/protocol.ts'
import { openWebAssets, type WebAssets } from './assets.ts'

const webOptions = z.strictObject({})

export type WebOptions = z.infer<typeof webOptions>

const ASSETS = '/assets/'
const WATCH = '/watch/'

export const web: Protocol<WebOptions> = {
  name: 'web',
  options: webOptions,
  serve({ http }) {
    let assets: WebAssets | undefined
    const remove = http.hot((target): HotAnswer | undefined => {
      // Asked for every request of the server: the common ones leave after one comparison.
      if (target !== '/' && !target.startsWith(ASSETS) && !target.startsWith(WATCH) && !target.startsWith('/?'))
        return undefined
      assets ??= openWebAssets()
      const [path = ''] = target.split('?')
      if (path === '/') return assets.page('index.html')
      if (path.startsWith(ASSETS)) return assets.asset(path.slice(ASSETS.length))
      return /^\/watch\/[A-Za-z0-9_./-]+$/.test(path) ? assets.page('watch.html') : undefined
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
