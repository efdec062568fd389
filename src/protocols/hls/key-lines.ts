/** `?keys=identity` of a playlist: which key lines of protected segments its player reads, handed on from the entry playlist to the others. */
import type { KeyLines } from '../../packaging/protection/signalling.ts'
import { withQuery } from './with-query.ts'

const NAME = 'keys'
const CHOICES: ReadonlySet<string> = new Set(['identity', 'clearkey'] satisfies KeyLines[])

/** `all`: it asks for none, or for what is not known. */
export function keyLinesOf(query: URLSearchParams): KeyLines {
  const value = query.get(NAME) ?? ''
  return CHOICES.has(value) ? (value as KeyLines) : 'all'
}

/** The entry playlist, whose playlists have the same lines as it was asked for. */
export function withKeyLines(text: string, lines: KeyLines): string {
  return lines === 'all' ? text : withQuery(text, `${NAME}=${lines}`)
}
