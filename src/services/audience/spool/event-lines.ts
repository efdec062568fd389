/** Events as lines of JSON: in the spool, and each by itself in the store. */
import { FormatError } from '../../../errors.ts'
import { PLAY_EVENT_KINDS, PLAY_EVENT_SOURCES, PLAYER_STATES, type PlayEvent } from '../../../playlog/play-event.ts'

/** An event and its line. */
export interface EventLine {
  readonly event: PlayEvent
  readonly line: string
}

/** Of one batch. */
export const MAX_BATCH_EVENTS = 1000
export const MAX_SESSION_ID = 128

type Field = keyof PlayEvent
type Check = (value: unknown) => boolean

const isText: Check = (value) => typeof value === 'string'
const isNumber: Check = (value) => typeof value === 'number' && Number.isFinite(value)
const isFlag: Check = (value) => typeof value === 'boolean'
const isOneOf =
  (all: readonly string[]): Check =>
  (value) =>
    typeof value === 'string' && all.includes(value)

const isSessionId: Check = (value) => typeof value === 'string' && value !== '' && value.length <= MAX_SESSION_ID

const CHECKS: Readonly<Record<Field, Check>> = {
  sessionId: isSessionId,
  formerId: isSessionId,
  kind: isOneOf(PLAY_EVENT_KINDS),
  source: isOneOf(PLAY_EVENT_SOURCES),
  time: isNumber,
  receivedAt: isNumber,
  sequence: isNumber,
  path: isText,
  contentId: isText,
  protocol: isText,
  playerId: isText,
  address: isText,
  userAgent: isText,
  state: isOneOf(PLAYER_STATES),
  rate: isNumber,
  position: isNumber,
  bitrate: isNumber,
  throughput: isNumber,
  buffer: isNumber,
  latency: isNumber,
  droppedFrames: isNumber,
  startup: isNumber,
  stalls: isNumber,
  stalled: isNumber,
  starved: isFlag,
  hidden: isFlag,
  status: isNumber,
  firstByte: isNumber,
  lastByte: isNumber,
  bytes: isNumber,
  lostPackets: isNumber,
  errors: (value) => Array.isArray(value) && value.every(isText),
  reason: isText,
  played: isNumber,
  original: isText,
}
const REQUIRED: readonly Field[] = ['sessionId', 'kind', 'source', 'time', 'receivedAt']

export function formatEvents(events: readonly PlayEvent[]): string {
  return events.map((event) => JSON.stringify(event)).join('\n')
}

/** Throws FormatError ERR_AUDIENCE_SPOOL. */
export function parseEvents(text: string): EventLine[] {
  const lines = text.split('\n', MAX_BATCH_EVENTS + 1)
  if (lines.length > MAX_BATCH_EVENTS) throw wrong(`at most ${MAX_BATCH_EVENTS} events`)
  return lines.map((line) => ({ event: parseEvent(line), line }))
}

/** Throws FormatError ERR_AUDIENCE_SPOOL. */
export function parseEvent(line: string): PlayEvent {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (cause) {
    throw new FormatError('ERR_AUDIENCE_SPOOL', 'expected JSON', undefined, { cause })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong('an event')
  for (const name in value) {
    const check = Object.hasOwn(CHECKS, name) ? CHECKS[name as Field] : undefined
    if (check === undefined || !check((value as Record<string, unknown>)[name])) throw wrong(`an event's ${name}`)
  }
  if (REQUIRED.some((name) => !Object.hasOwn(value, name))) throw wrong(REQUIRED.join(', '))
  return value as PlayEvent
}

function wrong(expected: string): FormatError {
  return new FormatError('ERR_AUDIENCE_SPOOL', `expected ${expected}`)
}
