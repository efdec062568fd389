/** Moments as people write them: a date, a time of today, or how long ago. */
import { ConfigError } from '../../errors.ts'

const SECONDS: Readonly<Record<string, number>> = { d: 86_400, h: 3_600, m: 60, s: 1 }
/** A century. */
const MAX_AGO_SECONDS = 3_155_760_000

/**
 * `2026-11-25T03:41:00Z` (without a zone: local time), `03:41` or `03:41:30` of today in local time, `-10m`, `-1h30m`, `now`. Milliseconds
 * since 1970. Throws ConfigError ERR_USAGE.
 */
export function parseMoment(text: string, now: Date = new Date()): number {
  const word = text.trim()
  if (word === 'now') return now.getTime()
  const ago = /^-(?=\d)(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?$/.exec(word)
  if (ago !== null) {
    const seconds = ['d', 'h', 'm', 's'].reduce(
      (sum, unit, i) => sum + Number(ago[i + 1] ?? 0) * (SECONDS[unit] ?? 0),
      0,
    )
    if (seconds <= MAX_AGO_SECONDS) return now.getTime() - seconds * 1_000
  }
  const clock = /^(\d{1,2}):(\d\d)(?::(\d\d))?$/.exec(word)
  if (clock !== null) {
    const [, hours, minutes, seconds = '0'] = clock
    if (Number(hours) < 24 && Number(minutes) < 60 && Number(seconds) < 60) {
      return new Date(now).setHours(Number(hours), Number(minutes), Number(seconds), 0)
    }
  }
  const date = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?$/.test(word)
    ? Date.parse(word)
    : Number.NaN
  if (!Number.isNaN(date)) return date
  throw new ConfigError(
    'ERR_USAGE',
    `expected a moment like 2026-11-25T03:41:00Z, 03:41, -10m or now, found ${JSON.stringify(text.slice(0, 40))}`,
  )
}
