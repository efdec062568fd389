/** The routes of all protocols, kept apart from the listener: they are there before it listens and stay when it is opened anew. */
import type {
  ClientDataObserver,
  ConnectionClaim,
  HotLookup,
  HttpHandler,
  HttpRoutes,
  SmallPostLookup,
  UpgradeHandler,
} from '../net/http/routes.ts'

type Attach = (routes: HttpRoutes) => () => void

export class RouteTable implements HttpRoutes {
  readonly #attached = new Map<Attach, (() => void) | undefined>()
  #target: HttpRoutes | undefined

  route(handler: HttpHandler): () => void {
    return this.#add((routes) => routes.route(handler))
  }

  upgrade(handler: UpgradeHandler): () => void {
    return this.#add((routes) => routes.upgrade(handler))
  }

  hot(lookup: HotLookup): () => void {
    return this.#add((routes) => routes.hot(lookup))
  }

  smallPost(lookup: SmallPostLookup): () => void {
    return this.#add((routes) => routes.smallPost(lookup))
  }

  claim(claim: ConnectionClaim): () => void {
    return this.#add((routes) => routes.claim(claim))
  }

  observe(observer: ClientDataObserver): () => void {
    return this.#add((routes) => routes.observe(observer))
  }

  /** Puts all routes into `target` (or into none), in the order they were added, and takes them out of the one before. */
  attach(target: HttpRoutes | undefined): void {
    this.#target = target
    for (const [attach, detach] of this.#attached) {
      detach?.()
      this.#attached.set(attach, target === undefined ? undefined : attach(target))
    }
  }

  #add(attach: Attach): () => void {
    this.#attached.set(attach, this.#target === undefined ? undefined : attach(this.#target))
    return () => {
      this.#attached.get(attach)?.()
      this.#attached.delete(attach)
    }
  }
}
