/** Writes an ASX file as XML that every player's reader understands (ASX 3.0). */
import { escapeXml } from '../xml.ts'
import { ASX_LINKS, ASX_TEXTS, type Asx, type AsxClip, type AsxDescription, type AsxItem } from './model.ts'

const MS_PER_SECOND = 1000
const MS_PER_MINUTE = 60_000
const MS_PER_HOUR = 3_600_000

/** The file, with line ends. Begins with `<ASX`: VLC knows it by that. */
export function formatAsx(asx: Asx): string {
  const lines = [
    '<ASX VERSION="3.0">',
    ...description(asx, '  '),
    ...asx.items.flatMap((item) => itemLines(item, '  ')),
  ]
  return `${[...lines, '</ASX>'].join('\r\n')}\r\n`
}

function itemLines(item: AsxItem, indent: string): string[] {
  const inner = `${indent}  `
  switch (item.type) {
    case 'entryref':
      return [`${indent}<ENTRYREF${attribute('HREF', item.href)} />`]
    case 'repeat':
      return [
        `${indent}<REPEAT${attribute('COUNT', item.count)}>`,
        ...item.items.flatMap((child) => itemLines(child, inner)),
        `${indent}</REPEAT>`,
      ]
    case 'event':
      return [
        `${indent}<EVENT${attribute('NAME', item.name)}${attribute('WHENDONE', item.whenDone)}>`,
        ...item.items.flatMap((child) => itemLines(child, inner)),
        `${indent}</EVENT>`,
      ]
    default: {
      const skip = item.clientSkip === undefined ? undefined : item.clientSkip ? 'YES' : 'NO'
      return [
        `${indent}<ENTRY${attribute('CLIENTSKIP', skip)}>`,
        ...description(item, inner),
        ...clip(item, inner),
        ...item.references.flatMap((reference) => {
          const window = clip(reference, `${inner}  `)
          const tag = `${inner}<REF${attribute('HREF', reference.href)}`
          return window.length === 0 ? [`${tag} />`] : [`${tag}>`, ...window, `${inner}</REF>`]
        }),
        `${indent}</ENTRY>`,
      ]
    }
  }
}

function description(from: AsxDescription, indent: string): string[] {
  const lines: string[] = []
  for (const name of ASX_TEXTS) {
    const text = from[name]
    const tag = name.toUpperCase()
    if (text !== undefined) lines.push(`${indent}<${tag}>${escapeXml(text)}</${tag}>`)
  }
  for (const name of ASX_LINKS) {
    const href = from[name]
    if (href !== undefined) lines.push(`${indent}<${name.toUpperCase()}${attribute('HREF', href)} />`)
  }
  for (const href of from.logUrls ?? []) lines.push(`${indent}<LOGURL${attribute('HREF', href)} />`)
  for (const { name, value } of from.parameters ?? []) {
    lines.push(`${indent}<PARAM${attribute('NAME', name)}${attribute('VALUE', value)} />`)
  }
  return lines
}

function clip({ startMs, durationMs }: AsxClip, indent: string): string[] {
  return [
    ...(startMs === undefined ? [] : [`${indent}<STARTTIME${attribute('VALUE', clock(startMs))} />`]),
    ...(durationMs === undefined ? [] : [`${indent}<DURATION${attribute('VALUE', clock(durationMs))} />`]),
  ]
}

function attribute(name: string, value: string | number | undefined): string {
  return value === undefined ? '' : ` ${name}="${escapeXml(String(value))}"`
}

/** `hh:mm:ss.fff`. */
function clock(ms: number): string {
  const two = (value: number) => String(value).padStart(2, '0')
  const whole = Math.max(0, Math.round(ms))
  const hours = two(Math.floor(whole / MS_PER_HOUR))
  const minutes = two(Math.floor((whole % MS_PER_HOUR) / MS_PER_MINUTE))
  const seconds = two(Math.floor((whole % MS_PER_MINUTE) / MS_PER_SECOND))
  return `${hours}:${minutes}:${seconds}.${String(whole % MS_PER_SECOND).padStart(3, '0')}`
}
