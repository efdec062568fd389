/** Plays an address by a protocol's own client (RTMP …), through a hub of its own. */
import { Hub } from '../../live/hub.ts'
import type { ClientContext, Logger, Protocol } from '../../protocols/protocol.ts'
import type { Source, SourceContext } from './source.ts'

/** The client half of a protocol. */
export type PullClient = Required<Pick<Protocol<unknown>, 'pull'>>['pull']

export interface ClientOptions {
  readonly log: Logger
  readonly insecureTls: boolean
}

const PATH = 'live/played'

export async function* playByClient(
  pull: PullClient,
  url: URL,
  context: SourceContext,
  options: ClientOptions,
): Source {
  const hub = new Hub({ pathSettings: () => ({ graceMs: 0, onBusy: 'refuse', windowMs: 0 }) })
  const publisher = hub.publish(PATH)
  const { stream } = publisher
  const cursor = stream.subscribe()
  const stop = new AbortController()
  const client: ClientContext = {
    signal: AbortSignal.any([context.signal, stop.signal]),
    log: options.log,
    insecureTls: options.insecureTls,
  }
  const pulled = pull(url, publisher, client).finally(() => hub.close())
  // The error is thrown below, when what came before it has been read.
  pulled.catch(() => undefined)
  let tracks: unknown
  let repairs = 0
  try {
    while (await cursor.ready()) {
      for (let entry = cursor.take(); entry !== undefined; entry = cursor.take()) {
        if (entry.tracks !== tracks) {
          tracks = entry.tracks
          yield { type: 'tracks', tracks: entry.tracks, metadata: entry.metadata }
        }
        context.onBytes(entry.size)
        yield { type: 'packet', packet: entry.packet }
      }
      if (stream.statistics.repairs > repairs) {
        repairs = stream.statistics.repairs
        context.onProblem({ rule: 'timestamps-backwards', message: 'timestamps that go backwards or jump' })
      }
    }
    if (!context.signal.aborted) await pulled
  } finally {
    cursor.close()
    stop.abort()
    hub.close()
  }
}
