/** Which key of a CPIX document a track has: CPIX 2.3, section 5.6.2. */
import { FormatError } from '../../../errors.ts'
import type { CpixDocument, CpixFilter, CpixUsageRule } from './model.ts'

/** What rules ask of a track. */
export interface CpixTrack {
  readonly kind: 'video' | 'audio' | 'text'
  /** Width by height of coded pictures. */
  readonly pixels?: number
  /** Frames a second. */
  readonly fps?: number
  readonly hdr?: boolean
  readonly wcg?: boolean
  readonly channels?: number
  /** Bits a second. */
  readonly bitrateBps?: number
  readonly labels?: readonly string[]
  /** Id of the key period. */
  readonly periodId?: string
}

type FilterType = CpixFilter['type']

/**
 * The id of its key; `undefined`: the track is not encrypted. A document without rules and with one key means all tracks but text. Throws
 * FormatError ERR_CPIX_RULES for rules that are not understood in full, and for a track that more than one key is for.
 */
export function cpixKeyOf({ contentKeys, usageRules }: CpixDocument, track: CpixTrack): string | undefined {
  if (usageRules.length === 0) {
    const [only] = contentKeys
    if (contentKeys.length > 1) throw rulesError('usage rules beside several keys', 'none')
    return track.kind === 'text' ? undefined : only?.kid
  }
  for (const { unknownFilter } of usageRules) {
    if (unknownFilter !== undefined) throw rulesError('filters that are known', 'another one')
  }
  const kids = new Set(usageRules.filter((rule) => matches(rule, track)).map(({ kid }) => kid))
  if (kids.size > 1) throw rulesError(`one key for a ${track.kind} track`, `${kids.size}: ${[...kids].join(', ')}`)
  const [kid] = kids
  return kid
}

/**
 * Filters of one type are alternatives, those of different types must all match. No track is picture and sound at once: a rule with filters for
 * both is for either, as SPEKE writes a key for `ALL`.
 */
function matches({ filters }: CpixUsageRule, track: CpixTrack): boolean {
  const groups: readonly (readonly FilterType[])[] = [['period'], ['label'], ['bitrate'], ['video', 'audio']]
  return groups.every((types) => {
    const own = filters.filter(({ type }) => types.includes(type))
    return own.length === 0 || own.some((filter) => matchesFilter(filter, track))
  })
}

function matchesFilter(filter: CpixFilter, track: CpixTrack): boolean {
  switch (filter.type) {
    case 'period':
      return filter.periodId === track.periodId
    case 'label':
      return track.labels?.includes(filter.label) === true
    case 'bitrate':
      return isWithin(track.bitrateBps, filter.min, filter.max)
    case 'audio':
      return track.kind === 'audio' && isWithin(track.channels, filter.minChannels, filter.maxChannels)
    default:
      return (
        track.kind === 'video' &&
        isWithin(track.pixels, filter.minPixels, filter.maxPixels) &&
        // The lower bound of frame rates is not one of them.
        isWithin(track.fps, filter.minFps, filter.maxFps) &&
        (filter.minFps === undefined || track.fps !== filter.minFps) &&
        (filter.hdr === undefined || filter.hdr === (track.hdr ?? false)) &&
        (filter.wcg === undefined || filter.wcg === (track.wcg ?? false))
      )
  }
}

/** Throws FormatError where the value that decides is not known: a guess could give a track a key it must not have. */
function isWithin(value: number | undefined, min: number | undefined, max: number | undefined): boolean {
  if (min === undefined && max === undefined) return true
  if (value === undefined) throw rulesError('a track of which all is known that the rules ask', 'one without')
  return value >= (min ?? 0) && value <= (max ?? Number.POSITIVE_INFINITY)
}

function rulesError(expected: string, found: string): FormatError {
  return new FormatError('ERR_CPIX_RULES', `expected ${expected}, found ${found}`)
}
