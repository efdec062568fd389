/** Preview pictures of a film's seek bar: when they are, and their list as WebVTT (W3C WebVTT section 4; the form that players read). */
import { MICROS_PER_SECOND, type Micros } from '../../../media/time.ts'

/** Pictures of one film at most. */
export const MAX_THUMBNAILS = 240
/** Seconds from one picture to the next: the smallest of these with which `MAX_THUMBNAILS` are enough. */
const INTERVALS = [2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 1800, 3600]

export interface Thumbnails {
  /** Seconds from one picture to the next. */
  readonly interval: number
  readonly count: number
}

/** The pictures of a film of that duration. A film of more than ten days has none. */
export function thumbnailsOf(duration: Micros): Thumbnails {
  const seconds = duration / MICROS_PER_SECOND
  const interval = INTERVALS.find((candidate) => seconds / candidate <= MAX_THUMBNAILS)
  if (!(seconds > 0) || interval === undefined) return { interval: 0, count: 0 }
  return { interval, count: Math.ceil(seconds / interval) }
}

/** Where in the film a picture is taken. */
export function thumbnailTime({ interval }: Thumbnails, index: number): Micros {
  return index * interval * MICROS_PER_SECOND
}

/** The list: one cue for each picture, with its address relative to the list's own. `query` goes behind each address. */
export function thumbnailList(thumbnails: Thumbnails, duration: Micros, query: string): string {
  const cues: string[] = ['WEBVTT']
  for (let index = 0; index < thumbnails.count; index++) {
    const end = Math.min(duration, thumbnailTime(thumbnails, index + 1))
    cues.push(`${timestamp(thumbnailTime(thumbnails, index))} --> ${timestamp(end)}\nthumbnails-${index}.jpg${query}`)
  }
  return `${cues.join('\n\n')}\n`
}

/** `HH:MM:SS.mmm`. */
function timestamp(time: Micros): string {
  const ms = Math.round(time / 1000)
  const two = (value: number) => String(value).padStart(2, '0')
  const seconds = Math.floor(ms / 1000)
  const clock = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60].map(two).join(':')
  return `${clock}.${String(ms % 1000).padStart(3, '0')}`
}
