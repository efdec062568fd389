/** What a session gives to each minute it lasted, so that roll-ups over all sessions are kept by adding and subtracting. */

/** Sums of one minute; milliseconds where nothing else is said. Differences may be below 0. */
export interface MinuteShare {
  /** Time in which pictures moved. */
  played: number
  /** Time in stalls, and stalls that began. */
  stalled: number
  stalls: number
  /** Kilobits a second × milliseconds played at them, and milliseconds played at a bit rate that is known: their quotient is the mean. */
  bitrateTime: number
  bitratePlayed: number
  /** Codes told. */
  errors: number
  /** Bytes moved. */
  bytes: number
  /** Sessions that were there. */
  active: number
}

export const MINUTE_SHARE_FIELDS = [
  'played',
  'stalled',
  'stalls',
  'bitrateTime',
  'bitratePlayed',
  'errors',
  'bytes',
  'active',
] as const satisfies readonly (keyof MinuteShare)[]

export const MINUTE_MS = 60_000
/**
 * Minutes that one report writes to at most: players report every 30 s, and a forged time shall not make a row for each minute since 1970. What
 * lies further apart is given to the last of them whole.
 */
export const MAX_MINUTES_AT_ONCE = 60

/** Minutes since 1970 with their sums. */
export class MinuteShares {
  readonly minutes = new Map<number, MinuteShare>()

  /** To add to. */
  at(minute: number): MinuteShare {
    let share = this.minutes.get(minute)
    if (share === undefined) {
      share = { played: 0, stalled: 0, stalls: 0, bitrateTime: 0, bitratePlayed: 0, errors: 0, bytes: 0, active: 0 }
      this.minutes.set(minute, share)
    }
    return share
  }

  /** `times`: -1 takes away. */
  addAll(other: MinuteShares, times = 1): void {
    for (const [minute, share] of other.minutes) {
      const own = this.at(minute)
      for (const field of MINUTE_SHARE_FIELDS) own[field] += share[field] * times
    }
  }
}

export function minuteOf(time: number): number {
  return Math.floor(time / MINUTE_MS)
}

/** The time from `start` to `end` cut at full minutes. */
export function eachMinute(start: number, end: number, give: (minute: number, milliseconds: number) => void): void {
  const last = minuteOf(end)
  let at = start
  for (let minute = minuteOf(start), count = 1; minute < last && count < MAX_MINUTES_AT_ONCE; minute++, count++) {
    const next = (minute + 1) * MINUTE_MS
    give(minute, next - at)
    at = next
  }
  if (end > at) give(last, end - at)
}
