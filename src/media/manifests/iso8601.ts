/** Dates and durations as HLS and DASH write them (ISO 8601; XML Schema part 2, sections 3.2.6 and 3.2.7). */
import { FormatError } from '../../errors.ts'

const DATE_TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,12}))?(Z|[+-]\d\d:?\d\d|[+-]\d\d)?$/
const DURATION =
  /^P(?:(\d{1,9})Y)?(?:(\d{1,9})M)?(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,12}(?:\.\d{0,12})?)S)?)?$/

/** Both texts are far shorter; a longer one is not tried. */
const MAX_TEXT_LENGTH = 64

/** Milliseconds since 1970 as `2026-01-31T12:00:00.000Z`. */
export function formatDateTime(epochMs: number): string {
  return new Date(epochMs).toISOString()
}

/** Milliseconds since 1970, to the millisecond. A time without a zone is taken as UTC. Throws FormatError. */
export function parseDateTime(text: string): number {
  const match = text.length > MAX_TEXT_LENGTH ? null : DATE_TIME.exec(text)
  if (match !== null) {
    const [, clock = '', fraction = '', zone = 'Z'] = match
    const normalZone = zone === 'Z' ? zone : `${zone.slice(0, 3)}:${zone.slice(3).replace(':', '') || '00'}`
    const epochMs = Date.parse(`${clock}.${fraction.padEnd(3, '0').slice(0, 3)}${normalZone}`)
    if (!Number.isNaN(epochMs)) return epochMs
  }
  throw new FormatError(
    'ERR_MANIFEST_DATE_INVALID',
    `expected a date and time as in ISO 8601, found "${shorten(text)}"`,
  )
}

/** Seconds as `PT1.5S`, rounded to the microsecond; only the seconds unit is used. */
export function formatDuration(seconds: number): string {
  return `PT${Math.round(seconds * 1e6) / 1e6}S`
}

/** Seconds. A year counts 365 days and a month 30, as their true length is not known here. Throws FormatError. */
export function parseDuration(text: string): number {
  const match = text.length > MAX_TEXT_LENGTH ? null : DURATION.exec(text)
  if (match === null || text === 'P' || text.endsWith('T')) {
    throw new FormatError(
      'ERR_MANIFEST_DURATION_INVALID',
      `expected a duration such as PT1.5S, found "${shorten(text)}"`,
    )
  }
  const [, years = '0', months = '0', days = '0', hours = '0', minutes = '0', seconds = '0'] = match
  const wholeDays = Number(years) * 365 + Number(months) * 30 + Number(days)
  return wholeDays * 86_400 + Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds)
}

function shorten(text: string): string {
  return text.length > MAX_TEXT_LENGTH ? `${text.slice(0, MAX_TEXT_LENGTH)}…` : text
}
