/** HLS and low-latency HLS from shared CMAF segments. README.md has the URLs, the specification and what players do. */
import { serveLazily } from '../../net/http/lazy.ts'
import type { Protocol } from '../protocol.ts'
import { type HlsOptions, hlsOptions } from './options.ts'

export const hls: Protocol<HlsOptions> = {
  name: 'hls',
  options: hlsOptions,
  serve: async (context, options) => {
    const load = async (current: HlsOptions) => (await import('./serve.ts')).serveHls(context, current)
    return serveLazily(context.http, { matches: /\.(?:m3u8|m4s|mp4|vtt)$/, load }, options)
  },
}
