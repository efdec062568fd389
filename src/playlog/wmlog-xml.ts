/** A play log as XML: the line as `Summary`, its fields as elements, and what playlists add (MS-WMLOG 2.4, 2.8). */
import { FormatError } from '../errors.ts'
import { escapeXml, parseXml, type XmlElement } from '../media/manifests/xml.ts'
import type { Wmlog, WmlogExtension, WmlogItem } from './wmlog.ts'
import { WMLOG_CONNECT_ELEMENTS, WMLOG_ELEMENTS, WMLOG_FIELDS, WMLOG_LINES, type WmlogField } from './wmlog-fields.ts'
import { formatWmlogLine, parseWmlogLine, type WmlogOfLine } from './wmlog-line.ts'
import {
  cleanWmlogText,
  finishWmlogFields,
  formatWmlogValue,
  MAX_WMLOG_LENGTH,
  readWmlogValue,
  type WmlogDraft,
  withoutBlanksAround,
} from './wmlog-value.ts'

/** Elements inside the root at most: 45 fields, some twice, and what playlists add. */
const MAX_ELEMENTS = 256
/** Name and value pairs of one element at most. */
const MAX_ITEMS = 256

/** An ampersand that begins none of the references an XML reader knows. */
const BARE_AMPERSAND = /&(?!(?:amp|lt|gt|quot|apos|#\d{1,9}|#x[0-9a-fA-F]{1,8});)/g
const ELEMENT_NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,127}$/

const FIELD_NAMES: ReadonlyMap<string, WmlogField> = new Map(
  (Object.keys(WMLOG_FIELDS) as WmlogField[]).map((name) => [name.toLowerCase(), name]),
)

/**
 * Reads any XML log. What `Summary` says counts; elements fill in the fields it has no place for. An empty `Summary` is the connect-time
 * form. Throws FormatError ERR_WMLOG_TOO_LARGE, ERR_WMLOG_XML for another structure, those of `parseWmlogLine`, and ERR_XML_SYNTAX, for any
 * document type definition too.
 */
export function parseWmlogXml(text: string): Wmlog {
  if (text.length > MAX_WMLOG_LENGTH) {
    throw new FormatError(
      'ERR_WMLOG_TOO_LARGE',
      `expected a log of at most ${MAX_WMLOG_LENGTH} characters, found ${text.length}`,
    )
  }
  // Players that write & of an address as it is are understood; an entity of somebody's own stays the text it is.
  const root = parseXml(withoutBlanksAround(text).replace(BARE_AMPERSAND, '&amp;'))
  if (root.localName.toLowerCase() !== 'xml') throw wrong('an <XML> element', root.name)
  if (root.children.length > MAX_ELEMENTS) throw wrong(`at most ${MAX_ELEMENTS} elements`, root.children.length)

  const summary = readSummary(root)
  const draft: WmlogDraft = { ...summary?.fields }
  const inSummary = new Set(summary === undefined ? [] : WMLOG_LINES[summary.form])
  let contentDescription: readonly WmlogItem[] | undefined
  const extensions: WmlogExtension[] = []
  for (const element of root.children) {
    const name = element.localName.toLowerCase()
    const field = FIELD_NAMES.get(name)
    if (field !== undefined) {
      // Windows Media Services behind a proxy writes some elements twice: the first that says something counts.
      if (inSummary.has(field) || draft[field] !== undefined) continue
      const value = readWmlogValue(field, element.text.trim().replaceAll(' ', '_'))
      if (value !== undefined) draft[field] = value
    } else if (name === 'contentdescription') contentDescription ??= readItems(element)
    else if (name !== 'summary') extensions.push(readExtension(element))
  }
  const form = summary?.form ?? (draft['cs-uri-stem'] === undefined ? 'connect-time' : 47)
  return {
    form,
    fields: finishWmlogFields(draft),
    ...(contentDescription === undefined ? {} : { contentDescription }),
    ...(extensions.length === 0 ? {} : { extensions }),
  }
}

/** The XML of a log in its form. Names that XML cannot carry are left out. Never throws. */
export function formatWmlogXml(log: Wmlog): string {
  const { form, fields, contentDescription, extensions = [] } = log
  const field = (name: WmlogField) => {
    // A player puts no other address here, whatever its line says.
    const value = name === 'c-ip' ? (fields[name] ?? '0.0.0.0') : fields[name]
    return `<${name}>${escapeXml(formatWmlogValue(name, value))}</${name}>`
  }
  const summary = form === 'connect-time' ? '' : escapeXml(formatWmlogLine(log, form))
  const names = form === 'connect-time' ? WMLOG_CONNECT_ELEMENTS : WMLOG_ELEMENTS
  const parts = [`<XML><Summary>${summary}</Summary>`, ...names.map(field)]
  if (contentDescription !== undefined) {
    parts.push(`<ContentDescription>${formatItems(contentDescription)}</ContentDescription>`)
  }
  for (const { name, value = '', items } of extensions) {
    if (ELEMENT_NAME.test(name)) parts.push(`<${name}>${escapeXml(value)}${formatItems(items)}</${name}>`)
  }
  return `${parts.join('')}</XML>`
}

function readSummary(root: XmlElement): WmlogOfLine | undefined {
  const element = root.children.find((child) => child.localName.toLowerCase() === 'summary')
  const text = element?.text.trim() ?? ''
  return text === '' ? undefined : parseWmlogLine(text)
}

function readItems(element: XmlElement): readonly WmlogItem[] {
  if (element.children.length > MAX_ITEMS) throw wrong(`at most ${MAX_ITEMS} items`, element.children.length)
  return element.children.map(({ name, text }) => ({ name, value: cleanWmlogText(text.trim()) }))
}

function readExtension(element: XmlElement): WmlogExtension {
  const value = cleanWmlogText(element.text.trim())
  return { name: element.name, ...(value === '' ? {} : { value }), items: readItems(element) }
}

function formatItems(items: readonly WmlogItem[]): string {
  return items
    .filter(({ name }) => ELEMENT_NAME.test(name))
    .map(({ name, value }) => `<${name}>${escapeXml(value)}</${name}>`)
    .join('')
}

function wrong(expected: string, found: string | number): FormatError {
  return new FormatError('ERR_WMLOG_XML', `expected ${expected}, found ${JSON.stringify(found).slice(0, 60)}`)
}
