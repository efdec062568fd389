/** The player: opens any address the server offers, checks and measures it, and writes or pipes it. */
import { ConfigError } from '../../errors.ts'
import { type ClientOptions, type PullClient, playByClient } from './client-source.ts'
import { playDash } from './dash-source.ts'
import { playHttpFlv, playWebSocketFlv } from './flv-source.ts'
import { playHls } from './hls-source.ts'
import { shown } from './http.ts'
import { Measurement, type PlayReport } from './measurement.ts'
import { Output, type OutputFormat } from './output.ts'
import type { Source, SourceContext } from './source.ts'

/** What to play, how long, and where to. */
export interface PlayOptions {
  readonly url: string
  /** Seconds after which playing ends; without it, with the stream. */
  readonly duration?: number
  /** File (`.mp4`, `.flv`) or `-` for standard output. */
  readonly output?: string
  /** Overrides what the output's name says. */
  readonly format?: OutputFormat
  readonly signal?: AbortSignal
  /** Called about once a second. */
  readonly onProgress?: (report: PlayReport) => void
  readonly client: ClientOptions
  /** The protocol client for a URL scheme, where one exists. */
  readonly findClient: (scheme: string) => PullClient | undefined
}

/** The last report, and what was written. */
export interface PlayResult extends PlayReport {
  readonly files: readonly string[]
}

const PROGRESS_MS = 1000

/**
 * Resolves when the stream ends, the duration is over or the signal aborts; the report's `problems` tell whether the stream kept the
 * rules. Throws ConfigError ERR_PLAY_URL for an address that no player here can open, and what the source throws.
 */
export async function play(options: PlayOptions): Promise<PlayResult> {
  const url = parseUrl(options.url)
  const stop = new AbortController()
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal])
  const measurement = new Measurement(shown(url))
  const output = options.output === undefined ? undefined : new Output(options.output, options.format)
  const context: SourceContext = {
    signal,
    onProblem: (problem) => measurement.addProblem(problem),
    onBytes: (count) => measurement.addBytes(count),
    onDelay: (milliseconds) => measurement.addDelay(milliseconds),
  }
  const source = openSource(url, context, options)
  const limit = options.duration === undefined ? undefined : setTimeout(() => stop.abort(), options.duration * 1000)
  const progress = setInterval(() => options.onProgress?.(measurement.report()), PROGRESS_MS)
  try {
    for await (const result of source) {
      if (result.type === 'tracks') measurement.setTracks(result.tracks)
      else measurement.addPacket(result.packet)
      await output?.write(result)
      if (signal.aborted) break
    }
    if (!signal.aborted) measurement.end()
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    clearTimeout(limit)
    clearInterval(progress)
    stop.abort()
    await output?.end()
  }
  return { ...measurement.report(), files: output?.files ?? [] }
}

function openSource(url: URL, context: SourceContext, options: PlayOptions): Source {
  const scheme = url.protocol.slice(0, -1)
  const client = options.findClient(scheme)
  if (client !== undefined) return playByClient(client, url, context, options.client)
  const plain = scheme === 'https' ? 'http' : scheme === 'wss' ? 'ws' : scheme
  const kind = `${plain}:${/\.\w+$/.exec(url.pathname)?.[0] ?? ''}`
  switch (kind) {
    case 'http:.m3u8':
      return playHls(url, context)
    case 'http:.mpd':
      return playDash(url, context)
    case 'http:.flv':
      return playHttpFlv(url, context)
    case 'ws:.flv':
      return playWebSocketFlv(url, context)
    default:
      throw unknownAddress(options.url)
  }
}

function parseUrl(text: string): URL {
  if (!URL.canParse(text)) throw unknownAddress(text)
  return new URL(text)
}

function unknownAddress(text: string): ConfigError {
  return new ConfigError(
    'ERR_PLAY_URL',
    `expected rtmp(s)://…, http(s)://….m3u8, ….mpd or ….flv, or ws(s)://….flv, found ${JSON.stringify(text.split('?')[0]?.slice(0, 200))}`,
  )
}
