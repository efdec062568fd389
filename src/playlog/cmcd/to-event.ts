/** CMCD records in the form that all reports are kept in (CTA-5004-B sections 3 and 5). */
import { type PlayEvent, type PlayEventKind, type PlayerState, type ToldEvent, withoutGaps } from '../play-event.ts'
import type { CmcdNumber, CmcdRecord, CmcdText, CmcdValues } from './record.ts'

const STATES: Readonly<Record<string, PlayerState>> = {
  s: 'starting',
  p: 'playing',
  k: 'seeking',
  r: 'rebuffering',
  a: 'paused',
  e: 'ended',
  f: 'failed',
  q: 'quit',
  d: 'preloading',
}

/** Of events with words of their own; others are `other`. */
const KINDS: Readonly<Record<string, PlayEventKind>> = {
  ps: 'state',
  t: 'interval',
  bc: 'bitrate',
  e: 'error',
  rr: 'response',
}

const PROTOCOLS: Readonly<Record<string, string>> = { d: 'dash', h: 'hls', s: 'smooth', e: 'hesp' }

/** What the server knows of a record, and the record does not tell. */
export interface CmcdReception {
  /** Unix time, milliseconds. */
  readonly receivedAt: number
  readonly path?: string
  readonly protocol?: string
  readonly address?: string
  readonly userAgent?: string
  /** For records without `sid`. */
  readonly sessionId?: string
  /** The text of the record. */
  readonly original?: string
}

/** `undefined`: nobody knows whose it is. */
export function cmcdToEvent({ values }: CmcdRecord, reception: CmcdReception): PlayEvent | undefined {
  const sid = text(values, 'sid')
  const sessionId = sid === undefined || sid === '' ? reception.sessionId : sid
  if (sessionId === undefined) return undefined
  const name = text(values, 'e')
  const firstByte = number(values, 'ttfb')
  const lastByte = number(values, 'ttlb')
  const state = STATES[text(values, 'sta') ?? '']
  const event: PlayEvent = {
    sessionId,
    kind: name === undefined ? 'request' : (KINDS[name] ?? 'other'),
    source: 'cmcd',
    time: number(values, 'ts') ?? reception.receivedAt,
    receivedAt: reception.receivedAt,
  }
  const told: ToldEvent = {
    sequence: number(values, 'sn'),
    path: reception.path,
    contentId: text(values, 'cid'),
    protocol: reception.protocol ?? PROTOCOLS[text(values, 'sf') ?? ''],
    address: reception.address,
    userAgent: reception.userAgent,
    // Of a response, `ts` is when it was asked for, and the state that when it was there: after a stall, one that did not begin then.
    state: name === 'rr' ? undefined : state,
    rate: number(values, 'pr'),
    position: number(values, 'pt'),
    bitrate: bitrateOf(values),
    throughput: list(values, 'mtp'),
    buffer: list(values, 'bl'),
    latency: number(values, 'ltc'),
    droppedFrames: number(values, 'dfa'),
    // Before the first picture nobody knows it; dash.js tells one all the same.
    startup: state === 'starting' || state === 'preloading' ? undefined : number(values, 'msd'),
    stalls: list(values, 'bsa'),
    stalled: list(values, 'bsda'),
    starved: flag(values, 'bs'),
    hidden: flag(values, 'bg'),
    status: number(values, 'rc'),
    firstByte: firstByte !== undefined && firstByte > (lastByte ?? firstByte) ? undefined : firstByte,
    lastByte,
    errors: (values.get('ec') as readonly CmcdText[] | undefined)?.map(({ value }) => value),
    original: reception.original,
  }
  return Object.assign(event, withoutGaps(told))
}

/** Of what is played, or of the pictures asked for: a request for sound says nothing of them. */
function bitrateOf(values: CmcdValues): number | undefined {
  const type = text(values, 'ot')
  if (type !== undefined && type !== 'v' && type !== 'av') return undefined
  return list(values, 'pb') ?? list(values, 'br')
}

/** The entry of video, or that of all, else the first. */
function list(values: CmcdValues, key: string): number | undefined {
  const entries = values.get(key) as readonly CmcdNumber[] | undefined
  const own = entries?.find(({ of }) => of === undefined || of === 'v' || of === 'av') ?? entries?.[0]
  return natural(own?.value)
}

function number(values: CmcdValues, key: string): number | undefined {
  return natural(values.get(key) as number | undefined)
}

/** None of these is ever below 0, and players send `-1` for what they do not know. */
function natural(value: number | undefined): number | undefined {
  return value === undefined || value < 0 ? undefined : value
}

function text(values: CmcdValues, key: string): string | undefined {
  return values.get(key) as string | undefined
}

function flag(values: CmcdValues, key: string): boolean | undefined {
  return values.get(key) as boolean | undefined
}
