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

/**
 * Of a segment, part or initialization section of a live stream; `duration` in milliseconds. Nothing that depends on who asks: the answer is the
 * same bytes for everybody, in HLS and in DASH.
 */
export function liveMediaHeaders({
  kind,
  duration,
}: {
  readonly kind: MediaKind
  readonly duration?: number
}): Readonly<Record<string, string>> {
  const record = {
    objectType: OBJECT_TYPES[kind],
    streamType: 'l',
    ...(duration !== undefined && { duration }),
  } as const
  return { 'CMSD-Static': writeCmsdStatic(record) }
}
