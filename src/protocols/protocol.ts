/** What a protocol is to the server, and the life of one. */
import type { z } from 'zod'
import type { Library } from '../library/library.ts'
import type { MediaFiles } from '../library/media-files.ts'
import type { Authorize } from '../live/access.ts'
import type { Hub } from '../live/hub.ts'
import type { Publisher } from '../live/publisher.ts'
import type { Sessions } from '../live/sessions.ts'
import type { Stream } from '../live/stream.ts'
import type { HttpRoutes } from '../net/http/routes.ts'
import type { TlsMaterial } from '../net/tls.ts'
import type { ContentKeys } from '../packaging/protection/content-keys.ts'
import type { ProtectSettings } from '../packaging/protection/protect-settings.ts'
import type { Transcoder } from '../packaging/transcoder.ts'
import type { PlayLog } from '../playlog/play-log.ts'
import type { PlayReports } from '../playlog/play-reports.ts'

/** Structured log lines. `fields` are plain data without secrets. */
export interface Logger {
  debug(fields: LogFields, message: string): void
  info(fields: LogFields, message: string): void
  warn(fields: LogFields, message: string): void
  error(fields: LogFields, message: string): void
  /** A fault that peers can repeat: one line a second per code at most, with the count of those left out. */
  counted(code: string, fields: LogFields, message: string): void
  child(fields: LogFields): Logger
}

/** For those whose log nobody reads. */
export const SILENT_LOGGER: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  counted: () => undefined,
  child: () => SILENT_LOGGER,
}

export type LogFields = Readonly<Record<string, unknown>>

/** Something opened that its owner closes. Closing twice does nothing. */
export interface Closable {
  /** Stops taking new work, ends the work in hand, and resolves when all is over. */
  close(): Promise<void>
}

/** A listener that tells where it listens. */
export interface Listening<Options = unknown> extends Closable {
  /** What is printed and written to the ready file: `{ rtmp: 1935 }`. */
  readonly ports: Readonly<Record<string, number>>
  /** Takes other options over without dropping anybody. `false`: not possible, as with another port; then it is closed and served anew. */
  update?(options: Options): boolean
  /** Takes a new certificate for connections to come; those that are open keep theirs. Never called when it was opened without one. */
  setTls?(tls: TlsMaterial): void
}

/** Entries that the server plays one after the other under one path. */
export interface Playlist {
  /** Paths, `vod/…` or `live/…`. */
  readonly entries: readonly string[]
  /** Start again behind the last entry. */
  readonly loop: boolean
}

/** What the server lends to each protocol. */
export interface ServerContext {
  readonly hub: Hub
  readonly sessions: Sessions
  readonly authorize: Authorize
  readonly http: HttpRoutes
  /** Files on demand, `vod/…`, as bytes. */
  readonly library: Library
  /** The same files as tracks and packets. */
  readonly mediaFiles: MediaFiles
  /** Keys of protected streams and files, by what they are for; `undefined`: nothing is protected here. */
  readonly keys: ContentKeys | undefined
  /** How what is played on a path is encrypted; `undefined`: it is not. Asked each time, as settings change. */
  readonly protection: (path: string) => ProtectSettings | undefined
  /** Makes playable what browsers do not know; `undefined`: switched off. */
  readonly transcoder: Transcoder | undefined
  /** The playlist of a path, `channel/…`; `undefined`: there is none. */
  readonly playlist: (path: string) => Playlist | undefined
  /** Takes what a player reported. Never throws, never waits. */
  readonly onPlayLog: (log: PlayLog) => void
  /** Takes all else that is reported of playback; `undefined`: nobody does. */
  readonly reports: PlayReports | undefined
  readonly log: Logger
  /** Folder of the server's state; what can be made again lies below its `cache`. `undefined`: nothing is kept. */
  readonly data: string | undefined
  /** Address to listen on. */
  readonly host: string
  /** Certificate and key, when given; protocols with a TLS form open it then. */
  readonly tls: TlsMaterial | undefined
}

/**
 * One way to speak. The life of a protocol:
 *
 * 1. `server/modules.ts` lists it; its `options` become settings, flags, environment variables, help and reference pages.
 * 2. The server checks the options and calls `serve` with them. HTTP protocols add routes to `context.http`; others listen themselves.
 * 3. Each peer becomes a `Session` in `context.sessions`, is checked by `context.authorize`, and publishes to or reads from `context.hub`.
 * 4. A reload with other options offers them to `update` of what `serve` returned; where that is missing or says no, it is closed and
 *    `serve` called again. With equal options nothing happens.
 * 5. `close` ends all sessions in the protocol's own words and resolves when the last is gone.
 *
 * `pull` and `push` are the client side, found by the URL's scheme; they end with an error, or with the source's or target's end,
 * and never reconnect themselves.
 */
export interface Protocol<Options> {
  readonly name: string
  /** URL schemes of `pull` and `push`, without the colon. */
  readonly schemes?: readonly string[]
  readonly options: z.ZodType<Options>
  serve?(context: ServerContext, options: Options): Promise<Listening<Options>>
  /** Plays `url` into `publisher` until the source ends or `signal` aborts. */
  pull?(url: URL, publisher: Publisher, client: ClientContext): Promise<void>
  /** Publishes `stream` to `url` until the stream ends or `signal` aborts. */
  push?(stream: Stream, url: URL, client: ClientContext): Promise<void>
}

export interface ClientContext {
  readonly signal: AbortSignal
  readonly log: Logger
  /** Accept certificates that nobody vouches for: for tests and closed networks. */
  readonly insecureTls?: boolean
  /** Who asks: a person's player or encoder, or a server that passes the stream on. Default `player`. */
  readonly role?: 'player' | 'server'
  /** Where in a file to begin, milliseconds. Protocols that cannot ask for it begin where the server does. */
  readonly startMs?: number
  /** Numbers of the streams wanted, where a protocol lets its client choose. Default: all, of alternatives the best. */
  readonly streams?: readonly number[]
  /** A web server that is told at the end of each playback what was played, where a protocol has logs for that (Windows Media). */
  readonly logUrl?: URL
}
