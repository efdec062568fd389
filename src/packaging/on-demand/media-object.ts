/** A media file's name to the bytes it stands for, for HLS and DASH alike. */
import { UnavailableError } from '../../errors.ts'
import { MICROS_PER_MS } from '../../media/time.ts'
import { type AnsweredObject, IMMUTABLE } from '../media-objects.ts'
import { type OnDemandName, parseOnDemandName } from './names.ts'
import { type SegmentBody, segmentsOf } from './presentation.ts'
import type { OnDemandItem, Presentations } from './presentations.ts'
import { segmentBody } from './segment-bytes.ts'
import { type TextRendition, textFragment, textInit, webVttSegment } from './text-rendition.ts'

const TEXT_TYPE = 'application/mp4'
const INIT: AnsweredObject = { kind: 'init' }

/** What a name stands for. */
export interface OnDemandMedia {
  readonly item: OnDemandItem
  readonly contentType: string
  readonly object: AnsweredObject
  /** Strong, with its quotes. */
  readonly etag: string
  readonly body: SegmentBody
}

/** Throws UnavailableError ERR_HTTP_NOT_FOUND for a name that stands for nothing (any more), and what `Presentations.find` throws. */
export async function findOnDemandMedia(
  presentations: Presentations,
  { path, file, signal }: { readonly path: string; readonly file: string; readonly signal: AbortSignal },
): Promise<OnDemandMedia> {
  const name = parseOnDemandName(file)
  const item = name === undefined ? undefined : await presentations.findToken(path, name.token)
  if (name === undefined || item === undefined) throw notFound(file)
  const found = await bodyOf(item, name, signal)
  if (found === undefined) throw notFound(file)
  return { item, etag: `"${file.replace(/\.\w+$/, '')}"`, ...found }
}

/** The headers of a media file. What needs a key is not for shared caches. */
export function onDemandHeaders({ contentType }: Pick<OnDemandMedia, 'contentType'>, open: boolean) {
  return {
    'Content-Type': contentType,
    'Cache-Control': open ? IMMUTABLE : 'private, max-age=3600',
    'X-Content-Type-Options': 'nosniff',
  }
}

async function bodyOf(
  item: OnDemandItem,
  name: OnDemandName,
  signal: AbortSignal,
): Promise<Omit<OnDemandMedia, 'item' | 'etag'> | undefined> {
  const { presentation } = item
  const { part, number } = name
  const text = item.texts.find((one) => one.name === name.rendition && one.token === name.token)
  if (text !== undefined) return textBody(item, text, name)
  const rendition = presentation.renditions.find((one) => one.name === name.rendition)
  if (rendition === undefined || presentation.token !== name.token) return undefined
  const contentType = `${rendition.track.kind}/mp4`
  const spans = segmentsOf(presentation, rendition)
  switch (part) {
    case 'init':
      return { contentType, object: INIT, body: await presentation.init(rendition) }
    case 'segment': {
      const span = spans[number]
      if (span === undefined || span.gap) return undefined
      const object = { kind: rendition.track.kind, duration: span.duration / MICROS_PER_MS }
      return { contentType, object, body: await presentation.segment(rendition, number, signal) }
    }
    case 'key-picture':
      if (rendition.keyPictures[number] === undefined) return undefined
      return { contentType, object: { kind: 'video' }, body: await presentation.keyPicture(rendition, number, signal) }
    default:
      return undefined
  }
}

async function textBody(
  { presentation }: OnDemandItem,
  text: TextRendition,
  { part, number }: OnDemandName,
): Promise<Omit<OnDemandMedia, 'item' | 'etag'> | undefined> {
  const span = presentation.segments[number]
  if (part === 'init') return { contentType: TEXT_TYPE, object: INIT, body: segmentBody([textInit(text)]) }
  if (span === undefined || part === 'key-picture') return undefined
  const object = { kind: 'text', duration: span.duration / MICROS_PER_MS } as const
  if (part === 'cues') {
    return { contentType: 'text/vtt; charset=utf-8', object, body: segmentBody([await webVttSegment(text, span)]) }
  }
  return { contentType: TEXT_TYPE, object, body: segmentBody([await textFragment(text, span, number + 1)]) }
}

function notFound(file: string): UnavailableError {
  return new UnavailableError('ERR_HTTP_NOT_FOUND', `${file} does not exist (any more)`)
}
