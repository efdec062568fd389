/** Which streams of a content a client takes: all it can use, and of those that exclude each other the best (MS-WMSP 3.1.4.3.1, ASF 3.8). */
import { PeerError } from '../../../../errors.ts'
import type { AsfInit } from '../../../../media/containers/asf/model.ts'
import type { SwitchEntry } from '../../stream-selection.ts'

/**
 * One entry for every stream of the content, at level 0 or 2. `wanted` are the numbers asked for; without it everything, and of a group
 * of which only one is to be sent the one with the highest bit rate, the first of the header where they say nothing.
 */
export function selectStreams(
  init: Pick<AsfInit, 'streams' | 'exclusions'>,
  wanted: readonly number[] | undefined,
): readonly SwitchEntry[] {
  const refused = new Set<number>()
  for (const group of init.exclusions) {
    const streams = init.streams.filter(({ number }) => group.includes(number))
    const [first, ...others] = streams
    if (first === undefined) continue
    const best = others.reduce((one, other) => (other.averageBitrateBps > one.averageBitrateBps ? other : one), first)
    for (const { number } of streams) if (number !== best.number) refused.add(number)
  }
  const takes = (number: number) => (wanted === undefined ? !refused.has(number) : wanted.includes(number))
  return init.streams.map(({ number }) => ({ source: undefined, target: number, level: takes(number) ? 0 : 2 }))
}

/**
 * The header with the streams that come: what decides where a viewer can start must not be one that never does. The very same object when
 * all come. Throws PeerError ERR_WMSP_NO_STREAM when none does.
 */
export function withStreams(init: AsfInit, entries: readonly SwitchEntry[]): AsfInit {
  const taken = new Set(entries.filter(({ level }) => level !== 2).map(({ target }) => target))
  const streams = init.streams.filter(({ number }) => taken.has(number))
  if (streams.length === 0) {
    const numbers = init.streams.map(({ number }) => number).join(', ')
    throw new PeerError('ERR_WMSP_NO_STREAM', `expected some of the streams ${numbers} to be asked for, found none`)
  }
  return streams.length === init.streams.length ? init : { ...init, streams }
}
