/** The player and the encoder as library calls, with the protocol clients of this package. */
import { ConfigError } from '../errors.ts'
import type { Logger, Protocol } from '../protocols/protocol.ts'
import type { PushOptions as EncoderOptions, PushReport } from '../services/encoder/push.ts'
import type { PlayOptions as PlayerOptions, PlayResult } from '../services/player/play.ts'
import { protocols } from './modules.ts'

/** What `play` does. */
export interface PlayOptions extends Omit<PlayerOptions, 'client' | 'findClient'> {
  /**
   * Accept certificates that nobody vouches for, over RTMPS. Over HTTPS and WSS the process decides, by Node's own
   * NODE_TLS_REJECT_UNAUTHORIZED.
   */
  readonly insecureTls?: boolean
}

/** What `push` does. */
export type PushOptions = Omit<EncoderOptions, 'push' | 'log'>

/**
 * Opens any address the server offers, checks and measures it, and writes it where `output` says. Resolves when the stream ends, the
 * duration is over or the signal aborts. Throws ConfigError ERR_PLAY_URL and what the source throws.
 */
export async function play(options: PlayOptions): Promise<PlayResult> {
  const { play: start } = await import('../services/player/play.ts')
  const { insecureTls = false, ...rest } = options
  return start({ ...rest, client: { log: SILENT, insecureTls }, findClient: (scheme) => clientFor(scheme)?.pull })
}

/**
 * Publishes an input to a server in real time; comes back when the connection breaks. Resolves at the end of the input or when the
 * signal aborts. Throws ConfigError ERR_PUSH_URL, and what the server refused with.
 */
export async function push(options: PushOptions): Promise<PushReport> {
  const scheme = URL.canParse(options.url) ? new URL(options.url).protocol.slice(0, -1) : ''
  const client = clientFor(scheme)?.push
  if (client === undefined) {
    const known = protocols.flatMap((protocol) => (protocol.push === undefined ? [] : (protocol.schemes ?? [])))
    const wanted = known.map((one) => `${one}://`).join(' or ')
    throw new ConfigError(
      'ERR_PUSH_URL',
      `expected an address that begins with ${wanted}, found ${JSON.stringify(options.url.split('?')[0])}`,
    )
  }
  const { push: start } = await import('../services/encoder/push.ts')
  return start({ ...options, push: client, log: SILENT })
}

function clientFor(scheme: string): Protocol<unknown> | undefined {
  return protocols.find((protocol) => protocol.schemes?.includes(scheme))
}

/** What a client would log is in its report and its errors. */
const SILENT: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  counted: () => undefined,
  child: () => SILENT,
}
