/** Pragma headers: the tokens in which Windows Media clients and servers say almost everything (MS-WMSP 2.2.1.4). */
import { PeerError } from '../../errors.ts'
import type { HeaderLine } from './message-head.ts'

/** Tokens of one message; real ones have at most 25. */
export const MAX_PRAGMA_TOKENS = 64
/** Characters of all Pragma values of one message. */
export const MAX_PRAGMA_LENGTH = 12 * 1024

const MAX_U32 = 0xffff_ffff
/** Fastest forward and backward (2.2.1.4.22). */
const MAX_RATE = 5

const FEATURES = new Set([
  'broadcast',
  'last',
  'live',
  'playlist',
  'seekable',
  'skipbackward',
  'skipforward',
  'stridable',
])
/** Tokens that stand alone in their header, because their values hold what separates others. */
const WHOLE_LINE = new Set(['log-line'])
/** Two spellings in the same document (2.2.1.4.26 and .27). */
const SPELLINGS = new Map([
  ['switch-stream-count', 'stream-switch-count'],
  ['switch-stream-entry', 'stream-switch-entry'],
])
/** Tokens whose repetition goes on instead of saying something else. */
const JOINED = new Set(['stream-switch-entry'])

/** The tokens of one message, names in lower case, in the order of their first appearance; of repeated ones the last counts. */
export class Pragma {
  readonly #tokens: ReadonlyMap<string, string>

  /** Use `parsePragma`. */
  constructor(tokens: ReadonlyMap<string, string>) {
    this.#tokens = tokens
  }

  has(name: string): boolean {
    return this.#tokens.has(name.toLowerCase())
  }

  names(): IterableIterator<string> {
    return this.#tokens.keys()
  }

  /** The value without its quotes; empty for a bare word. */
  text(name: string): string | undefined {
    return this.#tokens.get(name.toLowerCase())
  }

  /** `name=1`. */
  flag(name: string): boolean {
    return this.u32(name) === 1
  }

  /** The digits at the beginning of the value; `undefined`: none. Throws PeerError ERR_WMS_PRAGMA_INVALID above 32 bits. */
  u32(name: string): number | undefined {
    const digits = /^\d+/.exec(this.text(name) ?? '')?.[0]
    if (digits === undefined) return undefined
    const value = Number(digits)
    if (value > MAX_U32) throw invalid(name, 'a number of 32 bits', digits)
    return value
  }

  /** A number with a sign and no fraction, as `pl-offset` has; `undefined`: none. */
  signed(name: string): number | undefined {
    const digits = /^[+-]?\d{1,10}/.exec(this.text(name) ?? '')?.[0]
    return digits === undefined ? undefined : Number(digits)
  }

  /** A number with a fraction, as `Speed` has; `undefined`: none. */
  real(name: string): number | undefined {
    const digits = /^[+-]?\d{1,10}(\.\d{0,10})?/.exec(this.text(name) ?? '')?.[0]
    return digits === undefined ? undefined : Number(digits)
  }

  /** `rate`: -5 to 5, negative is rewinding. Throws PeerError ERR_WMS_PRAGMA_INVALID for 0 and for anything faster. */
  get rate(): number | undefined {
    const rate = this.real('rate')
    if (rate !== undefined && (rate === 0 || Math.abs(rate) > MAX_RATE)) {
      throw invalid('rate', `-${MAX_RATE} to ${MAX_RATE} without 0`, String(rate))
    }
    return rate
  }

  /** `stream-offset`, bytes; `undefined` also for the pair of highest numbers, which says nothing. Throws ERR_WMS_PRAGMA_INVALID. */
  get streamOffset(): number | undefined {
    const match = /^(\d{1,10}):(\d{1,10})/.exec(this.text('stream-offset') ?? '')
    const [, high, low] = (match ?? []).map(Number)
    if (high === undefined || low === undefined || (high === MAX_U32 && low === MAX_U32)) return undefined
    const offset = high * 2 ** 32 + low
    if (high > MAX_U32 || low > MAX_U32 || !Number.isSafeInteger(offset)) {
      throw invalid('stream-offset', 'a position below 2^53', `${high}:${low}`)
    }
    return offset
  }

  /** Words of `features`, in lower case. */
  get features(): ReadonlySet<string> {
    const words = (this.text('features') ?? '').toLowerCase().split(',')
    return new Set(words.map((word) => word.trim()).filter((word) => word !== ''))
  }
}

/**
 * Reads the values of all Pragma headers of a message. Never refuses a token it does not know or a value it cannot read. Throws
 * PeerError ERR_WMS_PRAGMA_LIMIT for too many tokens or characters.
 */
export function parsePragma(values: readonly string[]): Pragma {
  let length = 0
  for (const value of values) length += value.length
  if (length > MAX_PRAGMA_LENGTH) throw tooMany(`${MAX_PRAGMA_LENGTH} characters of Pragma`)
  const tokens = new Map<string, string>()
  let count = 0
  for (const value of values) {
    for (const [name, text] of splitTokens(value)) {
      if (++count > MAX_PRAGMA_TOKENS) throw tooMany(`${MAX_PRAGMA_TOKENS} Pragma tokens`)
      const before = JOINED.has(name) ? tokens.get(name) : undefined
      tokens.set(name, before === undefined ? text : `${before} ${text}`)
    }
  }
  return new Pragma(tokens)
}

/** A bare word, or a name with its value. Values with commas or spaces of their own are to be given with quotes. */
export type PragmaToken = string | readonly [name: string, value: string | number]

/** One header line of tokens, without spaces as the servers of old write it. */
export function formatPragma(tokens: readonly PragmaToken[]): HeaderLine {
  return ['Pragma', tokens.map((token) => (typeof token === 'string' ? token : `${token[0]}=${token[1]}`)).join(',')]
}

function* splitTokens(value: string): Generator<readonly [name: string, text: string]> {
  let at = 0
  while (at < value.length) {
    const word = /[^=,]*/y
    word.lastIndex = at
    const name = canonical(word.exec(value)?.[0] ?? '')
    at = word.lastIndex
    if (value[at] !== '=') {
      at++
      if (name !== '') yield [name, '']
      continue
    }
    const start = at + 1
    if (WHOLE_LINE.has(name)) {
      yield [name, value.slice(start).trim()]
      return
    }
    const text = name === 'features' ? featureList(value, start) : tokenValue(value, start)
    const comma = value.indexOf(',', start + text.length)
    at = comma < 0 ? value.length : comma + 1
    if (name !== '') yield [name, unquote(text.trim())]
  }
}

function canonical(name: string): string {
  const lower = name.trim().toLowerCase()
  return SPELLINGS.get(lower) ?? lower
}

/** A value up to the comma, which does not count between quotes. */
function tokenValue(value: string, at: number): string {
  const pattern = /\s*"(?:[^"\\]|\\.)*"|[^,]*/y
  pattern.lastIndex = at
  return pattern.exec(value)?.[0] ?? ''
}

/** Some servers leave out the quotes: then words follow that look like tokens of their own. */
function featureList(value: string, at: number): string {
  const text = tokenValue(value, at)
  if (text.trimStart().startsWith('"')) return text
  let end = at + text.length
  while (value[end] === ',') {
    const next = tokenValue(value, end + 1)
    if (!FEATURES.has(next.trim().toLowerCase())) break
    end += 1 + next.length
  }
  return value.slice(at, end)
}

function unquote(text: string): string {
  if (!text.startsWith('"')) return text
  const inner = text.endsWith('"') && text.length > 1 ? text.slice(1, -1) : text.slice(1)
  return inner.replaceAll(/\\(.)/g, '$1')
}

function invalid(name: string, expected: string, found: string): PeerError {
  return new PeerError('ERR_WMS_PRAGMA_INVALID', `expected ${name} to be ${expected}, found ${found.slice(0, 60)}`)
}

function tooMany(limit: string): PeerError {
  return new PeerError('ERR_WMS_PRAGMA_LIMIT', `expected at most ${limit}`)
}
