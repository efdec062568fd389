/** The formats that sessions and events are exported in. */
import { HeadendError } from '../../../errors.ts'
import type { PlayEvent } from '../../../playlog/play-event.ts'
import { WMLOG_LINES } from '../../../playlog/wmlog-fields.ts'
import { formatWmlogLine, parseWmlogLine } from '../../../playlog/wmlog-line.ts'
import type { SessionSummary } from '../store/audience-store.ts'
import { formatCsvLine } from './csv.ts'
import { formatJsonLine } from './json-lines.ts'
import { type Column, EVENT_COLUMNS, SESSION_COLUMNS } from './tables.ts'
import { formatW3cDirectives, formatW3cRow, w3cFields } from './w3c-extended.ts'

export const EXPORT_FORMATS = ['csv', 'jsonl', 'w3c', 'wms'] as const

/**
 * What an export is written as.
 * - `csv`: for spreadsheets; texts in it are made harmless, which changes some;
 * - `jsonl`: one JSON object a line, all that is known as it is kept: for programs;
 * - `w3c`: a W3C extended log file of all columns;
 * - `wms`: the lines of Windows Media players in the columns that tools for their logs know; of events alone.
 */
export type AudienceExportFormat = (typeof EXPORT_FORMATS)[number]

/** Rows of one kind in one format. */
export interface RowFormat<Row> {
  /** What a file begins with. `software`: name and version; `at`: Unix milliseconds. */
  head(software: string, at: number): string
  /** With its line end; '': it has no place in this format. */
  line(row: Row): string
}

export interface FileFormat {
  readonly contentType: string
  /** With its dot. */
  readonly extension: string
  /** `undefined`: this format has none. */
  readonly sessions: RowFormat<SessionSummary> | undefined
  readonly events: RowFormat<PlayEvent>
}

const LOG_FILE = { contentType: 'text/plain; charset=utf-8', extension: '.log' } as const

export const FILE_FORMATS: Readonly<Record<AudienceExportFormat, FileFormat>> = {
  csv: {
    contentType: 'text/csv; charset=utf-8; header=present',
    extension: '.csv',
    sessions: csv(SESSION_COLUMNS),
    events: csv(EVENT_COLUMNS),
  },
  jsonl: {
    contentType: 'application/x-ndjson',
    extension: '.jsonl',
    sessions: { head: () => '', line: formatJsonLine },
    events: { head: () => '', line: formatJsonLine },
  },
  w3c: {
    ...LOG_FILE,
    sessions: w3c(SESSION_COLUMNS, ({ start }) => start),
    events: w3c(EVENT_COLUMNS, ({ time }) => time),
  },
  wms: {
    ...LOG_FILE,
    sessions: undefined,
    events: { head: (software, at) => formatW3cDirectives(WMLOG_LINES[47], software, at), line: windowsMediaLine },
  },
}

function csv<Row>(columns: readonly Column<Row>[]): RowFormat<Row> {
  return {
    head: () => formatCsvLine(columns.map(({ name }) => name)),
    line: (row) => formatCsvLine(columns.map(({ value }) => value(row))),
  }
}

function w3c<Row>(columns: readonly Column<Row>[], timeOf: (row: Row) => number): RowFormat<Row> {
  const fields = w3cFields(columns.map(({ field }) => field))
  return {
    head: (software, at) => formatW3cDirectives(fields, software, at),
    line: (row) => formatW3cRow(columns, row, timeOf(row)),
  }
}

/** The record as it came, whatever number of fields it came with. */
function windowsMediaLine({ source, original }: PlayEvent): string {
  if (source !== 'wmlog' || original === undefined) return ''
  try {
    return `${formatWmlogLine(parseWmlogLine(original), 47)}\n`
  } catch (error) {
    // It was cut, as it was too long to be kept whole.
    if (error instanceof HeadendError) return ''
    throw error
  }
}
