/** The player: opens any address the server offers, checks and measures it, and writes or pipes it. */
import { ConfigError } from '../../errors.ts'
import type { ContentKey } from '../../packaging/protection/segment-encryptor.ts'
import { playHttpAsf } from './asf-source.ts'
import { type OpenAddress, playAsx } from './asx-source.ts'
import { type ClientOptions, type PullClient, playByClient } from './client-source.ts'
import { playDash } from './dash-source.ts'
import { playHttpFlv, playWebSocketFlv } from './flv-source.ts'
import { playHls } from './hls-source.ts'
import { shown } from './http.ts'
import { Measurement, type PlayReport } from './measurement.ts'
import { Output, type OutputFormat } from './output.ts'
import { PlayKeys } from './play-keys.ts'
import { PlayReporter } from './reporting/play-reporter.ts'
import type { NativeSource, SourceContext } from './source.ts'

/** What to play, how long, and where to. */
export interface PlayOptions {
  readonly url: string
  /** Seconds after which playing ends; without it, with the stream. */
  readonly duration?: number
  /** Seconds into a file at which to begin; Windows Media only. */
  readonly start?: number
  /** Numbers of the streams wanted, of an ASF header; Windows Media only. Default: all, the best of those that exclude each other. */
  readonly streams?: readonly number[]
  /** File (`.mp4`, `.flv`, `.asf`, `.wmv`, `.wma`) or `-` for standard output. */
  readonly output?: string
  /** Overrides what the output's name says. */
  readonly format?: OutputFormat
  /** Content keys of HLS and DASH under Common Encryption. */
  readonly keys?: readonly ContentKey[]
  /** Address of a Clear Key licence server, which is asked for keys that are not given. */
  readonly license?: string
  /** Shown to the licence server. Default: the token or key in `url`, where both addresses are of one host. */
  readonly token?: string
  /** Address of a collector that is told how playing goes, http(s)://…/logs/cmcd; left out: nobody is told. */
  readonly report?: string
  /** Address of a web server that takes the logs of Windows Media players, http(s)://…/logs/wms; Windows Media only. */
  readonly logUrl?: string
  readonly signal?: AbortSignal
  /** Called about once a second. */
  readonly onProgress?: (report: PlayReport) => void
  readonly client: Omit<ClientOptions, 'startMs' | 'streams' | 'logUrl'>
  /** The protocol client for a URL scheme, where one exists. */
  readonly findClient: (scheme: string) => PullClient | undefined
}

/** The last report, and what was written. */
export interface PlayResult extends PlayReport {
  readonly files: readonly string[]
}

const PROGRESS_MS = 1000
/** Schemes whose clients can begin in the middle. */
const STARTING_SCHEMES = new Set(['mms', 'mmsh', 'rtmp', 'rtmps'])
/** Schemes whose clients can choose streams. */
const CHOOSING_SCHEMES = new Set(['mms', 'mmsh'])
/** Files with addresses of video and audio, or of either. */
const ASX_ENDINGS = new Set(['.asx', '.wvx', '.wax'])

/**
 * Resolves when the stream ends, the duration is over or the signal aborts; the report's `problems` tell whether the stream kept the
 * rules. Throws ConfigError ERR_PLAY_URL for an address that no player here can open or that cannot do what is asked of it, and what
 * the source throws.
 */
export async function play(options: PlayOptions): Promise<PlayResult> {
  const url = parseUrl(options.url)
  const stop = new AbortController()
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal])
  const measurement = new Measurement(shown(url))
  const collector = collectorOf(options)
  let reporter: PlayReporter | undefined
  const output = options.output === undefined ? undefined : new Output(options.output, options.format)
  const context: SourceContext = {
    signal,
    onProblem(problem) {
      measurement.addProblem(problem)
      reporter?.problem(problem.rule)
    },
    onBytes: (count) => measurement.addBytes(count),
    onDelay: (milliseconds) => measurement.addDelay(milliseconds),
    mark: (address, object) => reporter?.mark(address, object) ?? address,
    keys: playKeysOf(url, options, signal),
  }
  const source = openSource(url, context, options, output?.takesAsf === true)
  if (collector !== undefined) reporter = new PlayReporter({ collector, url, delay: () => measurement.delay })
  let how: Parameters<PlayReporter['end']>[0] = 'end'
  const limit = options.duration === undefined ? undefined : setTimeout(() => stop.abort(), options.duration * 1000)
  const progress = setInterval(() => options.onProgress?.(measurement.report()), PROGRESS_MS)
  try {
    for await (const result of source) {
      if (result.type === 'tracks') measurement.setTracks(result.tracks)
      else if (result.type === 'packet') {
        measurement.addPacket(result.packet)
        reporter?.add(result.packet)
      } else measurement.addDataPacket()
      await output?.write(result)
      if (signal.aborted) break
    }
    if (!signal.aborted) measurement.end()
  } catch (error) {
    how = { error }
    if (!signal.aborted) throw error
  } finally {
    clearTimeout(limit)
    clearInterval(progress)
    const reported = reporter?.end(signal.aborted ? 'quit' : how)
    stop.abort()
    await output?.end()
    await reported
  }
  return { ...measurement.report(), files: output?.files ?? [] }
}

/** `native`: whole ASF packets are wanted beside what is in them. */
function openSource(url: URL, context: SourceContext, options: PlayOptions, native: boolean): NativeSource {
  const { start, streams } = options
  const startMs = start === undefined ? undefined : Math.round(start * 1000)
  const isFile = kindOf(url) === 'http:.asx'
  const scheme = schemeOf(url)
  const found = `found ${JSON.stringify(shown(url))}`
  if (start !== undefined && !isFile && !STARTING_SCHEMES.has(scheme)) {
    throw new ConfigError('ERR_PLAY_URL', `expected mms(h):// or rtmp(s):// to begin later, ${found}`)
  }
  if (streams !== undefined && !isFile && !CHOOSING_SCHEMES.has(scheme)) {
    throw new ConfigError('ERR_PLAY_URL', `expected mms:// or mmsh:// to choose streams, ${found}`)
  }
  const opening = { ...options, native, startMs }
  const open: OpenAddress = (address, from) =>
    openAddress(address, context, { ...opening, startMs: startMs ?? from }, undefined)
  if (options.logUrl !== undefined && !isFile && !CHOOSING_SCHEMES.has(scheme)) {
    throw new ConfigError('ERR_PLAY_URL', `expected mms:// or mmsh:// to send logs of, ${found}`)
  }
  const source = isFile ? playAsx(url, context, open) : openAddress(url, context, opening, open)
  if (source === undefined) throw unknownAddress(options.url)
  return source
}

/** `follow` opens what an ASX file in the place of media leads to. */
function openAddress(
  url: URL,
  context: SourceContext,
  options: PlayOptions & { readonly native: boolean; readonly startMs: number | undefined },
  follow: OpenAddress | undefined,
): NativeSource | undefined {
  const pull = options.findClient(schemeOf(url))
  if (pull !== undefined) {
    const { client, native, startMs, streams, logUrl } = options
    const { log, insecureTls, asfUnits } = client
    return playByClient(pull, url, context, {
      log,
      insecureTls,
      ...(native && asfUnits !== undefined ? { asfUnits } : {}),
      ...(startMs === undefined ? {} : { startMs }),
      ...(streams === undefined ? {} : { streams }),
      ...(logUrl === undefined ? {} : { logUrl: webAddress(logUrl, 'a server that takes logs, http(s)://…/logs/wms') }),
    })
  }
  switch (kindOf(url)) {
    case 'http:.m3u8':
      return playHls(url, context)
    case 'http:.mpd':
      return playDash(url, context)
    case 'http:.flv':
      return playHttpFlv(url, context)
    case 'ws:.flv':
      return playWebSocketFlv(url, context)
    case 'http:.asf':
    case 'http:.wmv':
    case 'http:.wma':
      return playHttpAsf(url, context, follow)
    default:
      return undefined
  }
}

function collectorOf({ report }: PlayOptions): URL | undefined {
  if (report === undefined) return undefined
  return webAddress(report, 'a collector of reports, http(s)://…/logs/cmcd')
}

function webAddress(text: string, what: string): URL {
  const url = URL.parse(text)
  if (url !== null && /^https?:$/.test(url.protocol)) return url
  throw new ConfigError('ERR_PLAY_URL', `expected the address of ${what}`)
}

function playKeysOf(url: URL, { keys, license, token }: PlayOptions, signal: AbortSignal): PlayKeys {
  const server = license === undefined ? undefined : URL.parse(license)
  if (server === null || (server !== undefined && !/^https?:$/.test(server.protocol))) {
    throw new ConfigError('ERR_PLAY_URL', 'expected the address of a licence server, http(s)://…')
  }
  return new PlayKeys({
    url,
    signal,
    ...(keys !== undefined && { keys }),
    ...(server !== undefined && { license: server }),
    ...(token !== undefined && { token }),
  })
}

function schemeOf(url: URL): string {
  return url.protocol.slice(0, -1)
}

/** Scheme without its TLS, and the ending of the path: `http:.flv`. */
function kindOf(url: URL): string {
  const scheme = schemeOf(url)
  const plain = scheme === 'https' ? 'http' : scheme === 'wss' ? 'ws' : scheme
  const ending = /\.\w+$/.exec(url.pathname)?.[0].toLowerCase() ?? ''
  return `${plain}:${ASX_ENDINGS.has(ending) ? '.asx' : ending}`
}

function parseUrl(text: string): URL {
  if (!URL.canParse(text)) throw unknownAddress(text)
  return new URL(text)
}

function unknownAddress(text: string): ConfigError {
  return new ConfigError(
    'ERR_PLAY_URL',
    `expected rtmp(s)://…, mms(h)://…, http(s)://….m3u8, ….mpd, ….flv, ….asf or ….asx, or ws(s)://….flv, found ${JSON.stringify(text.split('?')[0]?.slice(0, 200))}`,
  )
}
