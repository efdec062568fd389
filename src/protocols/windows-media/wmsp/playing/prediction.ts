/** Which streams of a new entry a server sends before it is asked (MS-WMSP 3.2.4.2; the choice is the server's). */
import type { AsfInit, AsfStream } from '../../../../media/containers/asf/model.ts'
import type { StreamLevels } from '../../stream-selection.ts'
import { sameShape } from './header-shape.ts'

/**
 * Like before where the streams are the same. Otherwise every kind of stream that was selected before; of streams that exclude each
 * other the best that `linkBps` carries, or the least when none fits. Streams of kinds that the entry before did not have are on.
 */
export function predictSelection(
  before: StreamLevels,
  beforeInit: AsfInit,
  init: AsfInit,
  linkBps: number | undefined,
): StreamLevels {
  if (sameShape(beforeInit, init)) return before
  const refused = new Set(beforeInit.streams.map(({ kind }) => kind))
  for (const { kind, number } of beforeInit.streams) if (before.has(number)) refused.delete(kind)
  const chosen = new Map(init.streams.filter(({ kind }) => !refused.has(kind)).map((stream) => [stream.number, stream]))
  for (const group of init.exclusions) {
    const rivals = group.map((number) => chosen.get(number)).filter((stream) => stream !== undefined)
    const best = bestOf(rivals, linkBps)
    for (const stream of rivals) if (stream !== best) chosen.delete(stream.number)
  }
  return new Map([...chosen.keys()].map((number) => [number, 0]))
}

function bestOf(rivals: readonly AsfStream[], linkBps: number | undefined): AsfStream | undefined {
  const [least, ...better] = rivals.toSorted((a, b) => a.averageBitrateBps - b.averageBitrateBps)
  const limit = linkBps === undefined || linkBps === 0 ? Number.POSITIVE_INFINITY : linkBps
  return better.findLast((stream) => stream.averageBitrateBps <= limit) ?? least
}
