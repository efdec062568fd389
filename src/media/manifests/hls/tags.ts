/** The attribute-list tags that both kinds of HLS playlist or several places of one use (RFC 8216bis section 4.4): read and write. */
import { formatDateTime, parseDateTime } from '../iso8601.ts'
import { withoutUndefined } from '../without-undefined.ts'
import { type AttributeList, byteRange, parseByteRange, quoted, safeUri, seconds } from './attribute-list.ts'
import type {
  DateRange,
  InitializationSection,
  Key,
  Part,
  PreloadHint,
  RenditionReport,
  ServerControl,
  Skip,
  StartPoint,
} from './model.ts'

/** EXT-X-START. */
export function readStart(attributes: AttributeList): StartPoint {
  return withoutUndefined<StartPoint>({
    timeOffset: attributes.decimal('TIME-OFFSET') ?? 0,
    precise: attributes.yes('PRECISE'),
  })
}

/** A whole line. */
export function writeStart(start: StartPoint): string {
  return `#EXT-X-START:TIME-OFFSET=${seconds(start.timeOffset)}${start.precise ? ',PRECISE=YES' : ''}\n`
}

/** EXT-X-SERVER-CONTROL. */
export function readServerControl(attributes: AttributeList): ServerControl {
  return withoutUndefined<ServerControl>({
    canBlockReload: attributes.yes('CAN-BLOCK-RELOAD'),
    canSkipUntil: attributes.duration('CAN-SKIP-UNTIL'),
    canSkipDateRanges: attributes.yes('CAN-SKIP-DATERANGES'),
    partHoldBack: attributes.duration('PART-HOLD-BACK'),
    holdBack: attributes.duration('HOLD-BACK'),
  })
}

/** A whole line. */
export function writeServerControl(control: ServerControl): string {
  let list = ''
  if (control.canBlockReload) list += ',CAN-BLOCK-RELOAD=YES'
  if (control.canSkipUntil !== undefined) list += `,CAN-SKIP-UNTIL=${seconds(control.canSkipUntil)}`
  if (control.canSkipDateRanges) list += ',CAN-SKIP-DATERANGES=YES'
  if (control.partHoldBack !== undefined) list += `,PART-HOLD-BACK=${seconds(control.partHoldBack)}`
  if (control.holdBack !== undefined) list += `,HOLD-BACK=${seconds(control.holdBack)}`
  return `#EXT-X-SERVER-CONTROL:${list.slice(1)}\n`
}

/** EXT-X-KEY and EXT-X-SESSION-KEY; `undefined` for METHOD=NONE. */
export function readKey(attributes: AttributeList): Key | undefined {
  const method = attributes.requiredText('METHOD')
  if (method === 'NONE') return undefined
  return withoutUndefined<Key>({
    method,
    uri: attributes.requiredText('URI'),
    iv: attributes.text('IV'),
    keyFormat: attributes.text('KEYFORMAT'),
    keyFormatVersions: attributes.text('KEYFORMATVERSIONS'),
  })
}

/** Without the tag's name, which is EXT-X-KEY or EXT-X-SESSION-KEY. */
export function writeKey(key: Key): string {
  let list = `METHOD=${key.method},URI="${safeUri(key.uri)}"`
  if (key.iv !== undefined) list += `,IV=${key.iv}`
  if (key.keyFormat !== undefined) list += `,KEYFORMAT=${quoted(key.keyFormat)}`
  if (key.keyFormatVersions !== undefined) list += `,KEYFORMATVERSIONS=${quoted(key.keyFormatVersions)}`
  return list
}

/** EXT-X-MAP. */
export function readMap(attributes: AttributeList): InitializationSection {
  const range = attributes.text('BYTERANGE')
  return withoutUndefined<InitializationSection>({
    uri: attributes.requiredText('URI'),
    byteRange: range === undefined ? undefined : parseByteRange('EXT-X-MAP BYTERANGE', range, 0),
  })
}

/** A whole line. */
export function writeMap(map: InitializationSection): string {
  const range = map.byteRange === undefined ? '' : `,BYTERANGE="${byteRange(map.byteRange)}"`
  return `#EXT-X-MAP:URI="${safeUri(map.uri)}"${range}\n`
}

/** `nextOffset` gives the end of the range before in the same resource, which a range without an offset continues. */
export function readPart(attributes: AttributeList, nextOffset: (uri: string) => number | undefined): Part {
  const uri = attributes.requiredText('URI')
  const range = attributes.text('BYTERANGE')
  return withoutUndefined<Part>({
    duration: attributes.requiredDuration('DURATION'),
    uri,
    independent: attributes.yes('INDEPENDENT'),
    byteRange: range === undefined ? undefined : parseByteRange('EXT-X-PART BYTERANGE', range, nextOffset(uri)),
    gap: attributes.yes('GAP'),
  })
}

/** A whole line. */
export function writePart(part: Part): string {
  let line = `#EXT-X-PART:DURATION=${seconds(part.duration)},URI="${safeUri(part.uri)}"`
  if (part.independent) line += ',INDEPENDENT=YES'
  if (part.byteRange !== undefined) line += `,BYTERANGE="${byteRange(part.byteRange)}"`
  if (part.gap) line += ',GAP=YES'
  return `${line}\n`
}

/** `undefined` for a type this version of the format does not have. */
export function readPreloadHint(attributes: AttributeList): PreloadHint | undefined {
  const type = attributes.requiredText('TYPE')
  if (type !== 'PART' && type !== 'MAP') return undefined
  return withoutUndefined<PreloadHint>({
    type,
    uri: attributes.requiredText('URI'),
    byteRangeStart: attributes.integer('BYTERANGE-START'),
    byteRangeLength: attributes.integer('BYTERANGE-LENGTH'),
  })
}

/** A whole line. */
export function writePreloadHint(hint: PreloadHint): string {
  let line = `#EXT-X-PRELOAD-HINT:TYPE=${hint.type},URI="${safeUri(hint.uri)}"`
  if (hint.byteRangeStart !== undefined) line += `,BYTERANGE-START=${hint.byteRangeStart}`
  if (hint.byteRangeLength !== undefined) line += `,BYTERANGE-LENGTH=${hint.byteRangeLength}`
  return `${line}\n`
}

/** EXT-X-RENDITION-REPORT. */
export function readRenditionReport(attributes: AttributeList): RenditionReport {
  return withoutUndefined<RenditionReport>({
    uri: attributes.requiredText('URI'),
    lastMsn: attributes.integer('LAST-MSN'),
    lastPart: attributes.integer('LAST-PART'),
  })
}

/** A whole line. */
export function writeRenditionReport(report: RenditionReport): string {
  let line = `#EXT-X-RENDITION-REPORT:URI="${safeUri(report.uri)}"`
  if (report.lastMsn !== undefined) line += `,LAST-MSN=${report.lastMsn}`
  if (report.lastPart !== undefined) line += `,LAST-PART=${report.lastPart}`
  return `${line}\n`
}

/** EXT-X-SKIP. */
export function readSkip(attributes: AttributeList): Skip {
  const removed = attributes.text('RECENTLY-REMOVED-DATERANGES')
  return withoutUndefined<Skip>({
    skippedSegments: attributes.requiredInteger('SKIPPED-SEGMENTS'),
    recentlyRemovedDateRanges: removed === undefined || removed === '' ? undefined : removed.split('\t'),
  })
}

/** A whole line. */
export function writeSkip(skip: Skip): string {
  // The ids are separated by tabs, which `quoted` would replace.
  const ids = skip.recentlyRemovedDateRanges?.map((id) => quoted(id).slice(1, -1)).join('\t')
  const removed = ids === undefined || ids === '' ? '' : `,RECENTLY-REMOVED-DATERANGES="${ids}"`
  return `#EXT-X-SKIP:SKIPPED-SEGMENTS=${skip.skippedSegments}${removed}\n`
}

/** EXT-X-DATERANGE. */
export function readDateRange(attributes: AttributeList): DateRange {
  const clientAttributes: Record<string, string> = {}
  for (const [name, value] of attributes.entries()) if (name.startsWith('X-')) clientAttributes[name] = value
  const startDate = attributes.text('START-DATE')
  const endDate = attributes.text('END-DATE')
  return withoutUndefined<DateRange>({
    id: attributes.requiredText('ID'),
    class: attributes.text('CLASS'),
    startDate: startDate === undefined ? undefined : parseDateTime(startDate),
    cue: attributes.text('CUE'),
    endDate: endDate === undefined ? undefined : parseDateTime(endDate),
    duration: attributes.duration('DURATION'),
    plannedDuration: attributes.duration('PLANNED-DURATION'),
    scte35Cmd: attributes.text('SCTE35-CMD'),
    scte35Out: attributes.text('SCTE35-OUT'),
    scte35In: attributes.text('SCTE35-IN'),
    endOnNext: attributes.yes('END-ON-NEXT'),
    clientAttributes: Object.keys(clientAttributes).length === 0 ? undefined : clientAttributes,
  })
}

/** A whole line. */
export function writeDateRange(range: DateRange): string {
  let line = `#EXT-X-DATERANGE:ID=${quoted(range.id)}`
  if (range.class !== undefined) line += `,CLASS=${quoted(range.class)}`
  if (range.startDate !== undefined) line += `,START-DATE="${formatDateTime(range.startDate)}"`
  if (range.cue !== undefined) line += `,CUE=${quoted(range.cue)}`
  if (range.endDate !== undefined) line += `,END-DATE="${formatDateTime(range.endDate)}"`
  if (range.duration !== undefined) line += `,DURATION=${seconds(range.duration)}`
  if (range.plannedDuration !== undefined) line += `,PLANNED-DURATION=${seconds(range.plannedDuration)}`
  if (range.scte35Cmd !== undefined) line += `,SCTE35-CMD=${range.scte35Cmd}`
  if (range.scte35Out !== undefined) line += `,SCTE35-OUT=${range.scte35Out}`
  if (range.scte35In !== undefined) line += `,SCTE35-IN=${range.scte35In}`
  if (range.endOnNext) line += ',END-ON-NEXT=YES'
  for (const [name, value] of Object.entries(range.clientAttributes ?? {})) line += `,${name}=${quoted(value)}`
  return `${line}\n`
}
