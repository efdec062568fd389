/** The whole server: opens everything in order, tells what happens, takes new settings while it runs, and closes politely. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { ConfigError, describeError, UnavailableError } from '../errors.ts'
import { type Library, openLibrary } from '../library/library.ts'
import { MediaFiles } from '../library/media-files.ts'
import { Hub } from '../live/hub.ts'
import type { Publisher } from '../live/publisher.ts'
import { Sessions } from '../live/sessions.ts'
import type { Stream } from '../live/stream.ts'
import { type HttpFront, openHttpFront } from '../net/http/listener.ts'
import type { TlsMaterial } from '../net/tls.ts'
import { keepHubProtection } from '../packaging/hub-protection.ts'
import { protectSettings } from '../packaging/protection/protect-settings.ts'
import { writeCmsdHop } from '../playlog/cmsd/write.ts'
import type { Closable, Logger } from '../protocols/protocol.ts'
import { Counters } from '../services/admin/counters.ts'
import { addOperationRoutes } from '../services/admin/routes.ts'
import { opensToAll } from '../services/auth/path-access.ts'
import { Pulls } from '../services/relay/pulls.ts'
import { parseSettings, type SettingsInput } from './config.ts'
import { EventHub, type ServerEventName, type ServerListener } from './events.ts'
import type { HeadendServer, ServerHooks } from './headend-server.ts'
import { hostCheck } from './host-check.ts'
import { libraryFolders } from './library-folders.ts'
import { listenError } from './listen-error.ts'
import { LogWriter, logOptions } from './logger.ts'
import { ModuleHost } from './module-host.ts'
import { protocols } from './modules.ts'
import { observe } from './observe.ts'
import { compilePaths, playlistOf, pullsOf, type ResolvedPath } from './path-settings.ts'
import { writeReadyFile } from './ready-file.ts'
import { RouteTable } from './routes.ts'
import { type LoadedSecrets, loadSecrets, type Secrets } from './secrets.ts'
import { ServerAccess } from './server-access.ts'
import { ServerRecorder } from './server-recorder.ts'
import { ServerReports } from './server-reports.ts'
import { ServerTranscoder } from './server-transcoder.ts'
import type { Settings } from './settings.ts'
import { loadTls } from './tls.ts'
import { urlsOf } from './urls.ts'
import { packageVersion } from './version.ts'
import { withoutSecrets } from './without-secrets.ts'

/**
 * Starts a server with the settings of a configuration file, everything optional. Rejects with ConfigError when settings are wrong or
 * a port cannot be opened; nothing is left open then.
 */
export async function createServer(settings: SettingsInput = {}, hooks: ServerHooks = {}): Promise<HeadendServer> {
  const parsed = parseSettings(settings)
  const stored = await loadSecrets(parsed.server.data)
  const server = new Server(parsed, stored, hooks)
  try {
    await server.open()
  } catch (error) {
    await server.close()
    throw error
  }
  return server
}

class Server implements HeadendServer {
  readonly sessions = new Sessions()
  readonly #stored: LoadedSecrets
  readonly #hooks: ServerHooks
  readonly #writer: LogWriter
  readonly #log: Logger
  readonly #hub: Hub
  readonly #routes = new RouteTable()
  readonly #counters = new Counters()
  readonly #events: EventHub
  readonly #access: ServerAccess
  readonly #modules: ModuleHost
  readonly #pulls: Pulls
  readonly #reports: ServerReports
  readonly #library: Library
  readonly #mediaFiles: MediaFiles
  readonly #transcoder: ServerTranscoder | undefined
  readonly #recorder: ServerRecorder
  readonly #startedAt = new Date()
  #settings: Settings
  #pathOf: (path: string) => ResolvedPath
  #hostAllowed: (host: string, path: string) => boolean
  #tls: TlsMaterial | undefined
  #front: HttpFront | undefined
  #testChannel: Closable | undefined
  #ready = false
  #reloading: Promise<unknown> = Promise.resolve()
  #closing: Promise<void> | undefined

  constructor(settings: Settings, stored: LoadedSecrets, hooks: ServerHooks) {
    this.#settings = settings
    this.#stored = stored
    this.#hooks = hooks
    this.#pathOf = compilePaths(settings.server.paths)
    this.#hostAllowed = hostCheck(settings.server.api.hosts)
    this.#writer = new LogWriter({
      ...logOptions(settings, hooks.terminal),
      write: hooks.writeLog ?? ((line) => process.stderr.write(line)),
    })
    this.#log = this.#writer.log
    this.#events = new EventHub((error, event) => this.report(error, `listener of ${event}`))
    const { limits } = settings.server
    this.#hub = new Hub({
      pathSettings: (path) => this.#pathOf(path),
      maxStreams: limits.streams,
      maxWaiting: limits.waiting,
      maxLogBytes: limits.streamBytes,
    })
    this.#reports = new ServerReports({ settings: () => this.#settings, events: this.#events, log: this.#log })
    this.#access = new ServerAccess({
      stored: stored.secrets,
      settings: () => this.#settings.server,
      pathAccess: (path) => this.#pathOf(path),
      isProtected: (path) => protectSettings(this.#pathOf(path).protect) !== undefined,
      sessions: this.sessions,
      log: this.#log,
    })
    keepHubProtection(this.#hub, {
      keys: this.#access.keys,
      settingsOf: (path) => protectSettings(this.#pathOf(path).protect),
    })
    this.#writer.hide(this.#access.hidden)
    this.#library = openLibrary(() => libraryFolders(this.#settings.server))
    this.#mediaFiles = new MediaFiles(this.#library)
    if (settings.server.transcode.enabled) {
      this.#transcoder = new ServerTranscoder({
        options: () => this.#settings.server.transcode,
        cache: join(settings.server.data, 'cache', 'transcode'),
        log: this.#log.child({ service: 'transcode' }),
      })
    }
    this.#modules = new ModuleHost((name) => ({
      hub: this.#hub,
      sessions: this.sessions,
      authorize: this.#access.authorize,
      http: this.#routes,
      library: this.#library,
      mediaFiles: this.#mediaFiles,
      keys: this.#access.keys,
      protection: (path) => protectSettings(this.#pathOf(path).protect),
      transcoder: this.#transcoder,
      playlist: (path) => playlistOf(this.#settings.server.playlists, path),
      onPlayLog: (log) => this.#reports.addLog(log),
      reports: this.#reports,
      log: this.#log.child({ protocol: name }),
      data: this.#settings.server.data,
      host: this.#settings.server.host,
      tls: this.#tls,
    }))
    this.#pulls = new Pulls({
      hub: this.#hub,
      sessions: this.sessions,
      log: this.#log.child({ service: 'relay' }),
      findClient: (scheme) => protocols.find(({ schemes }) => schemes?.includes(scheme))?.pull,
    })
    this.#recorder = new ServerRecorder({
      hub: this.#hub,
      events: this.#events,
      log: this.#log.child({ service: 'recorder' }),
      settings: () => this.#settings.server,
      pathOf: (path) => this.#pathOf(path),
    })
    const observed = { hub: this.#hub, counters: this.#counters, events: this.#events, reports: this.#reports }
    observe({ ...observed, sessions: this.sessions, log: this.#log })
  }

  get ports(): Readonly<Record<string, number>> {
    const ports: Record<string, number> = {}
    if (this.#front !== undefined) {
      ports['http'] = this.#front.port
      if (this.#tls !== undefined) ports['https'] = this.#front.tlsPort ?? 0
    }
    return Object.assign(ports, this.#modules.ports)
  }

  get urls(): Readonly<Record<string, string>> {
    return urlsOf(this.#settings.server.host, this.ports)
  }

  get secrets(): Secrets {
    return this.#access.secrets
  }

  get secretsFile(): { readonly path: string; readonly created: boolean } {
    return { path: this.#stored.file, created: this.#stored.created }
  }

  get ready(): boolean {
    return this.#ready && this.#closing === undefined
  }

  get streams(): readonly Stream[] {
    return [...this.#hub.streams()]
  }

  get settings(): Settings {
    return this.#settings
  }

  publish(path: string): Publisher {
    return this.#hub.publish(path)
  }

  on<Name extends ServerEventName>(name: Name, listener: ServerListener<Name>): () => void {
    return this.#events.on(name, listener)
  }

  report(error: unknown, origin: string): void {
    this.#log.counted('ERR_INTERNAL', { error, origin }, `unexpected fault: ${describeError(error)}`)
  }

  async open(): Promise<void> {
    if (this.#stored.modeRepaired) {
      this.#log.warn({ file: this.#stored.file }, 'the secrets file could be read by others; it is closed to them now')
    }
    this.#tls = await loadTls(this.#settings)
    const reports = this.#reports
    addOperationRoutes(this.#routes, {
      hub: this.#hub,
      sessions: this.sessions,
      authorize: this.#access.authorize,
      keys: this.#access.keys,
      tokens: () => this.#access.tokens(),
      isOpen: (path) => opensToAll(this.#pathOf(path)),
      counters: this.#counters,
      version: packageVersion(),
      startedAt: this.#startedAt,
      ready: () => this.ready,
      faults: () => this.#writer.counts(),
      ports: () => this.ports,
      urls: () => this.urls,
      config: () => withoutSecrets(this.#settings),
      connections: () => this.#front?.connections ?? 0,
      metricsAccess: () => this.#settings.server.api.metrics,
      audit: (facts, message) => this.#log.info(facts, message),
      onFault: (error) => this.report(error, 'api'),
      playLogs: reports.playLogs,
      get audience() {
        return reports.store
      },
      recorder: this.#recorder,
    })
    await this.#recorder.open()
    // Routes first, so that the first request that is accepted finds them all.
    await this.#modules.open(this.#settings.modules)
    await this.#openFront()
    await this.#setTestChannel()
    this.#pulls.set(pullsOf(this.#settings.server.paths))
    await this.#writeReadyFile()
    this.#ready = true
    this.#reports.start()
    this.#log.info({ ports: this.ports }, 'headend is ready')
  }

  reload(input: SettingsInput): Promise<readonly string[]> {
    const done = this.#reloading.then(() => this.#reload(input))
    this.#reloading = done.catch(() => undefined)
    return done
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #openFront(): Promise<void> {
    const { host, http, https } = this.#settings.server
    try {
      this.#front = await openHttpFront({
        host,
        port: http.port,
        tls: this.#tls,
        tlsPort: https.port,
        trustedProxies: http.trustedProxies,
        checkHost: (name, path) => this.#hostAllowed(name, path),
        deliveryText: (delivery) => writeCmsdHop({ server: this.#settings.server.http.name, ...delivery }),
        log: this.#log.child({ protocol: 'http' }),
      })
    } catch (error) {
      throw listenError(error, 'http', http.port)
    }
    this.#routes.attach(this.#front.routes)
  }

  /** Loaded when everything listens already: the picture takes time to make. */
  async #setTestChannel(): Promise<void> {
    const wanted = this.#settings.server.testChannel
    if (!wanted) {
      await this.#testChannel?.close()
      this.#testChannel = undefined
    } else if (this.#testChannel === undefined) {
      const { openTestChannel } = await import('./test-channel.ts')
      this.#testChannel = await openTestChannel({ hub: this.#hub, sessions: this.sessions, log: this.#log })
    }
  }

  async #reload(input: SettingsInput): Promise<readonly string[]> {
    if (this.#closing !== undefined) throw new UnavailableError('ERR_HUB_CLOSED', 'the server is shutting down')
    const next = parseSettings(input)
    const tls = await loadTls(next)
    const before = this.#settings
    const beforeTls = this.#tls
    if (next.server.data !== before.server.data) {
      throw new ConfigError(
        'ERR_CONFIG_RESTART',
        'data: expected the folder this server runs on; another one needs a restart',
      )
    }
    const changed: string[] = []
    this.#settings = next
    this.#tls = tls
    this.#pathOf = compilePaths(next.server.paths)
    this.#hostAllowed = hostCheck(next.server.api.hosts)
    this.#reports.playLogs.configure(next.server.logs)
    this.#writer.configure(logOptions(next, this.#hooks.terminal))
    this.#writer.hide(this.#access.hidden)
    await this.#access.configure()
    for (const key of Object.keys(next.server) as (keyof typeof next.server)[]) {
      if (!isDeepStrictEqual(next.server[key], before.server[key])) changed.push(key)
    }
    if (next.server.transcode.enabled !== before.server.transcode.enabled)
      this.#log.warn({}, 'transcode.enabled changes at the next start')
    if (changed.includes('limits'))
      this.#log.warn({}, 'limits of streams, waiting and streamBytes change at the next start')
    const allAnew = changed.includes('host') || (tls === undefined) !== (beforeTls === undefined)
    changed.push(...(await this.#modules.reload(before.modules, next.modules, allAnew)))
    if (allAnew || this.#front === undefined || changed.includes('http') || changed.includes('https')) {
      this.#routes.attach(undefined)
      await this.#front?.close()
      this.#front = undefined
      await this.#openFront()
    }
    if (!allAnew && tls !== undefined && !isDeepStrictEqual(tls, beforeTls)) {
      this.#modules.setTls(tls)
      this.#front?.setTls(tls)
      changed.push('certificate')
    }
    await this.#setTestChannel()
    this.#pulls.set(pullsOf(next.server.paths))
    await this.#writeReadyFile()
    this.#log.info({ changed }, 'settings reloaded')
    this.#events.emit('reload', { changed })
    return changed
  }

  async #close(): Promise<void> {
    this.#log.info({ sessions: this.sessions.size }, 'closing')
    this.#events.emit('closing', {})
    await this.#reloading
    const { drainMs, readyFile } = this.#settings.server
    // The HTTP front goes last: /readyz answers 503 while the others end their sessions.
    const drained = (async () => {
      await Promise.all([this.#testChannel?.close(), this.#pulls.close()])
      await this.#modules.close()
      this.#hub.close()
      await this.#recorder.close()
      await this.#front?.close()
      await this.#transcoder?.close()
      this.#mediaFiles.close()
      await this.#access.close()
    })()
    let late: NodeJS.Timeout | undefined
    const deadline = new Promise<'late'>((resolve) => {
      late = setTimeout(() => resolve('late'), drainMs)
    })
    try {
      const end = await Promise.race([drained, deadline])
      if (end === 'late') this.#cut()
    } catch (error) {
      this.report(error, 'close')
      this.#cut()
    } finally {
      clearTimeout(late)
    }
    await this.#reports.close()
    if (readyFile !== undefined && this.#ready) await rm(readyFile, { force: true })
    this.#writer.flush()
    this.#log.info({}, 'closed')
  }

  /** The deadline has passed: whoever is left hears it from the socket. */
  #cut(): void {
    this.#log.warn({ sessions: this.sessions.size }, 'sessions did not end in time and are cut')
    const reason = new UnavailableError('ERR_HUB_CLOSED', 'the server is shutting down')
    for (const session of [...this.sessions.list()]) session.start.close(reason)
    this.#hub.close()
    void this.#transcoder?.close()
  }

  async #writeReadyFile(): Promise<void> {
    const { readyFile } = this.#settings.server
    if (readyFile !== undefined) await writeReadyFile(readyFile, { urls: this.urls, ports: this.ports })
  }
}
