/** A media file's name to the bytes it stands for, for HLS and DASH alike. */
import { UnavailableError } from '../../errors.ts'
import { IMMUTABLE } from '../media-objects.ts'
import { type OnDemandName, parseOnDemandName } from './names.ts'
import { type SegmentBody, segmentsOf } from './presentation.ts'
import type { OnDemandItem, Presentations } from './presentations.ts'
import { segmentBody } from './segment-bytes.ts'
import { type TextRendition, textFragment, textInit, webVttSegment } from './text-rendition.ts'

/** What a name stands for. */
export interface OnDemandMedia {
  readonly item: OnDemandItem
  readonly contentType: string
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
): Promise<Pick<OnDemandMedia, 'contentType' | 'body'> | undefined> {
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
      return { contentType, body: await presentation.init(rendition) }
    case 'segment':
      if (spans[number] === undefined || spans[number].gap) return undefined
      return { contentType, body: await presentation.segment(rendition, number, signal) }
    case 'key-picture':
      if (rendition.keyPictures[number] === undefined) return undefined
      return { contentType, body: await presentation.keyPicture(rendition, number, signal) }
    default:
      return undefined
  }
}

async function textBody({ presentation }: OnDemandItem, text: TextRendition, { part, number }: OnDemandName) {
  const span = presentation.segments[number]
  if (part === 'init') return { contentType: 'application/mp4', body: segmentBody([textInit(text)]) }
  if (span === undefined || part === 'key-picture') return undefined
  if (part === 'cues') {
    return { contentType: 'text/vtt; charset=utf-8', body: segmentBody([await webVttSegment(text, span)]) }
  }
  return { contentType: 'application/mp4', body: segmentBody([await textFragment(text, span, number + 1)]) }
}

function notFound(file: string): UnavailableError {
  return new UnavailableError('ERR_HTTP_NOT_FOUND', `${file} does not exist (any more)`)
}
