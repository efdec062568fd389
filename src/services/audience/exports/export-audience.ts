/** The audience as text for other programs, as it comes out of the store page by page: memory does not depend on how much there is. */
import { type AudienceStore, type EventFilter, MAX_LISTED } from '../store/audience-store.ts'
import { type AudienceExportFormat, FILE_FORMATS } from './formats.ts'

export interface ExportRequest {
  readonly what: 'sessions' | 'events'
  readonly format: AudienceExportFormat
  /** Events are those of the sessions that it is about, all of each. */
  readonly filter: Omit<EventFilter, 'after'>
  /** Name and version, for formats that tell. */
  readonly software: string
}

export interface AudienceExport {
  readonly contentType: string
  /** Of a file, with its dot. */
  readonly extension: string
  /** What each file begins with. */
  readonly head: string
  /**
   * Whole lines, up to 500 at once; asks the store for more when those were taken. Ends with UnavailableError ERR_AUDIENCE_STORE where the store
   * fails in the middle. For one reader.
   */
  readonly lines: AsyncGenerator<string, void, undefined>
}

/** `undefined`: there are no sessions in this format. */
export function exportAudience(
  store: AudienceStore,
  { what, format, filter, software }: ExportRequest,
): AudienceExport | undefined {
  const { contentType, extension, sessions, events } = FILE_FORMATS[format]
  if (what === 'events') {
    const lines = eventLines(store, filter, events.line)
    return { contentType, extension, head: events.head(software, filter.now), lines }
  }
  if (sessions === undefined) return undefined
  const lines = sessionLines(store, filter, sessions.line)
  return { contentType, extension, head: sessions.head(software, filter.now), lines }
}

/** Head and lines, for an answer or one file. */
export async function* textOfExport({ head, lines }: AudienceExport): AsyncGenerator<string, void, undefined> {
  if (head !== '') yield head
  yield* lines
}

type Filter = ExportRequest['filter']
type LineOf<Row> = (row: Row) => string
type Session = Awaited<ReturnType<AudienceStore['sessions']>>['sessions'][number]
type Event = Awaited<ReturnType<AudienceStore['events']>>['events'][number]

async function* sessionLines(store: AudienceStore, filter: Filter, lineOf: LineOf<Session>) {
  let before: number | undefined
  do {
    const page = await store.sessions({ ...filter, limit: MAX_LISTED, ...(before !== undefined && { before }) })
    const text = page.sessions.map(lineOf).join('')
    if (text !== '') yield text
    before = page.next
  } while (before !== undefined)
}

async function* eventLines(store: AudienceStore, filter: Filter, lineOf: LineOf<Event>) {
  let after: EventFilter['after']
  do {
    const page = await store.events({ ...filter, ...(after !== undefined && { after }) })
    const text = page.events.map(lineOf).join('')
    if (text !== '') yield text
    after = page.next
  } while (after !== undefined)
}
