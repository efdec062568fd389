/** What players tell, kept within what can be: one forged number would spoil the sums of everybody. */
import type { PlayEvent } from '../../../playlog/play-event.ts'

const DAY_MS = 86_400_000
/** A player's clock may be ahead by that; further, and what is older than the second, the time of arrival counts. */
export const MAX_AHEAD_MS = 300_000
export const MAX_BEHIND_MS = DAY_MS
const MAX_CODES = 8

const TEXT_LIMITS = {
  path: 256,
  contentId: 256,
  protocol: 16,
  playerId: 128,
  address: 64,
  userAgent: 256,
  reason: 256,
  original: 8192,
} as const satisfies Partial<Record<keyof PlayEvent, number>>
const MAX_CODE = 64

/** Largest values; more is taken for a mistake and left out. */
const NUMBER_LIMITS = {
  sequence: 2 ** 40,
  rate: 100,
  position: 2 ** 50,
  bitrate: 10_000_000,
  throughput: 100_000_000,
  buffer: DAY_MS,
  latency: DAY_MS,
  droppedFrames: 2 ** 40,
  startup: DAY_MS,
  stalls: 1_000_000,
  stalled: DAY_MS,
  status: 2 ** 40,
  firstByte: DAY_MS,
  lastByte: DAY_MS,
  bytes: 2 ** 50,
  lostPackets: 2 ** 40,
  played: DAY_MS,
} as const satisfies Partial<Record<keyof PlayEvent, number>>

/** The same event when all of it can be; numbers but the rate are whole. */
export function believable(event: PlayEvent): PlayEvent {
  let changed: Record<string, unknown> | undefined
  const set = (name: string, value: unknown) => {
    changed ??= { ...event }
    if (value === undefined) delete changed[name]
    else changed[name] = value
  }
  for (const name in event) {
    const value: unknown = event[name as keyof PlayEvent]
    if (typeof value === 'string') {
      const text = storableText(value.slice(0, TEXT_LIMITS[name as keyof typeof TEXT_LIMITS]))
      if (text !== value) set(name, text)
    } else if (typeof value === 'number') {
      if (name === 'time' || name === 'receivedAt') continue
      if (value < 0 || value > NUMBER_LIMITS[name as keyof typeof NUMBER_LIMITS]) set(name, undefined)
      else if (!Number.isInteger(value) && name !== 'rate') set(name, Math.round(value))
    }
  }
  const { errors, time, receivedAt } = event
  if (errors !== undefined) {
    const codes = errors.slice(0, MAX_CODES).map((code) => storableText(code.slice(0, MAX_CODE)))
    if (errors.length > MAX_CODES || codes.some((code, at) => code !== errors[at])) set('errors', codes)
  }
  const received = Math.round(receivedAt)
  if (received !== receivedAt) set('receivedAt', received)
  const isForged = time > received + MAX_AHEAD_MS || time < received - MAX_BEHIND_MS
  if (isForged) set('time', received)
  else if (!Number.isInteger(time)) set('time', Math.round(time))
  return (changed ?? event) as unknown as PlayEvent
}

/** What every database keeps as it is: PostgreSQL has no U+0000, and half of a surrogate pair is no character. */
export function storableText(text: string): string {
  const whole = text.toWellFormed()
  return whole.includes('\0') ? whole.replaceAll('\0', '\ufffd') : whole
}
