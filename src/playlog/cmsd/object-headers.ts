/** What a media server tells of what it answers with, as a header (CTA-5006). */
import type { CmsdStatic } from './record.ts'
import { writeCmsdStatic } from './write.ts'

type MediaKind = 'init' | 'video' | 'audio' | 'text' | 'data'

const OBJECT_TYPES: Readonly<Record<MediaKind, NonNullable<CmsdStatic['objectType']>>> = {
  init: 'i',
  video: 'v',
  audio: 'a',
  text: 'tt',
  data: 'o',
}

interface MediaObject {
  readonly kind: MediaKind
  /** Milliseconds of media. */
  readonly duration?: number
}

/**
 * Of a segment, part or initialization section of a live stream. Nothing that depends on who asks: the answer is the same bytes for everybody, in
 * HLS and in DASH.
 */
export function liveMediaHeaders(object: MediaObject): Readonly<Record<string, string>> {
  return headersOf(object, 'l')
}

/** The same of a file. */
export function onDemandMediaHeaders(object: MediaObject): Readonly<Record<string, string>> {
  return headersOf(object, 'v')
}

function headersOf({ kind, duration }: MediaObject, streamType: 'l' | 'v'): Readonly<Record<string, string>> {
  const record = { objectType: OBJECT_TYPES[kind], streamType, ...(duration !== undefined && { duration }) }
  return { 'CMSD-Static': writeCmsdStatic(record) }
}
