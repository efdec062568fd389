/** Serves HTTP requests by code that is loaded with the first request that may be its own, so that a start does not pay for it. */
import type { Listening } from '../../protocols/protocol.ts'
import type { HttpHandler, HttpRoutes } from './routes.ts'

/** What the loaded code gives: it closes what it has opened, and takes other options over. */
export interface LoadedRoutes<Options> {
  readonly handle: HttpHandler
  update?(options: Options): void
  close(): Promise<void>
}

export interface LazyRoutes<Options> {
  /** Paths that load the code; the code itself decides what is its own. */
  readonly matches: RegExp
  load(options: Options): Promise<LoadedRoutes<Options>>
}

/** Adds the route at once. A load that fails answers its request with the error and is tried again by the next. */
export function serveLazily<Options>(
  http: HttpRoutes,
  { matches, load }: LazyRoutes<Options>,
  options: Options,
): Listening<Options> {
  let current = options
  let loading: Promise<LoadedRoutes<Options>> | undefined
  let loaded: LoadedRoutes<Options> | undefined

  const start = async () => {
    try {
      loaded = await load(current)
      return loaded
    } catch (error) {
      loading = undefined
      throw error
    }
  }
  const remove = http.route(async (request, response) => {
    if (!matches.test(request.path)) return false
    loading ??= start()
    return (loaded ?? (await loading)).handle(request, response)
  })
  return {
    ports: {},
    update(next) {
      current = next
      loaded?.update?.(next)
      return true
    },
    async close() {
      remove()
      await (await loading?.catch(() => undefined))?.close()
    },
  }
}
