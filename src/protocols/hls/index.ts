/** HLS and low-latency HLS from shared CMAF segments. README.md has the URLs, the specification and what players do. */
import { serveLazily } from '../../net/http/lazy.ts'
import { keepPackagingSettings } from '../../packaging/packaging-settings.ts'
import type { Protocol } from '../protocol.ts'
import { type HlsOptions, hlsOptions, packagingSettings } from './options.ts'

export const hls: Protocol<HlsOptions> = {
  name: 'hls',
  options: hlsOptions,
  serve: async (context, options) => {
    const load = async (current: HlsOptions) => (await import('./serve.ts')).serveHls(context, current)
    keepPackagingSettings(context.hub, packagingSettings(options))
    const listening = serveLazily(context.http, { matches: /\.(?:m3u8|m4s|mp4|vtt)$/, load }, options)
    return {
      ...listening,
      update(next) {
        keepPackagingSettings(context.hub, packagingSettings(next))
        return listening.update?.(next) ?? false
      },
    }
  },
}
