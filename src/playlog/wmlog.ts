/** One play log of a Windows Media player, whichever way it was written (MS-WMLOG 2). */
import type { WMLOG_FIELDS, WmlogField, WmlogFieldType, WmlogForm } from './wmlog-fields.ts'

/** Types whose values are integers. */
export type WmlogNumberType = Exclude<WmlogFieldType, 'text' | 'url' | 'date' | 'time'>

/**
 * Values by their names on the wire, as they are there: `_` for spaces, URLs percent-encoded. `undefined` is `-`: not available. Units
 * and ranges stand at the field in `WMLOG_FIELDS`.
 */
export type WmlogFields = {
  readonly [Name in WmlogField]?: ((typeof WMLOG_FIELDS)[Name] extends WmlogNumberType ? number : string) | undefined
}

/** A name and its value. */
export interface WmlogItem {
  readonly name: string
  readonly value: string
}

/** What a log carries beyond its fields: an element of its own name, as a playlist's `log:` parameters ask for. */
export interface WmlogExtension {
  readonly name: string
  /** Text directly inside. */
  readonly value?: string
  readonly items: readonly WmlogItem[]
}

/** A play log. */
export interface Wmlog {
  /** Fields of its line, or the small form that tells of a connection. */
  readonly form: WmlogForm | 'connect-time'
  readonly fields: WmlogFields
  /** What the server told of the content, sent back; `undefined`: the player was told nothing. */
  readonly contentDescription?: readonly WmlogItem[]
  readonly extensions?: readonly WmlogExtension[]
}

/** Reception and playback, reception only, playback only, or the beginning of a session (MS-WMLOG 2.5 to 2.8). */
export const WMLOG_KINDS = ['legacy', 'streaming', 'rendering', 'connect-time'] as const

export type WmlogKind = (typeof WMLOG_KINDS)[number]

/** What a log tells of. Its text does not name it: a rendering log plays from the cache, a streaming log knows no decoder. */
export function wmlogKind({ form, fields }: Wmlog): WmlogKind {
  if (form === 'connect-time') return 'connect-time'
  if (form === 52 || fields.protocol?.toLowerCase() === 'cache') return 'rendering'
  if (form === 47 && fields.audiocodec === undefined && fields.videocodec === undefined) return 'streaming'
  return 'legacy'
}
