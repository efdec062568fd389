/** A play log as a line of a W3C extended log file, in the field order of Windows Media Services (W3C WD-logfile; MS-WMLOG 4). */
import type { PlayLog } from '../../playlog/play-log.ts'
import { WMLOG_LINES, type WmlogField } from '../../playlog/wmlog-fields.ts'
import { formatWmlogText, formatWmlogValue } from '../../playlog/wmlog-value.ts'

const PLAYER_FIELDS = WMLOG_LINES[47]
/** Behind the player's fields: what the server knows of the log. */
const OWN_FIELDS = ['x-kind', 'x-path', 'x-session'] as const

/** Columns of a file. */
export const W3C_FIELDS: readonly string[] = [...PLAYER_FIELDS, ...OWN_FIELDS]

/** Lines that open a file, and again what a later start adds to it. */
export function formatW3cHeader(software: string, at: Date): string {
  const [date, time] = moment(at)
  return `#Software: ${formatWmlogText(software, 'text').replaceAll('_', ' ')}\n#Version: 1.0\n#Date: ${date} ${time}\n#Fields: ${W3C_FIELDS.join(' ')}\n`
}

/** One line with its end. Address, date and time are the server's own, not what the player says; all else is as the player says. */
export function formatW3cLine(log: PlayLog): string {
  const { fields } = log.wmlog
  const [date, time] = moment(log.receivedAt)
  const value = (name: WmlogField): string => {
    switch (name) {
      case 'c-ip':
        return formatWmlogText(log.remoteAddress, 'text')
      case 'date':
        return date
      case 'time':
        return time
      case 'cs-uri-stem':
        // Windows Media Services keeps the path alone, and so do the tools that read its files.
        return formatWmlogValue(name, fields[name] === undefined ? undefined : pathOf(fields[name]))
      default:
        return formatWmlogValue(name, fields[name])
    }
  }
  const own = [log.kind, formatWmlogText(log.path, 'url'), formatWmlogText(log.sessionId ?? '', 'text')]
  return `${[...PLAYER_FIELDS.map(value), ...own].join(' ')}\n`
}

function pathOf(address: string): string {
  const authority = address.indexOf('://')
  if (authority < 0) return address
  const path = address.indexOf('/', authority + 3)
  return path < 0 ? '/' : address.slice(path)
}

function moment(at: Date): readonly [date: string, time: string] {
  const text = at.toISOString()
  return [text.slice(0, 10), text.slice(11, 19)]
}
