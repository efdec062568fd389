/** Reads ASX files as players read them: any case, unquoted attributes, bare ampersands, missing end tags, and two older text forms. */
import { FormatError } from '../../../errors.ts'
import {
  ASX_LINKS,
  ASX_TEXTS,
  type Asx,
  type AsxItem,
  type AsxLink,
  type AsxParameter,
  type AsxReference,
  type AsxText,
} from './model.ts'
import { MAX_ASX_VALUE_LENGTH, type Tag, tagsOf } from './tags.ts'

/** Characters of a file. */
export const MAX_ASX_LENGTH = 1024 * 1024
/** Items, sources and other elements that are kept. */
const MAX_KEPT = 10_000
const MAX_DEPTH = 64
/** Addresses for logs of one entry, or of the file. */
const MAX_LOG_URLS = 100

const TEXTS: ReadonlyMap<string, AsxText> = new Map(ASX_TEXTS.map((name) => [name, name]))
const LINKS: ReadonlyMap<string, AsxLink> = new Map(ASX_LINKS.map((name) => [name.toLowerCase(), name]))
const TEXT_REFERENCE = /^ref\d+\s*=\s*(.*)$/i
const CLOCK = /^(?:(?:(\d{1,5}):)?(\d{1,5}):)?(\d{1,7})(?:\.(\d{1,9}))?$/

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }
interface Description extends Partial<Record<AsxText | AsxLink, string>> {
  logUrls?: string[]
  parameters?: AsxParameter[]
}
interface Entry extends Description {
  type: 'entry'
  references: Mutable<AsxReference>[]
  clientSkip?: boolean
  startMs?: number
  durationMs?: number
}

/**
 * The file's model; elements that mean nothing here are left out. Nothing is fetched and no address is resolved. Throws FormatError
 * ERR_ASX_TOO_LARGE for what exceeds the limits, ERR_ASX_SYNTAX for another text, for a document type definition, and for a tag without end.
 */
export function parseAsx(text: string): Asx {
  if (text.length > MAX_ASX_LENGTH) throw tooLarge(`a file of at most ${MAX_ASX_LENGTH} characters`, text.length)
  const start = text.search(/[^\s\ufeff\0]/)
  const first = start < 0 ? '' : text.slice(start, start + 16).toLowerCase()
  if (first.startsWith('<')) return new AsxReader().read(text)
  if (first.startsWith('[reference]')) return references(linesOf(text).flatMap(textReference))
  if (/^asf\s/.test(first)) return references(linesOf(text).flatMap((line) => /^asf\s+(\S.*)$/i.exec(line)?.[1] ?? []))
  throw new FormatError('ERR_ASX_SYNTAX', `expected <ASX>, [Reference] or ASF, found ${JSON.stringify(first)}`)
}

/** Numbered addresses are those of one entry, each for the case that the one before fails. */
function textReference(line: string): readonly string[] {
  const href = TEXT_REFERENCE.exec(line)?.[1]?.trim()
  return href === undefined || href === '' ? [] : [href]
}

function linesOf(text: string): string[] {
  return text.split(/[\r\n\0]+/).map((line) => line.replace(/^\ufeff/, '').trim())
}

function references(hrefs: readonly string[]): Asx {
  if (hrefs.length > MAX_KEPT) throw tooLarge(`at most ${MAX_KEPT} addresses`, hrefs.length)
  for (const { length } of hrefs) {
    if (length > MAX_ASX_VALUE_LENGTH) throw tooLarge(`addresses of at most ${MAX_ASX_VALUE_LENGTH} characters`, length)
  }
  const items: AsxItem[] = hrefs.length === 0 ? [] : [{ type: 'entry', references: hrefs.map((href) => ({ href })) }]
  return { items }
}

class AsxReader {
  readonly #asx: Description & { items: AsxItem[] } = { items: [] }
  /** Lists that items go into, the innermost last: of the file, of repeats and events. */
  readonly #lists: { readonly name: string; readonly items: AsxItem[] }[] = []
  #entry: Entry | undefined
  #reference: Mutable<AsxReference> | undefined
  /** The element whose text is being read. */
  #text: AsxText | undefined
  #kept = 0
  #begun = false

  read(source: string): Asx {
    for (const tag of tagsOf(source)) {
      if (!this.#begun) {
        if (tag.type === 'text' && tag.text.replaceAll(/[\ufeff\0]/g, '').trim() === '') continue
        if (tag.type !== 'start' || tag.name !== 'asx') throw notAsx(tag)
        this.#begun = true
        this.#lists.push({ name: 'asx', items: this.#asx.items })
      } else if (tag.type === 'text') this.#addText(tag.text)
      else if (tag.type === 'end') this.#end(tag.name)
      else this.#start(tag)
    }
    if (!this.#begun) throw new FormatError('ERR_ASX_SYNTAX', 'expected <ASX>, found the end')
    return this.#asx
  }

  get #description(): Description {
    return this.#entry ?? this.#asx
  }

  #addText(text: string): void {
    const name = this.#text
    if (name === undefined) return
    const all = `${this.#description[name] ?? ''}${text}`
    if (all.length > MAX_ASX_VALUE_LENGTH)
      throw tooLarge(`text of at most ${MAX_ASX_VALUE_LENGTH} characters`, all.length)
    this.#description[name] = all
  }

  #end(name: string): void {
    this.#endText()
    if (name === 'ref') this.#reference = undefined
    if (name === 'entry') this.#closeEntry()
    if (name !== 'repeat' && name !== 'event') return
    const at = this.#lists.findLastIndex((list) => list.name === name)
    if (at <= 0) return
    this.#closeEntry()
    this.#lists.length = at
  }

  #start(tag: Tag & { readonly type: 'start' }): void {
    this.#endText()
    const { name, attributes, closed } = tag
    const href = attributes.get('href')?.trim()
    const text = TEXTS.get(name)
    const link = LINKS.get(name)
    if (text !== undefined) this.#beginText(text, closed)
    else if (link !== undefined) {
      if (href !== undefined) this.#description[link] ??= href
    } else if (name === 'entry') this.#openEntry(attributes, closed)
    else if (name === 'ref') this.#addReference(href, closed)
    else if (name === 'starttime') this.#addTime('startMs', attributes)
    else if (name === 'duration') this.#addTime('durationMs', attributes)
    else if (name === 'logurl' && href !== undefined) this.#addLogUrl(href)
    else if (name === 'param') this.#addParameter(attributes)
    else if (name === 'entryref' && href !== undefined) {
      this.#closeEntry()
      this.#keep({ type: 'entryref', href })
    } else if (name === 'repeat' || name === 'event') this.#openList(tag, name)
  }

  #beginText(name: AsxText, closed: boolean): void {
    // The first one counts.
    if (!closed && this.#description[name] === undefined) this.#text = name
  }

  #endText(): void {
    const name = this.#text
    this.#text = undefined
    const text = name === undefined ? undefined : this.#description[name]
    if (name !== undefined && text !== undefined) this.#description[name] = text.trim()
  }

  #openEntry(attributes: ReadonlyMap<string, string>, closed: boolean): void {
    this.#closeEntry()
    const skip = attributes.get('clientskip')?.trim().toLowerCase()
    const entry: Entry = { type: 'entry', references: [] }
    if (skip === 'no' || skip === 'yes') entry.clientSkip = skip === 'yes'
    this.#keep(entry)
    if (!closed) this.#entry = entry
  }

  #closeEntry(): void {
    this.#entry = undefined
    this.#reference = undefined
  }

  #addReference(href: string | undefined, closed: boolean): void {
    this.#reference = undefined
    if (href === undefined || href === '') return
    const reference = { href }
    // VLC and MPlayer play a source that stands outside of any entry.
    if (this.#entry === undefined) this.#keep({ type: 'entry', references: [reference] })
    else {
      this.#count()
      this.#entry.references.push(reference)
    }
    if (!closed) this.#reference = reference
  }

  #addTime(name: 'startMs' | 'durationMs', attributes: ReadonlyMap<string, string>): void {
    const target = this.#reference ?? this.#entry
    const ms = clockMs(attributes.get('value') ?? '')
    if (target !== undefined && ms !== undefined) target[name] = ms
  }

  #addLogUrl(href: string): void {
    const urls = (this.#description.logUrls ??= [])
    // Each address gets one log.
    if (urls.includes(href)) return
    if (urls.length >= MAX_LOG_URLS) throw tooLarge(`at most ${MAX_LOG_URLS} addresses for logs`, urls.length + 1)
    urls.push(href)
  }

  #addParameter(attributes: ReadonlyMap<string, string>): void {
    const name = attributes.get('name')
    if (name === undefined) return
    this.#count()
    this.#description.parameters = this.#description.parameters ?? []
    this.#description.parameters.push({ name, value: attributes.get('value') ?? '' })
  }

  #openList({ attributes, closed }: Tag & { readonly type: 'start' }, name: 'repeat' | 'event'): void {
    this.#closeEntry()
    const items: AsxItem[] = []
    const count = Number(attributes.get('count') ?? Number.NaN)
    const whenDone = attributes.get('whendone')
    if (name === 'repeat') {
      this.#keep({ type: name, ...(Number.isInteger(count) && count >= 0 ? { count } : {}), items })
    } else {
      const event = attributes.get('name') ?? ''
      this.#keep({ type: name, name: event, ...(whenDone === undefined ? {} : { whenDone }), items })
    }
    if (closed) return
    if (this.#lists.length >= MAX_DEPTH) throw tooLarge(`lists nested at most ${MAX_DEPTH} deep`, MAX_DEPTH + 1)
    this.#lists.push({ name, items })
  }

  #keep(item: AsxItem): void {
    this.#count()
    this.#lists.at(-1)?.items.push(item)
  }

  #count(): void {
    if (++this.#kept > MAX_KEPT) throw tooLarge(`at most ${MAX_KEPT} elements`, this.#kept)
  }
}

/** `hh:mm:ss.fract` with as few parts as there are; `undefined` for another text. */
function clockMs(text: string): number | undefined {
  const [whole, hours = '0', minutes = '0', seconds = '0', fraction = '0'] = CLOCK.exec(text.trim()) ?? []
  if (whole === undefined) return undefined
  return (
    ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000 + Math.round(Number(`0.${fraction}`) * 1000)
  )
}

function notAsx(tag: Tag): FormatError {
  const found = tag.type === 'text' ? tag.text.trim() : `${tag.type === 'end' ? '</' : '<'}${tag.name}`
  return new FormatError('ERR_ASX_SYNTAX', `expected <ASX>, found ${JSON.stringify(found.slice(0, 40))}`)
}

function tooLarge(expected: string, found: number): FormatError {
  return new FormatError('ERR_ASX_TOO_LARGE', `expected ${expected}, found ${found}`)
}
