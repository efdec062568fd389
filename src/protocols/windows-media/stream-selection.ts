/** Which streams a player wants, whole, thinned to key frames, or not: stream-switch-entry (MS-WMSP 2.2.1.4.27, 3.2.5.7). */
import { PeerError } from '../../errors.ts'
import type { AsfInit } from '../../media/containers/asf/model.ts'
import type { Pragma, PragmaToken } from './pragma.ts'
import { atLeast, type Product } from './product.ts'

/** Entries of one request: each of the 127 streams twice. */
export const MAX_SWITCH_ENTRIES = 254

/** 0 whole, 1 key frames only, 2 not at all. */
export type StreamLevel = 0 | 1 | 2

/** Stream numbers with what of them is sent; those that are missing are not. */
export type StreamLevels = ReadonlyMap<number, StreamLevel>

/** `source` is replaced by `target`; `undefined`: there is none. */
export interface SwitchEntry {
  readonly source: number | undefined
  readonly target: number
  readonly level: StreamLevel
}

const NO_SOURCE = 0xffff

/**
 * The entries of a request; `undefined`: it selects nothing. `streams` are the numbers of the content, which decide how numbers of two
 * digits are meant. Throws PeerError ERR_WMS_SWITCH_LIMIT or ERR_WMS_SWITCH_INVALID.
 */
export function switchEntries(
  pragma: Pragma,
  product: Product | undefined,
  streams: readonly number[],
): readonly SwitchEntry[] | undefined {
  const text = pragma.text('stream-switch-entry')
  if (text === undefined) return undefined
  const words = text.split(/[\s,]+/, MAX_SWITCH_ENTRIES + 2).filter((word) => word !== '')
  if (words.length > MAX_SWITCH_ENTRIES) {
    throw new PeerError('ERR_WMS_SWITCH_LIMIT', `expected at most ${MAX_SWITCH_ENTRIES} entries in stream-switch-entry`)
  }
  const radixes = writesHex(pragma, product) ? ([16, 10] as const) : ([10, 16] as const)
  const readings = radixes.map((radix) => words.map((word) => parseEntry(word, radix)))
  const known = (entries: readonly (SwitchEntry | undefined)[]) =>
    entries.every((entry) => entry !== undefined && streams.includes(entry.target))
  const valid = (entries: readonly (SwitchEntry | undefined)[]) => entries.every((entry) => entry !== undefined)
  const reading = readings.find(known) ?? readings.find(valid)
  if (reading === undefined) {
    const found = JSON.stringify(text.slice(0, 60))
    throw new PeerError('ERR_WMS_SWITCH_INVALID', `expected entries like ffff:1:0, found ${found}`)
  }
  return reading.filter((entry) => entry !== undefined)
}

/**
 * What is sent after these entries. `before` is what was sent until now: a Play request starts with nothing. Streams that the content
 * does not have are left out.
 */
export function applySwitches(
  entries: readonly SwitchEntry[],
  init: Pick<AsfInit, 'streams'>,
  before: StreamLevels = new Map(),
): StreamLevels {
  const levels = new Map(before)
  for (const { source, target, level } of entries) {
    if (source !== undefined && source !== target) levels.delete(source)
    if (level === 2) levels.delete(target)
    else if (init.streams.some(({ number }) => number === target)) levels.set(target, level)
  }
  return levels
}

/** All streams of the content, whole. */
export function allStreams(init: Pick<AsfInit, 'streams'>): StreamLevels {
  return new Map(init.streams.map(({ number }) => [number, 0]))
}

/** Tokens for a request, each for a Pragma header of its own. Numbers are hexadecimal, as written in the specification. */
export function formatSwitches(entries: readonly SwitchEntry[]): readonly [count: PragmaToken, entries: PragmaToken] {
  const words = entries.map(
    ({ source, target, level }) => `${(source ?? NO_SOURCE).toString(16)}:${target.toString(16)}:${level}`,
  )
  return [
    ['stream-switch-count', entries.length],
    ['stream-switch-entry', words.join(' ')],
  ]
}

/**
 * FFmpeg, libmms and xine write decimal numbers. They call themselves the player of old, and so does MPlayer, which writes hexadecimal
 * ones, with the entries before their count.
 */
function writesHex(pragma: Pragma, product: Product | undefined): boolean {
  if (product === undefined || product.token !== 'NSPlayer' || atLeast(product, 5)) return true
  for (const name of pragma.names()) {
    if (name === 'stream-switch-entry') return true
    if (name === 'stream-switch-count') return false
  }
  return true
}

function parseEntry(word: string, radix: 10 | 16): SwitchEntry | undefined {
  const match = /^([0-9A-Fa-f]{1,4}):([0-9A-Fa-f]{1,4}):([012])$/.exec(word)
  const [, from = '', to = '', level = ''] = match ?? []
  if (match === null || (radix === 10 && /\D/.test(to))) return undefined
  const none = Number.parseInt(from, 16) === NO_SOURCE
  if (radix === 10 && !none && /\D/.test(from)) return undefined
  return {
    source: none ? undefined : Number.parseInt(from, radix),
    target: Number.parseInt(to, radix),
    level: Number(level) as StreamLevel,
  }
}
