/** Bodies of SendEvent: what a cache tells the server about content it keeps (MS-WMSP 2.2.5). */
import { FormatError } from '../../errors.ts'
import { type ContentDescription, readDescriptions, writeDescriptions } from './cdl.ts'

const EVENTS = new Map([
  [28, 'open'],
  [29, 'close'],
  [30, 'log'],
] as const)
const MAX_U32 = 0xffff_ffff
/** Bytes of the two lines before the descriptions. */
const MAX_LINE = 64

/** `open` and `close` of content in the cache; `log`: a player's log, passed on. */
export type RemoteEventKind = 'open' | 'close' | 'log'

export interface RemoteEvent {
  readonly kind: RemoteEventKind
  /** HRESULT, unsigned. */
  readonly result: number
  /** Of `log` the user (WMS_USER_AGENT, WMS_USER_GUID) and the command (@WMS_COMMAND_CONTEXT_URL, @.REMOTE_LOG); of others none. */
  readonly descriptions: readonly ContentDescription[]
}

/** Throws FormatError ERR_WMS_EVENT_INVALID, and what `readDescriptions` throws. */
export function readRemoteEvent(body: Uint8Array): RemoteEvent {
  const first = readLine(body, 0)
  const second = readLine(body, first.end)
  if (first.text !== '1') throw invalid('the version 1', first.text, 0)
  const match = /^1,(\d{1,3}),(\d{1,10})$/.exec(second.text)
  const kind = EVENTS.get(Number(match?.[1]) as 28)
  const result = Number(match?.[2])
  if (kind === undefined || result > MAX_U32) throw invalid('an event like 1,28,0', second.text, first.end)
  const descriptions = readDescriptions(body.subarray(second.end))
  const wanted = kind === 'log' ? 2 : 0
  if (descriptions.length !== wanted) {
    throw invalid(`${wanted} descriptions in a ${kind} event`, String(descriptions.length), second.end)
  }
  return { kind, result, descriptions }
}

export function writeRemoteEvent({ kind, result, descriptions }: RemoteEvent): Uint8Array {
  const code = [...EVENTS].find(([, name]) => name === kind)?.[0] ?? 0
  return Buffer.concat([Buffer.from(`1\r\n1,${code},${result}\r\n`, 'latin1'), writeDescriptions(descriptions)])
}

function readLine(body: Uint8Array, from: number): { readonly text: string; readonly end: number } {
  const line = Buffer.from(body.subarray(from, from + MAX_LINE)).toString('latin1')
  const end = line.indexOf('\r\n')
  if (end < 0) throw invalid('a line that ends with CR LF', line, from)
  return { text: line.slice(0, end), end: from + end + 2 }
}

function invalid(expected: string, found: string, offset: number): FormatError {
  const shown = JSON.stringify(found.slice(0, 60))
  return new FormatError('ERR_WMS_EVENT_INVALID', `expected ${expected}, found ${shown}`, offset)
}
