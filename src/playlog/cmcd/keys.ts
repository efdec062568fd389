/** The keys of Common Media Client Data: CTA-5004 (version 1) and CTA-5004-B (version 2), with their types and places. */

/** Which of the four headers carries a key; keys without one belong to events only. */
export type CmcdHeader = 'request' | 'object' | 'status' | 'session'

/**
 * - `integer`, `decimal`, `boolean`, `token`, `string`;
 * - `numbers`, `strings`: an inner list in version 2, one value in version 1.
 */
export type CmcdType = 'integer' | 'decimal' | 'boolean' | 'token' | 'string' | 'numbers' | 'strings'

export interface CmcdKey {
  readonly type: CmcdType
  readonly header?: CmcdHeader
  /** Known to version 1 too. */
  readonly v1?: true
  /** Characters of a string at most. */
  readonly maxLength?: number
  /** Values that a token may have. */
  readonly tokens?: ReadonlySet<string>
}

/** Longest text of keys that name no limit of their own. */
export const DEFAULT_MAX_LENGTH = 2048
const ID_LENGTH = 128
const SESSION_LENGTH = 64

const OBJECT_TYPES = new Set(['m', 'a', 'v', 'av', 'i', 'c', 'tt', 'k', 'o'])
const STREAMING_FORMATS = new Set(['d', 'h', 'e', 's', 'o'])
const STREAM_TYPES = new Set(['v', 'l', 'll'])
/** Player states: starting, playing, seeking, rebuffering, paused, ended, fatal error, quit, preloading. */
export const CMCD_STATES: ReadonlySet<string> = new Set(['s', 'p', 'k', 'r', 'a', 'e', 'f', 'q', 'd'])
/** Event types of version 2. */
export const CMCD_EVENTS: ReadonlySet<string> = new Set([
  ...['abs', 'abe', 'as', 'ae', 'b', 'bc', 'c', 'ce', 'e', 'h', 'm', 'um'],
  ...['pc', 'pe', 'pr', 'ps', 'rr', 'sk', 't'],
])

export const CMCD_KEYS: ReadonlyMap<string, CmcdKey> = new Map<string, CmcdKey>([
  ['ab', { type: 'numbers', header: 'object' }],
  ['bg', { type: 'boolean', header: 'status' }],
  ['bl', { type: 'numbers', header: 'request', v1: true }],
  ['br', { type: 'numbers', header: 'object', v1: true }],
  ['bs', { type: 'boolean', header: 'status', v1: true }],
  ['bsa', { type: 'numbers', header: 'status' }],
  ['bsd', { type: 'numbers', header: 'status' }],
  ['bsda', { type: 'numbers', header: 'status' }],
  ['cdn', { type: 'string', header: 'status', maxLength: ID_LENGTH }],
  ['cen', { type: 'string', maxLength: SESSION_LENGTH }],
  ['cid', { type: 'string', header: 'session', v1: true, maxLength: ID_LENGTH }],
  ['cmsdd', { type: 'string' }],
  ['cmsds', { type: 'string' }],
  ['cs', { type: 'string', header: 'request' }],
  ['d', { type: 'integer', header: 'object', v1: true }],
  ['dfa', { type: 'integer', header: 'request' }],
  ['dl', { type: 'integer', header: 'request', v1: true }],
  ['e', { type: 'token', tokens: CMCD_EVENTS }],
  ['ec', { type: 'strings', header: 'status' }],
  ['h', { type: 'string', maxLength: ID_LENGTH }],
  ['lab', { type: 'numbers', header: 'object' }],
  ['lb', { type: 'numbers', header: 'object' }],
  ['ltc', { type: 'integer', header: 'request' }],
  ['msd', { type: 'integer', header: 'session' }],
  ['mtp', { type: 'numbers', header: 'request', v1: true }],
  ['nor', { type: 'strings', header: 'request', v1: true }],
  ['nr', { type: 'boolean', header: 'status' }],
  ['nrr', { type: 'string', header: 'request', v1: true }],
  ['ot', { type: 'token', header: 'object', v1: true, tokens: OBJECT_TYPES }],
  ['pb', { type: 'numbers', header: 'request' }],
  ['pr', { type: 'decimal', header: 'status', v1: true }],
  ['pt', { type: 'integer', header: 'status' }],
  ['rc', { type: 'integer' }],
  ['rtp', { type: 'integer', header: 'status', v1: true }],
  ['sf', { type: 'token', header: 'session', v1: true, tokens: STREAMING_FORMATS }],
  ['sid', { type: 'string', header: 'session', v1: true, maxLength: SESSION_LENGTH }],
  ['smrt', { type: 'string' }],
  ['sn', { type: 'integer', header: 'request' }],
  ['st', { type: 'token', header: 'session', v1: true, tokens: STREAM_TYPES }],
  ['sta', { type: 'token', header: 'request', tokens: CMCD_STATES }],
  ['su', { type: 'boolean', header: 'request', v1: true }],
  ['tab', { type: 'numbers', header: 'object' }],
  ['tb', { type: 'numbers', header: 'object', v1: true }],
  ['tbl', { type: 'numbers', header: 'request' }],
  ['tpb', { type: 'numbers', header: 'object' }],
  ['ts', { type: 'integer' }],
  ['ttfb', { type: 'integer' }],
  ['ttfbb', { type: 'integer' }],
  ['ttlb', { type: 'integer' }],
  ['url', { type: 'string' }],
  ['v', { type: 'integer', header: 'session', v1: true }],
])

/** A key of somebody's own: lower case, with a hyphen inside, as `com.example-name`. */
export function isCustomKey(key: string): boolean {
  return /^[a-z*][a-z0-9_.*]*-[a-z0-9_.*-]*[a-z0-9_.*]$/.test(key)
}
