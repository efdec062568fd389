/** The modules that serve: opened in the order of the list, opened anew where their options changed, closed together. */
import { isDeepStrictEqual } from 'node:util'
import type { TlsMaterial } from '../net/tls.ts'
import type { Listening, ServerContext } from '../protocols/protocol.ts'
import { listenError } from './listen-error.ts'
import { modules } from './modules.ts'
import type { Settings } from './settings.ts'

type ModuleOptions = Settings['modules']

export class ModuleHost {
  readonly #contextOf: (name: string) => ServerContext
  readonly #listening = new Map<string, Listening>()

  /** `contextOf` is asked each time a module is served, so that a new host or certificate takes effect. */
  constructor(contextOf: (name: string) => ServerContext) {
    this.#contextOf = contextOf
  }

  /** What listens where, by protocol. */
  get ports(): Readonly<Record<string, number>> {
    const ports: Record<string, number> = {}
    for (const listening of this.#listening.values()) Object.assign(ports, listening.ports)
    return ports
  }

  /** Serves every module that has options. Throws ConfigError when one cannot listen. */
  async open(options: ModuleOptions): Promise<void> {
    for (const { name } of modules) await this.#serve(name, options)
  }

  /** Puts other options in force; with `allAnew`, every module is served again. Returns the names of those whose options changed. */
  async reload(before: ModuleOptions, next: ModuleOptions, allAnew: boolean): Promise<readonly string[]> {
    const changed: string[] = []
    for (const { name } of modules) {
      const same = before.has(name) === next.has(name) && isDeepStrictEqual(before.get(name), next.get(name))
      // One that could not be opened by an earlier reload is tried again.
      const up = this.#listening.has(name) === next.has(name)
      if (same && up && !allAnew) continue
      if (!same) changed.push(name)
      const options = next.get(name)
      if (up && !allAnew && options !== undefined && this.#listening.get(name)?.update?.(options) === true) continue
      await this.#listening.get(name)?.close()
      this.#listening.delete(name)
      await this.#serve(name, next)
    }
    return changed
  }

  setTls(tls: TlsMaterial): void {
    for (const listening of this.#listening.values()) listening.setTls?.(tls)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#listening.values()].map((listening) => listening.close()))
  }

  async #serve(name: string, all: ModuleOptions): Promise<void> {
    const protocol = modules.find((candidate) => candidate.name === name)
    if (protocol?.serve === undefined || !all.has(name)) return
    const options = all.get(name)
    try {
      this.#listening.set(name, await protocol.serve(this.#contextOf(name), options))
    } catch (error) {
      throw listenError(error, name, (options as { port?: unknown } | undefined)?.port)
    }
  }
}
