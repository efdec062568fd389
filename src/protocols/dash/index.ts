/** DASH and low-latency DASH from the segments that HLS has too. README.md has the URLs, the specification and what players do. */
import { serveLazily } from '../../net/http/lazy.ts'
import type { Protocol } from '../protocol.ts'
import { type DashOptions, dashOptions } from './options.ts'

export const dash: Protocol<DashOptions> = {
  name: 'dash',
  options: dashOptions,
  serve: async (context, options) => {
    const load = async () => (await import('./serve.ts')).serveDash(context)
    return serveLazily(context.http, { matches: /\.(?:mpd|m4s|mp4|vtt)$|\/time$/, load }, options)
  },
}
