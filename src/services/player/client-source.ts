/** Plays an address by a protocol's own client (RTMP, Windows Media …), through a hub of its own. */
import type { LogCursor, LogEntry } from '../../live/bounded-log.ts'
import { Hub } from '../../live/hub.ts'
import type { StreamEntry } from '../../live/stream-entry.ts'
import type { UnitFormat } from '../../live/units.ts'
import type { AsfPacket } from '../../media/containers/asf/model.ts'
import { checkReadable } from '../../media/source-protection.ts'
import { MICROS_PER_SECOND, type Micros } from '../../media/time.ts'
import type { ClientContext, Logger, Protocol } from '../../protocols/protocol.ts'
import { shown } from './http.ts'
import type { NativeSource, SourceContext } from './source.ts'

/** The client half of a protocol. */
export type PullClient = Required<Pick<Protocol<unknown>, 'pull'>>['pull']

export interface ClientOptions {
  readonly log: Logger
  readonly insecureTls: boolean
  /** Where in a file to begin, milliseconds. */
  readonly startMs?: number
  /** Numbers of the streams wanted. */
  readonly streams?: readonly number[]
  /** See `ClientContext`. */
  readonly logUrl?: URL
  /** With it, whole ASF packets come beside what is in them, where the client's wire carries ASF. */
  readonly asfUnits?: UnitFormat<AsfPacket & LogEntry>
}

const PATH = 'live/played'
/** Servers send the start of a file faster than it plays: more of it must fit here than they are asked for, whatever the output waits for. */
const MAX_LOG_DURATION: Micros = 30 * MICROS_PER_SECOND
const MAX_LOG_BYTES = 64 * 1024 * 1024

export async function* playByClient(
  pull: PullClient,
  url: URL,
  context: SourceContext,
  options: ClientOptions,
): NativeSource {
  const { log, insecureTls, startMs, streams, logUrl, asfUnits } = options
  const hub = new Hub({
    pathSettings: () => ({ graceMs: 0, onBusy: 'refuse', windowMs: 0 }),
    maxLogBytes: MAX_LOG_BYTES,
    maxLogDuration: MAX_LOG_DURATION,
  })
  const publisher = hub.publish(PATH)
  const { stream } = publisher
  const cursor = stream.subscribe()
  // Opened before the client can write: nothing of it is missed.
  const units = asfUnits && publisher.provide(asfUnits).open()
  const stop = new AbortController()
  const client: ClientContext = {
    signal: AbortSignal.any([context.signal, stop.signal]),
    log,
    insecureTls,
    ...(startMs === undefined ? {} : { startMs }),
    ...(streams === undefined ? {} : { streams }),
    ...(logUrl === undefined ? {} : { logUrl }),
  }
  const pulled = pull(url, publisher, client).finally(() => hub.close())
  // The error is thrown below, when what came before it has been read.
  pulled.catch(() => undefined)
  let tracks: unknown
  let repairs = 0
  let skipped = 0
  try {
    while (await anyReady(cursor, units)) {
      for (let packet = units?.take(); packet !== undefined; packet = units?.take()) yield { type: 'asf', packet }
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
      const lost = cursor.skipped + (units?.skipped ?? 0)
      if (lost > skipped) {
        skipped = lost
        context.onProblem({
          rule: 'output-too-slow',
          message: 'packets are missing that came faster than the output took them',
        })
      }
    }
    if (!context.signal.aborted) await pulled
    if (units === undefined && tracks === undefined) checkReadable(shown(url), stream)
  } finally {
    cursor.close()
    units?.close()
    stop.abort()
    hub.close()
    // The client has its last words with the server.
    await pulled.catch(() => undefined)
  }
}

/** False when all have ended and nothing is left in them. */
function anyReady(
  cursor: LogCursor<StreamEntry>,
  units: LogCursor<AsfPacket & LogEntry> | undefined,
): Promise<boolean> {
  if (units === undefined || units.ended) return cursor.ready()
  return cursor.ended ? units.ready() : Promise.race([cursor.ready(), units.ready()])
}
