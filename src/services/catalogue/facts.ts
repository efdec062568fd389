/** What a media file is, as lists show it: told once by its reader, kept as plain data. */
import type { MediaFormat, MediaReader } from '../../media/reader.ts'
import { sourceProtection } from '../../media/source-protection.ts'
import { MICROS_PER_MS, type Micros } from '../../media/time.ts'
import { isBrowserMedia } from '../../packaging/browser-codecs.ts'
import { type TrackView, viewTrack } from '../admin/views.ts'

/** Tracks of one file that are told of. */
const MAX_TRACKS = 64
/** Characters of a title. */
const MAX_TITLE = 200
const MAX_NOTE = 300

/** How browsers get a file. */
export type BrowserPlay =
  /** Its packets as they are. */
  | 'direct'
  /** Encoded while it is watched. */
  | 'encoded'
  /** It has neither picture nor sound, or only players with a licence may read it. */
  | 'never'

/** Plain data: goes to the disk and to pages as it is. */
export interface FileFacts {
  readonly format: MediaFormat
  /** Seconds. */
  readonly duration: number
  readonly title?: string
  readonly tracks: readonly TrackView[]
  readonly plays: BrowserPlay
}

/** Why a file cannot be shown with facts. */
export interface UnreadableFile {
  /** `other`: no media file at all. `damaged`: one that cannot be read. */
  readonly unreadable: 'other' | 'damaged'
  /** For people. */
  readonly note: string
}

/** What is known of a file: its facts, or why there are none. */
export type Knowledge = FileFacts | UnreadableFile

export function isReadable(knowledge: Knowledge): knowledge is FileFacts {
  return 'tracks' in knowledge
}

/** The facts of an open file. */
export function factsOf(reader: MediaReader): FileFacts {
  const known = reader.tracks.filter(({ kind }) => kind !== 'data').map(viewTrack)
  const foreign = reader.foreign
    .filter(({ kind }) => kind !== 'data')
    .map(({ kind, codec, language }): TrackView => ({ kind, codec, ...(language === undefined ? {} : { language }) }))
  const title = titleOf(reader.metadata)
  return {
    format: reader.format,
    duration: secondsOf(reader.duration),
    ...(title === undefined ? {} : { title }),
    tracks: [...known, ...foreign].slice(0, MAX_TRACKS),
    plays: browserPlay(reader),
  }
}

/** The words for a file that could not be opened. */
export function unreadable(error: { readonly code: string; readonly message: string }): UnreadableFile {
  return {
    unreadable: error.code === 'ERR_MEDIA_UNKNOWN_FORMAT' ? 'other' : 'damaged',
    note: error.message.slice(0, MAX_NOTE),
  }
}

function browserPlay(reader: MediaReader): BrowserPlay {
  if (isBrowserMedia(reader)) return 'direct'
  if (sourceProtection(reader.metadata) !== undefined) return 'never'
  const seenOrHeard = [...reader.tracks, ...reader.foreign].some(({ kind }) => kind === 'video' || kind === 'audio')
  return seenOrHeard ? 'encoded' : 'never'
}

function titleOf(metadata: MediaReader['metadata']): string | undefined {
  const title = metadata['title']
  if (typeof title !== 'string') return undefined
  // Controls in a title would be shown as boxes, or turn the text around.
  const text = title.replaceAll(/[\p{Cc}\p{Cf}]/gu, ' ').trim()
  return text === '' ? undefined : text.slice(0, MAX_TITLE)
}

function secondsOf(duration: Micros): number {
  return Number.isFinite(duration) ? Math.max(0, Math.round(duration / MICROS_PER_MS) / 1000) : 0
}
