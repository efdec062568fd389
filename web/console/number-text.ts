/** Numbers for people; `–` for what is not known. */

const NOTHING = '–'

export function countText(count: number | undefined): string {
  return count === undefined ? NOTHING : count.toLocaleString('en')
}

/** `1 stall`, `2 stalls`, `1,204 stalls`. */
export function countOf(count: number, thing: string): string {
  return `${countText(count)} ${thing}${count === 1 ? '' : 's'}`
}

/** `850 ms`, `1.9 s`, `4 min 5 s`, `3 h 20 min`. */
export function spanText(milliseconds: number | undefined): string {
  if (milliseconds === undefined) return NOTHING
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`
  if (milliseconds < 60_000) return `${Number((milliseconds / 1000).toFixed(1))} s`
  const seconds = Math.round(milliseconds / 1000)
  if (seconds < 3600) return two(Math.floor(seconds / 60), 'min', seconds % 60, 's')
  const minutes = Math.round(seconds / 60)
  return two(Math.floor(minutes / 60), 'h', minutes % 60, 'min')
}

export function percentText(ratio: number | undefined): string {
  if (ratio === undefined) return NOTHING
  const percent = ratio * 100
  return `${percent === 0 ? '0' : percent.toFixed(percent < 1 ? 2 : 1)} %`
}

/** Of kilobits a second. */
export function bitrateText(kilobits: number | undefined): string {
  if (kilobits === undefined) return NOTHING
  return kilobits < 1000 ? `${Math.round(kilobits)} kb/s` : `${(kilobits / 1000).toFixed(2)} Mb/s`
}

export function bytesText(bytes: number | undefined): string {
  if (bytes === undefined) return NOTHING
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
  const at = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)))
  return `${Number((bytes / 1000 ** at).toFixed(at === 0 ? 0 : 1))} ${units[at]}`
}

/** Local time of day, to the minute. */
export function minuteText(time: number): string {
  const date = new Date(time)
  return `${pad(date.getHours())}:${pad(date.getMinutes())}`
}

/** Local date: `25 Nov`. */
export function dayText(time: number): string {
  return new Date(time).toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })
}

/** Local time of day with tenths of a second. */
export function clockText(time: number): string {
  return `${new Date(time).toLocaleTimeString('en-GB')}.${String(Math.floor(time / 100) % 10)}`
}

/** Local date and time, to the second. */
export function momentText(time: number): string {
  const date = new Date(time)
  const day = `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`
  return `${day} ${date.toLocaleTimeString('en-GB')}`
}

function pad(value: number): string {
  return String(value).padStart(2, '0')
}

function two(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`
}
