/** What may be kept of a report: less of its viewer than it tells, and no character that steers terminals, ends lines or misleads. */
import { createHmac, randomBytes } from 'node:crypto'
import { isIP } from 'node:net'
import { plainAddress } from '../../net/http/client-address.ts'
import type { PlayEvent } from '../../playlog/play-event.ts'
import { cleanWmlogText } from '../../playlog/wmlog-value.ts'
import type { AudienceOptions } from './options.ts'

export type PrivacyOptions = Pick<AudienceOptions, 'address' | 'doNotTrack'>

const DAY_MS = 86_400_000
const SALT_BYTES = 32
/** Characters of a hash: 96 bits. */
const HASH_LENGTH = 16
/** Characters of any text but the record itself. */
const MAX_TEXT = 256
/** Characters of the record. */
const MAX_ORIGINAL = 8192
const MAX_SESSION_ID = 128

/** Fields of a Windows Media log line that name its viewer, from 0 (MS-WMLOG 2.2): address, host name, player id. */
const LINE_ADDRESS = 0
const LINE_HOST = 3
const LINE_PLAYER = 9

const TEXTS = ['path', 'contentId', 'protocol', 'playerId', 'userAgent', 'reason'] as const

export class Privacy {
  readonly #now: () => number
  #salt = randomBytes(SALT_BYTES)
  #day: number

  /** `now`: Unix time, milliseconds. */
  constructor(now: () => number = Date.now) {
    this.#now = now
    this.#day = Math.floor(now() / DAY_MS)
  }

  /** The event as it is kept. */
  keep(event: PlayEvent, options: PrivacyOptions, optedOut: boolean): PlayEvent {
    const kept: { -readonly [Name in keyof PlayEvent]: PlayEvent[Name] } = { ...event }
    const anonymous = optedOut && options.doNotTrack
    const { address: policy } = options
    const address = anonymous || event.address === undefined ? undefined : this.#address(event.address, policy)
    if (address === undefined) delete kept.address
    else kept.address = address
    if (event.playerId !== undefined) {
      if (anonymous || policy === 'none') delete kept.playerId
      else if (policy === 'hashed') kept.playerId = this.#hash(event.playerId)
    }
    if (anonymous) {
      delete kept.userAgent
      delete kept.original
    }
    kept.sessionId = cleanText(event.sessionId, MAX_SESSION_ID)
    for (const name of TEXTS) {
      const text = kept[name]
      if (text !== undefined) kept[name] = cleanText(text, MAX_TEXT)
    }
    if (kept.errors !== undefined) kept.errors = kept.errors.map((code) => cleanText(code, MAX_TEXT))
    if (kept.original !== undefined) kept.original = this.#original(event.source, kept.original, policy)
    return kept
  }

  #address(address: string, policy: PrivacyOptions['address']): string | undefined {
    const plain = plainAddress(address).replace(/%.*$/s, '')
    if (policy === 'none' || isIP(plain) === 0) return undefined
    if (policy === 'whole') return plain
    return policy === 'network' ? networkOf(plain) : this.#hash(plain)
  }

  /** The same for the same text on the same day (UTC) of the same run; nobody can tell more of it, not even with this machine in hand later. */
  #hash(text: string): string {
    const day = Math.floor(this.#now() / DAY_MS)
    if (day !== this.#day) {
      this.#day = day
      this.#salt = randomBytes(SALT_BYTES)
    }
    return createHmac('sha256', this.#salt).update(text).digest('base64url').slice(0, HASH_LENGTH)
  }

  #original(source: PlayEvent['source'], original: string, policy: PrivacyOptions['address']): string {
    const clean = cleanText(original, MAX_ORIGINAL)
    if (source === 'cmcd') return withoutQueries(clean)
    if (policy === 'whole') return clean
    const words = clean.split(' ')
    words[LINE_ADDRESS] = '-'
    if (words[LINE_HOST] !== undefined) words[LINE_HOST] = '-'
    if (policy !== 'network' && words[LINE_PLAYER] !== undefined) words[LINE_PLAYER] = '-'
    return words.join(' ')
  }
}

/** `203.0.113.0/24`, `2001:db8:7::/48`. `address`: one that is valid. */
function networkOf(address: string): string {
  if (!address.includes(':')) return `${address.split('.').slice(0, 3).join('.')}.0/24`
  const [head = '', tail] = address.split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) while (groups.length < 3) groups.push('0')
  return `${groups.slice(0, 3).join(':')}::/48`
}

/** Cut, with `_` for what could break a line or mislead. */
function cleanText(text: string, limit: number): string {
  const cut = text.length > limit ? text.slice(0, limit) : text
  return UNCLEAN.test(cut) ? cleanWmlogText(cut) : cut
}

/** Texts without it, which nearly all are, stay as they came. */
const UNCLEAN = /[^ -~]/

/** Addresses in a CMCD record lose what is behind their `?`: tokens and keys are there. */
function withoutQueries(record: string): string {
  if (!record.includes('?')) return record
  return record.replace(QUOTED, (quoted) => {
    const mark = quoted.indexOf('?')
    return mark < 0 ? quoted : `${quoted.slice(0, mark)}"`
  })
}

/** A string of RFC 8941, or what is left of one at the end. */
const QUOTED = /"(?:[^"\\]|\\.)*(?:"|$)/g
