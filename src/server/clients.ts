/** The player and the encoder as library calls, with the protocol clients of this package. */
import { ConfigError } from '../errors.ts'
import { EMPTY_LIBRARY } from '../library/library.ts'
import { MediaFiles } from '../library/media-files.ts'
import { type Protocol, type ServerContext, SILENT_LOGGER } from '../protocols/protocol.ts'
import { windowsMedia } from '../protocols/windows-media/index.ts'
import type { PushOptions as EncoderOptions, PushReport, ServeStream } from '../services/encoder/push.ts'
import type { PlayOptions as PlayerOptions, PlayResult } from '../services/player/play.ts'
import type { ProbeOptions, ProbeResult } from '../services/probe/probe.ts'
import { listenError } from './listen-error.ts'
import { protocols } from './modules.ts'

/** What `play` does. */
export interface PlayOptions extends Omit<PlayerOptions, 'client' | 'findClient'> {
  /**
   * Accept certificates that nobody vouches for, over RTMPS. Over HTTPS and WSS the process decides, by Node's own
   * NODE_TLS_REJECT_UNAUTHORIZED.
   */
  readonly insecureTls?: boolean
}

/**
 * Opens a file of any container that is read, and says what is in it. Throws FormatError ERR_MEDIA_UNKNOWN_FORMAT for any other, and
 * UnavailableError where it cannot be opened.
 */
export async function probe(options: ProbeOptions): Promise<ProbeResult> {
  const service = await import('../services/probe/probe.ts')
  return service.probe(options)
}

/** What `push` does: publishes to `url`, or with `serve` offers the stream on a port instead. */
export interface PushOptions extends Omit<EncoderOptions, 'push' | 'log' | 'serve' | 'target' | 'provideAsf'> {
  /** Port (0 picks one) and address to listen on; default all addresses. Windows Media servers and players fetch any path of it. */
  readonly serve?: { readonly port: number; readonly host?: string }
}

/**
 * Opens any address the server offers, checks and measures it, and writes it where `output` says. Resolves when the stream ends, the
 * duration is over or the signal aborts. Throws ConfigError ERR_PLAY_URL and what the source throws.
 */
export async function play(options: PlayOptions): Promise<PlayResult> {
  const { play: start } = await import('../services/player/play.ts')
  const { asfUnits } = await import('../protocols/windows-media/asf-units.ts')
  const { insecureTls = false, ...rest } = options
  return start({
    ...rest,
    client: { log: SILENT_LOGGER, insecureTls, asfUnits },
    findClient: (scheme) => clientFor(scheme)?.pull,
  })
}

/**
 * Publishes an input to a server in real time, and comes back when the connection breaks; or offers it to those who fetch it. Resolves at
 * the end of the input or when the signal aborts. Throws ConfigError ERR_PUSH_URL, and what the server refused with.
 */
export async function push(options: PushOptions): Promise<PushReport> {
  const { serve, url, ...rest } = options
  const protocol = clientFor(url !== undefined && URL.canParse(url) ? new URL(url).protocol.slice(0, -1) : '')
  const client = protocol?.push
  if (serve === undefined ? client === undefined : url !== undefined) {
    const known = protocols.flatMap(({ push, schemes = [] }) => (push === undefined ? [] : schemes))
    const wanted = known.map((one) => `${one}://`).join(' or ')
    const found = `${JSON.stringify(url?.split('?')[0] ?? '')}${serve === undefined ? '' : ' and a port'}`
    throw new ConfigError(
      'ERR_PUSH_URL',
      `expected an address that begins with ${wanted}, or a port to serve on, found ${found}`,
    )
  }
  const [{ push: start }, { asfUnits, NativeAsfUnits }] = await Promise.all([
    import('../services/encoder/push.ts'),
    import('../protocols/windows-media/asf-units.ts'),
  ])
  return start({
    ...rest,
    log: SILENT_LOGGER,
    target: serve !== undefined || protocol === windowsMedia ? 'asf' : 'flv',
    provideAsf: (publisher) => new NativeAsfUnits(publisher.provide(asfUnits)),
    ...(client === undefined || url === undefined ? {} : { url, push: client }),
    ...(serve === undefined ? {} : { serve: { host: ANY_ADDRESS, ...serve, open: serveStream } }),
  })
}

function clientFor(scheme: string): Protocol<unknown> | undefined {
  return protocols.find((protocol) => protocol.schemes?.includes(scheme))
}

/** Where `serve` listens unless told otherwise: servers that fetch from an encoder are other machines. */
const ANY_ADDRESS = '0.0.0.0'

/** What those who fetch have to read the end of a stream, milliseconds. */
const DRAIN_MS = 2000

/** A front of its own with nothing on it but the Windows Media server, as an encoder that is fetched from. */
const serveStream: ServeStream = async ({ hub, path, host, port, log }) => {
  const [{ openHttpFront }, { createWmspServer }, { Sessions }, { windowsMediaOptions }] = await Promise.all([
    import('../net/http/listener.ts'),
    import('../protocols/windows-media/wmsp/server.ts'),
    import('../live/sessions.ts'),
    import('../protocols/windows-media/options.ts'),
  ])
  const front = await openHttpFront({ host, port, log }).catch((error: unknown) => {
    throw listenError(error, 'serve', port)
  })
  const sessions = new Sessions()
  const idle = Promise.withResolvers<void>()
  let closing = false
  sessions.observe({
    open: () => undefined,
    close: () => {
      if (closing && sessions.size === 0) idle.resolve()
    },
  })
  const context: ServerContext = {
    hub,
    sessions,
    authorize: () => Promise.resolve(),
    http: front.routes,
    library: EMPTY_LIBRARY,
    mediaFiles: new MediaFiles(EMPTY_LIBRARY),
    keys: undefined,
    protection: () => undefined,
    transcoder: undefined,
    playlist: () => undefined,
    onPlayLog: () => undefined,
    reports: undefined,
    data: undefined,
    log,
    host,
    tls: undefined,
  }
  const server = createWmspServer(context, { ...windowsMediaOptions.parse({}), product: 'Rex', path })
  const remove = front.routes.claim(server.claim)
  return {
    port: front.port,
    async close() {
      remove()
      closing = true
      // Who is told the end of the stream in its own time takes it for what it is.
      const late = setTimeout(idle.resolve, DRAIN_MS)
      if (sessions.size > 0) await idle.promise
      clearTimeout(late)
      await server.close()
      await front.close()
    },
  }
}
