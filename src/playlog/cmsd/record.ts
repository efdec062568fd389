/** Common Media Server Data: what servers tell with a response (CTA-5006), read from its two headers. */
import { type BareItem, DictionaryScanner, type FieldValue } from '../cmcd/scanner.ts'

/** Characters of a header that are looked at. */
export const MAX_CMSD_LENGTH = 8192
/** Servers on the way of one response. */
export const MAX_HOPS = 32
/** Keys of one record. */
const MAX_KEYS = 64
/** Characters of an address or name. */
const MAX_TEXT_LENGTH = 2048

/** What an origin says of an object; it stays the same on its way (`CMSD-Static`). */
export interface CmsdStatic {
  /** `at`: when the object was there first, milliseconds since 1970. */
  readonly availableAt?: number
  /** `br`: of its encoding, kilobits a second. */
  readonly bitrate?: number
  /** `d`: of its media, milliseconds. */
  readonly duration?: number
  /** `ht`: how long a request was held back until the object was there, milliseconds. */
  readonly held?: number
  /** `n`: who says it. */
  readonly server?: string
  /** `nor`: address of the object that comes next, relative to this one. */
  readonly nextObject?: string
  /** `nrr`: its bytes. */
  readonly nextRange?: string
  /** `ot`: manifest, audio, video, both, initialization, captions, timed text, key, other. */
  readonly objectType?: (typeof OBJECT_TYPES)[number]
  /** `sf`: DASH, HLS, Smooth Streaming, other. */
  readonly format?: (typeof FORMATS)[number]
  /** `st`: on demand or live. */
  readonly streamType?: (typeof STREAM_TYPES)[number]
  /** `su`: it is needed to start. */
  readonly startup?: boolean
}

/** What one server on the way says of this response (an entry of `CMSD-Dynamic`). */
export interface CmsdHop {
  /** Who says it. */
  readonly server: string
  /** `du`: it is short of something, such as processor or memory. */
  readonly duress?: boolean
  /** `etp`: throughput that it expects to the next one, kilobits a second. */
  readonly throughput?: number
  /** `mb`: bit rate that players had better not exceed, kilobits a second. */
  readonly maxBitrate?: number
  /** `rd`: from the request to the first byte of the response, milliseconds. */
  readonly delay?: number
  /** `rtt`: to the next one and back, milliseconds. */
  readonly roundTrip?: number
}

export const OBJECT_TYPES = ['m', 'a', 'v', 'av', 'i', 'c', 'tt', 'k', 'o'] as const
export const FORMATS = ['d', 'h', 's', 'o'] as const
export const STREAM_TYPES = ['v', 'l'] as const
/** Versions above are of another specification: nothing of them is read. */
const VERSION = 1

/** Keys as the wire has them, with what holds them. */
export const STATIC_KEYS = {
  at: 'availableAt',
  br: 'bitrate',
  d: 'duration',
  ht: 'held',
  n: 'server',
  nor: 'nextObject',
  nrr: 'nextRange',
  ot: 'objectType',
  sf: 'format',
  st: 'streamType',
  su: 'startup',
} as const satisfies Record<string, keyof CmsdStatic>
export const HOP_KEYS = {
  du: 'duress',
  etp: 'throughput',
  mb: 'maxBitrate',
  rd: 'delay',
  rtt: 'roundTrip',
} as const satisfies Record<string, keyof CmsdHop>

const TEXTS: ReadonlySet<string> = new Set(['n', 'nor', 'nrr'])
const FLAGS: ReadonlySet<string> = new Set(['su', 'du'])
const TOKENS: Readonly<Record<string, readonly string[]>> = { ot: OBJECT_TYPES, sf: FORMATS, st: STREAM_TYPES }

/**
 * The value of `CMSD-Static`. Keys that are unknown, or whose values are of a wrong type, are left out, and the last of several counts.
 * `undefined`: too long, of a newer version, or nothing in it is known.
 */
export function readCmsdStatic(text: string): CmsdStatic | undefined {
  if (text.length > MAX_CMSD_LENGTH) return undefined
  const found: Record<string, unknown> = {}
  const scanner = new DictionaryScanner(text)
  for (let keys = 0; scanner.next() && keys < MAX_KEYS; keys++) {
    const bare = bareOf(scanner.value)
    if (bare === undefined) continue
    if (scanner.key === 'v' && bare.type === 'integer' && bare.value > VERSION) return undefined
    const name = nameOf(STATIC_KEYS, scanner.key)
    const value = name === undefined ? undefined : valueOf(scanner.key, bare)
    if (name !== undefined && value !== undefined) found[name] = value
  }
  return Object.keys(found).length === 0 ? undefined : found
}

/** The value of `CMSD-Dynamic`, nearest to the origin first; entries without a name are left out. `undefined`: too long, or of too many servers. */
export function readCmsdDynamic(text: string): readonly CmsdHop[] | undefined {
  if (text.length > MAX_CMSD_LENGTH) return undefined
  const hops: CmsdHop[] = []
  const scanner = new DictionaryScanner(text)
  while (scanner.nextMember()) {
    if (hops.length >= MAX_HOPS) return undefined
    const { value } = scanner
    const bare = bareOf(value)
    if (value === undefined || 'list' in value || (bare?.type !== 'string' && bare?.type !== 'token')) continue
    if (bare.value.length > MAX_TEXT_LENGTH) continue
    const hop: Record<string, unknown> = { server: bare.value }
    for (const [key, parameter] of value.parameters ?? []) {
      const name = nameOf(HOP_KEYS, key)
      const known = name === undefined ? undefined : valueOf(key, parameter)
      if (name !== undefined && known !== undefined) hop[name] = known
    }
    hops.push(hop as unknown as CmsdHop)
  }
  return hops
}

function bareOf(value: FieldValue | undefined): BareItem | undefined {
  return value === undefined || 'list' in value ? undefined : value.bare
}

function nameOf(keys: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(keys, key) ? keys[key] : undefined
}

function valueOf(key: string, bare: BareItem): string | number | boolean | undefined {
  if (FLAGS.has(key)) return bare.type === 'boolean' ? bare.value : undefined
  if (TEXTS.has(key)) return bare.type === 'string' && bare.value.length <= MAX_TEXT_LENGTH ? bare.value : undefined
  const tokens = TOKENS[key]
  if (tokens !== undefined) return bare.type === 'token' && tokens.includes(bare.value) ? bare.value : undefined
  return bare.type === 'integer' && bare.value >= 0 ? bare.value : undefined
}
