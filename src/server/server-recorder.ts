/** The recorder as the server runs it: loaded when something is recorded, or was; what its settings say, and what is heard of it. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describeError } from '../errors.ts'
import type { Hub } from '../live/hub.ts'
import type { Closable, Logger } from '../protocols/protocol.ts'
import type { RecorderAccess } from '../services/admin/operation.ts'
import { recordSettings } from '../services/recorder/record-settings.ts'
import type { Recorder } from '../services/recorder/recorder.ts'
import type { EventHub } from './events.ts'
import { RECORDINGS } from './library-folders.ts'
import type { ResolvedPath } from './path-settings.ts'
import type { ServerSettings } from './settings.ts'

export interface ServerRecorderOptions {
  readonly hub: Hub
  readonly events: EventHub
  readonly log: Logger
  /** Settings in force. */
  readonly settings: () => Pick<ServerSettings, 'data' | 'recording' | 'paths'>
  readonly pathOf: (path: string) => ResolvedPath
}

/** Follows the streams of the hub by the server's events. */
export class ServerRecorder implements RecorderAccess, Closable {
  readonly #options: ServerRecorderOptions
  #loading: Promise<Recorder> | undefined
  #current: Recorder | undefined
  #closed = false

  constructor(options: ServerRecorderOptions) {
    this.#options = options
    const { events } = options
    events.on('publish', ({ path }) => this.#current?.published(path))
    events.on('unpublish', ({ path, final }) => {
      if (final) this.#current?.ended(path)
    })
    events.on('reload', () => {
      this.#current?.reconfigure()
      void this.open()
    })
  }

  get current(): Recorder | undefined {
    return this.#current
  }

  /** Loads the recorder where the settings ask for it, or recordings are there that a crash may have left. Never rejects. */
  async open(): Promise<void> {
    const { settings, log } = this.#options
    const asked = Object.values(settings().paths).some(({ record = false }) => record !== false)
    if (!asked && !existsSync(this.#root)) return
    try {
      await this.load()
    } catch (error) {
      log.error({ error: describeError(error) }, 'nothing is recorded: the recordings cannot be read')
    }
  }

  load(): Promise<Recorder> {
    this.#loading ??= this.#load().catch((error: unknown) => {
      // The next one who asks tries again.
      this.#loading = undefined
      throw error
    })
    return this.#loading
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#loading?.catch(() => undefined)
    await this.#current?.close()
  }

  get #root(): string {
    return join(this.#options.settings().data, RECORDINGS)
  }

  async #load(): Promise<Recorder> {
    const { hub, events, log, settings, pathOf } = this.#options
    const [{ Recorder: RecorderClass }, { asfUnits }] = await Promise.all([
      import('../services/recorder/recorder.ts'),
      import('../protocols/windows-media/asf-units.ts'),
    ])
    const recorder = new RecorderClass({
      hub,
      root: this.#root,
      settingsOf: (path) => recordSettings(pathOf(path).record),
      limits: () => ({ maxBytes: settings().recording.maxBytes }),
      nativeUnits: asfUnits,
      log,
      onState: ({ path, state, file, error }) => events.emit('recording', { path, state, file, error }),
    })
    await recorder.open()
    if (this.#closed) await recorder.close()
    else this.#current = recorder
    return recorder
  }
}
