/** What the objects of a header say of the whole file: texts, markers, commands, exclusions, protection (ASF 1.20 sections 3 and 4). */
import type { SourceProtection } from '../../source-protection.ts'
import type { AsfObject } from './header-objects.ts'
import type { AsfCommand, AsfDescription, AsfMarker, AsfStream } from './model.ts'
import { PLAYREADY_RECORD } from './objects/content-encryption.ts'
import { plainText } from './objects/object.ts'

const TICKS_PER_MS = 10_000n
const NO_DESCRIPTION: AsfDescription = { title: '', author: '', copyright: '', description: '', rating: '' }

/** Texts for people, without terminators and control characters; all empty when the header has none. */
export function describeContent(objects: readonly AsfObject[]): AsfDescription {
  const found = objects.find((object) => object.type === 'content-description')
  if (found === undefined) return NO_DESCRIPTION
  return {
    title: plainText(found.title),
    author: plainText(found.author),
    copyright: plainText(found.copyright),
    description: plainText(found.description),
    rating: plainText(found.rating),
  }
}

/** In the order of the header. */
export function markersOf(objects: readonly AsfObject[], prerollMs: number): AsfMarker[] {
  const found = objects.find((object) => object.type === 'marker')
  if (found === undefined) return []
  return found.markers.map(({ description, presentationTime }) => ({
    name: plainText(description),
    timeMs: Math.max(0, Number(presentationTime / TICKS_PER_MS) - prerollMs),
  }))
}

/** Commands whose type the header names. */
export function scriptCommandsOf(objects: readonly AsfObject[]): AsfCommand[] {
  const found = objects.find((object) => object.type === 'script-command')
  if (found === undefined) return []
  return found.commands.flatMap(({ timeMs, typeIndex, text }) => {
    const type = found.commandTypes[typeIndex]
    return type === undefined ? [] : [{ type: plainText(type), text: plainText(text), timeMs }]
  })
}

/** Sets of at least two of the given streams. */
export function exclusionsOf(objects: readonly AsfObject[], streams: readonly AsfStream[]): number[][] {
  const known = new Set(streams.map(({ number }) => number))
  return objects.flatMap((object) => {
    if (object.type !== 'bitrate-mutual-exclusion' && object.type !== 'advanced-mutual-exclusion') return []
    const numbers = [...new Set(object.streams)].filter((number) => known.has(number))
    return numbers.length > 1 ? [numbers] : []
  })
}

/** Of the given streams, most important first. */
export function prioritiesOf(objects: readonly AsfObject[], streams: readonly AsfStream[]): number[] {
  const known = new Set(streams.map(({ number }) => number))
  const found = objects.find((object) => object.type === 'stream-prioritization')
  return [...new Set(found?.entries.map(({ streamNumber }) => streamNumber))].filter((number) => known.has(number))
}

/** `undefined`: nothing says that the content is protected. */
export function describeEncryption(
  objects: readonly AsfObject[],
  streams: readonly AsfStream[],
): SourceProtection | undefined {
  const playReady = objects.find((object) => object.type === 'playready')
  if (playReady !== undefined) {
    const header = playReady.records.find(({ recordType }) => recordType === PLAYREADY_RECORD.HEADER)
    const xml = header === undefined ? '' : utf16(header.data)
    return told('PlayReady', element(xml, 'KID'), element(xml, 'LA_URL'))
  }
  const first = objects.find((object) => object.type === 'content-encryption')
  if (first !== undefined) {
    return told(first.protectionType, first.keyId, first.licenseUrl)
  }
  const second = objects.find((object) => object.type === 'extended-content-encryption')
  if (second !== undefined) {
    return told('DRM', element(second.xml, 'KID'), element(second.xml, 'LAINFO'))
  }
  const advanced = objects.some((object) => object.type === 'advanced-content-encryption')
  if (!advanced && !streams.some(({ encrypted }) => encrypted)) return undefined
  return { scheme: 'unknown', keyId: '', licenseUrl: '' }
}

/** A header has room for a megabyte of each. */
const MAX_NAME_LENGTH = 128
const MAX_URL_LENGTH = 2048

/** On one line and of a length that goes into errors and logs. */
function told(scheme: string, keyId: string, licenseUrl: string): SourceProtection {
  const line = (text: string, length: number) => plainText(text).replaceAll(/\s+/g, ' ').trim().slice(0, length)
  return {
    scheme: line(scheme, MAX_NAME_LENGTH) || 'DRM',
    keyId: line(keyId, MAX_NAME_LENGTH),
    licenseUrl: line(licenseUrl, MAX_URL_LENGTH),
  }
}

function utf16(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at + 1 < bytes.byteLength; at += 2) {
    text += String.fromCharCode((bytes[at] as number) | ((bytes[at + 1] as number) << 8))
  }
  return text
}

/** Content of the first such element of a WRMHEADER; empty when there is none. It is text of a known form, so no XML reader is needed. */
function element(xml: string, name: string): string {
  const start = xml.indexOf(`<${name}>`)
  const end = start < 0 ? -1 : xml.indexOf(`</${name}>`, start)
  if (end < 0) return ''
  const content = xml.slice(start + name.length + 2, end)
  return content.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
}
