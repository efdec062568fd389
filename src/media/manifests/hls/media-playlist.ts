/** HLS media playlists with low-latency extensions (RFC 8216bis sections 4.4.2 to 4.4.5): read and write. */
import { FormatError } from '../../../errors.ts'
import { formatDateTime, parseDateTime } from '../iso8601.ts'
import { withoutUndefined } from '../without-undefined.ts'
import {
  AttributeList,
  byteRange,
  oneLine,
  parseByteRange,
  parseInteger,
  parseSeconds,
  safeUri,
  seconds,
} from './attribute-list.ts'
import type {
  ByteRange,
  DateRange,
  InitializationSection,
  Key,
  MediaPlaylist,
  Part,
  PreloadHint,
  RenditionReport,
  Segment,
  SegmentHead,
  ServerControl,
  Skip,
  StartPoint,
} from './model.ts'
import * as tags from './tags.ts'

/**
 * The playlist's text. Segment tags that stay in force (map, keys, bit rate) are written only where they change. `earlier` is the text of
 * segments that come before those of `playlist` and are counted in its numbers.
 */
export function formatMediaPlaylist(playlist: MediaPlaylist, earlier = ''): string {
  let text = `#EXTM3U\n#EXT-X-VERSION:${playlist.version}\n#EXT-X-TARGETDURATION:${playlist.targetDuration}\n`
  if (playlist.independentSegments) text += '#EXT-X-INDEPENDENT-SEGMENTS\n'
  if (playlist.start !== undefined) text += tags.writeStart(playlist.start)
  if (playlist.serverControl !== undefined) text += tags.writeServerControl(playlist.serverControl)
  if (playlist.partTarget !== undefined) text += `#EXT-X-PART-INF:PART-TARGET=${seconds(playlist.partTarget)}\n`
  text += `#EXT-X-MEDIA-SEQUENCE:${playlist.mediaSequence}\n`
  if (playlist.discontinuitySequence > 0) text += `#EXT-X-DISCONTINUITY-SEQUENCE:${playlist.discontinuitySequence}\n`
  if (playlist.playlistType !== undefined) text += `#EXT-X-PLAYLIST-TYPE:${playlist.playlistType}\n`
  if (playlist.iFramesOnly) text += '#EXT-X-I-FRAMES-ONLY\n'
  if (playlist.skip !== undefined) text += tags.writeSkip(playlist.skip)
  for (const range of playlist.dateRanges) text += tags.writeDateRange(range)
  text += earlier
  const state: WriteState = { map: undefined, keys: undefined, bitrate: undefined }
  text += writeSegments(playlist.segments, state)
  if (playlist.openSegment !== undefined) text += writeHead(playlist.openSegment, state)
  for (const hint of playlist.preloadHints) text += tags.writePreloadHint(hint)
  for (const report of playlist.renditionReports) text += tags.writeRenditionReport(report)
  if (playlist.ended) text += '#EXT-X-ENDLIST\n'
  return text
}

/** The text of some segments, for `formatMediaPlaylist`: it stands on its own, so that it may follow any other. */
export function formatSegments(segments: readonly Segment[]): string {
  return writeSegments(segments, { map: undefined, keys: undefined, bitrate: undefined })
}

/**
 * The delta update of a full playlist: `count` segments from its beginning give way to EXT-X-SKIP, at most all but one. The map and
 * keys in force stay on the segments that are left, so the text stands on its own.
 */
export function skipSegments(playlist: MediaPlaylist, count: number): MediaPlaylist {
  const skippedSegments = Math.min(count, playlist.segments.length - 1)
  if (skippedSegments <= 0) return playlist
  return { ...playlist, skip: { skippedSegments }, segments: playlist.segments.slice(skippedSegments) }
}

/**
 * The full playlist that a delta update stands for, from the newest full one known; `undefined` when that one is too old to fill
 * the gap, so that the caller has to load a full one.
 */
export function applyDelta(previous: MediaPlaylist, delta: MediaPlaylist): MediaPlaylist | undefined {
  if (delta.skip === undefined) return delta
  const from = delta.mediaSequence - previous.mediaSequence
  const skipped = previous.segments.slice(Math.max(from, 0), Math.max(from, 0) + delta.skip.skippedSegments)
  if (previous.skip !== undefined || from < 0 || skipped.length < delta.skip.skippedSegments) return undefined
  const removed = new Set(delta.skip.recentlyRemovedDateRanges)
  const repeated = new Set(delta.dateRanges.map((range) => range.id))
  const keptRanges = delta.serverControl?.canSkipDateRanges
    ? previous.dateRanges.filter((range) => !removed.has(range.id) && !repeated.has(range.id))
    : []
  const last = skipped.at(-1)
  const { skip: _, ...rest } = delta
  return {
    ...rest,
    dateRanges: [...keptRanges, ...delta.dateRanges],
    segments: [...skipped, ...delta.segments.map((segment) => (last === undefined ? segment : inherit(segment, last)))],
    ...(delta.openSegment !== undefined && last !== undefined ? { openSegment: inherit(delta.openSegment, last) } : {}),
  }
}

function inherit<T extends SegmentHead>(segment: T, last: SegmentHead): T {
  return {
    ...(last.map === undefined ? {} : { map: last.map }),
    ...(last.keys === undefined ? {} : { keys: last.keys }),
    ...segment,
  }
}

interface WriteState {
  map: InitializationSection | undefined
  keys: readonly Key[] | undefined
  bitrate: number | undefined
}

function writeSegments(segments: readonly Segment[], state: WriteState): string {
  let text = ''
  for (const segment of segments) {
    text += writeHead(segment, state)
    text += `#EXTINF:${seconds(segment.duration)},${segment.title === undefined ? '' : oneLine(segment.title)}\n`
    if (segment.byteRange !== undefined) text += `#EXT-X-BYTERANGE:${byteRange(segment.byteRange)}\n`
    text += `${safeUri(segment.uri)}\n`
  }
  return text
}

function writeHead(head: SegmentHead, state: WriteState): string {
  let text = head.discontinuity ? '#EXT-X-DISCONTINUITY\n' : ''
  if (head.keys !== state.keys) text += writeKeyChange(head.keys, state)
  if (head.map !== state.map && head.map !== undefined) text += writeMapChange(head.map, state)
  if (head.programDateTime !== undefined) {
    text += `#EXT-X-PROGRAM-DATE-TIME:${formatDateTime(head.programDateTime)}\n`
  }
  if (head.bitrate !== undefined && head.bitrate !== state.bitrate) {
    text += `#EXT-X-BITRATE:${head.bitrate}\n`
    state.bitrate = head.bitrate
  }
  if (head.gap) text += '#EXT-X-GAP\n'
  for (const part of head.parts) text += tags.writePart(part)
  return text
}

function writeMapChange(map: InitializationSection, state: WriteState): string {
  const line = tags.writeMap(map)
  const changed = state.map === undefined || tags.writeMap(state.map) !== line
  state.map = map
  return changed ? line : ''
}

function writeKeyChange(keys: readonly Key[] | undefined, state: WriteState): string {
  const before = (state.keys ?? []).map(tags.writeKey)
  const after = (keys ?? []).map(tags.writeKey)
  state.keys = keys
  if (before.join('\n') === after.join('\n')) return ''
  // A key ends only by another of its format, or by NONE, which ends them all.
  const text = before.length > 0 ? '#EXT-X-KEY:METHOD=NONE\n' : ''
  return text + after.map((key) => `#EXT-X-KEY:${key}\n`).join('')
}

/** Takes a media playlist line by line. Unknown tags are ignored. Lines come without line ends, empty ones left out. */
export class MediaPlaylistReader {
  #version = 1
  #targetDuration: number | undefined
  #independentSegments: true | undefined
  #start: StartPoint | undefined
  #serverControl: ServerControl | undefined
  #partTarget: number | undefined
  #mediaSequence = 0
  #discontinuitySequence = 0
  #playlistType: 'EVENT' | 'VOD' | undefined
  #iFramesOnly: true | undefined
  #skip: Skip | undefined
  readonly #dateRanges: DateRange[] = []
  readonly #segments: Segment[] = []
  readonly #preloadHints: PreloadHint[] = []
  readonly #renditionReports: RenditionReport[] = []
  #ended = false

  // In force until changed.
  #map: InitializationSection | undefined
  #keys: readonly Key[] | undefined
  #bitrate: number | undefined
  // Of the segment whose URI has not come yet.
  #discontinuity: true | undefined
  #programDateTime: number | undefined
  #gap: true | undefined
  #parts: Part[] = []
  #duration: number | undefined
  #title: string | undefined
  #byteRange: string | undefined

  tag(name: string, value: string): void {
    switch (name) {
      case '#EXTINF':
        return this.#readDuration(value)
      case '#EXT-X-PART':
        this.#parts.push(tags.readPart(this.#attributes(name, value), (uri) => this.#partEnd(uri)))
        return
      case '#EXT-X-PROGRAM-DATE-TIME':
        this.#programDateTime = parseDateTime(value)
        return
      case '#EXT-X-BYTERANGE':
        this.#byteRange = value
        return
      case '#EXT-X-DISCONTINUITY':
        this.#discontinuity = true
        return
      case '#EXT-X-GAP':
        this.#gap = true
        return
      case '#EXT-X-BITRATE':
        this.#bitrate = parseInteger('EXT-X-BITRATE', value)
        return
      case '#EXT-X-MAP':
        this.#map = tags.readMap(this.#attributes(name, value))
        return
      case '#EXT-X-KEY':
        return this.#readKey(tags.readKey(this.#attributes(name, value)))
      case '#EXT-X-DATERANGE':
        this.#dateRanges.push(tags.readDateRange(this.#attributes(name, value)))
        return
      case '#EXT-X-PRELOAD-HINT': {
        const hint = tags.readPreloadHint(this.#attributes(name, value))
        if (hint !== undefined) this.#preloadHints.push(hint)
        return
      }
      case '#EXT-X-RENDITION-REPORT':
        this.#renditionReports.push(tags.readRenditionReport(this.#attributes(name, value)))
        return
      case '#EXT-X-SKIP':
        this.#skip = tags.readSkip(this.#attributes(name, value))
        return
      case '#EXT-X-ENDLIST':
        this.#ended = true
        return
      default:
        this.#readHeader(name, value)
    }
  }

  uri(uri: string): void {
    if (this.#duration === undefined) {
      throw new FormatError('ERR_HLS_SYNTAX', 'expected EXTINF before the URI of a segment, found none')
    }
    this.#segments.push(
      withoutUndefined<Segment>({
        ...this.#head(),
        duration: this.#duration,
        title: this.#title,
        uri,
        byteRange: this.#byteRange === undefined ? undefined : this.#resolveByteRange(this.#byteRange, uri),
      }),
    )
    this.#discontinuity = undefined
    this.#programDateTime = undefined
    this.#gap = undefined
    this.#parts = []
    this.#duration = undefined
    this.#title = undefined
    this.#byteRange = undefined
  }

  /** The playlist, after the last line. */
  end(): MediaPlaylist {
    if (this.#targetDuration === undefined) {
      throw new FormatError('ERR_HLS_SYNTAX', 'expected EXT-X-TARGETDURATION in a media playlist, found none')
    }
    const begun =
      this.#parts.length > 0 ||
      this.#discontinuity !== undefined ||
      this.#programDateTime !== undefined ||
      this.#gap !== undefined
    return withoutUndefined<MediaPlaylist>({
      type: 'media',
      version: this.#version,
      targetDuration: this.#targetDuration,
      independentSegments: this.#independentSegments,
      start: this.#start,
      serverControl: this.#serverControl,
      partTarget: this.#partTarget,
      mediaSequence: this.#mediaSequence,
      discontinuitySequence: this.#discontinuitySequence,
      playlistType: this.#playlistType,
      iFramesOnly: this.#iFramesOnly,
      skip: this.#skip,
      dateRanges: this.#dateRanges,
      segments: this.#segments,
      openSegment: begun ? this.#head() : undefined,
      preloadHints: this.#preloadHints,
      renditionReports: this.#renditionReports,
      ended: this.#ended,
    })
  }

  #readHeader(name: string, value: string): void {
    switch (name) {
      case '#EXT-X-VERSION':
        this.#version = parseInteger('EXT-X-VERSION', value)
        break
      case '#EXT-X-TARGETDURATION':
        // Some packagers write a decimal point; the whole seconds are what counts.
        this.#targetDuration = Math.round(parseSeconds('EXT-X-TARGETDURATION', value))
        break
      case '#EXT-X-INDEPENDENT-SEGMENTS':
        this.#independentSegments = true
        break
      case '#EXT-X-START':
        this.#start = tags.readStart(this.#attributes(name, value))
        break
      case '#EXT-X-SERVER-CONTROL':
        this.#serverControl = tags.readServerControl(this.#attributes(name, value))
        break
      case '#EXT-X-PART-INF':
        this.#partTarget = this.#attributes(name, value).requiredDuration('PART-TARGET')
        break
      case '#EXT-X-MEDIA-SEQUENCE':
        this.#mediaSequence = parseInteger('EXT-X-MEDIA-SEQUENCE', value)
        break
      case '#EXT-X-DISCONTINUITY-SEQUENCE':
        this.#discontinuitySequence = parseInteger('EXT-X-DISCONTINUITY-SEQUENCE', value)
        break
      case '#EXT-X-PLAYLIST-TYPE':
        if (value === 'EVENT' || value === 'VOD') this.#playlistType = value
        break
      case '#EXT-X-I-FRAMES-ONLY':
        this.#iFramesOnly = true
        break
    }
  }

  #readDuration(value: string): void {
    const comma = value.indexOf(',')
    this.#duration = parseSeconds('EXTINF', (comma < 0 ? value : value.slice(0, comma)).trim())
    const title = comma < 0 ? '' : value.slice(comma + 1)
    this.#title = title === '' ? undefined : title
  }

  #readKey(key: Key | undefined): void {
    if (key === undefined) {
      this.#keys = undefined
      return
    }
    const format = key.keyFormat ?? 'identity'
    // A key replaces the one of its own format; those of other formats stay in force.
    this.#keys = [...(this.#keys ?? []).filter((other) => (other.keyFormat ?? 'identity') !== format), key].slice(
      -MAX_KEYS,
    )
  }

  #head(): SegmentHead {
    return withoutUndefined<SegmentHead>({
      discontinuity: this.#discontinuity,
      map: this.#map,
      keys: this.#keys,
      programDateTime: this.#programDateTime,
      gap: this.#gap,
      bitrate: this.#bitrate,
      parts: this.#parts,
    })
  }

  #resolveByteRange(text: string, uri: string): ByteRange {
    const last = this.#segments.at(-1)
    const next =
      last?.byteRange !== undefined && last.uri === uri ? last.byteRange.offset + last.byteRange.length : undefined
    return parseByteRange('EXT-X-BYTERANGE', text, next)
  }

  #partEnd(uri: string): number | undefined {
    const last = this.#parts.at(-1) ?? this.#segments.at(-1)?.parts.at(-1)
    return last?.byteRange !== undefined && last.uri === uri ? last.byteRange.offset + last.byteRange.length : undefined
  }

  #attributes(name: string, value: string): AttributeList {
    return new AttributeList(name.slice(1), value)
  }
}

/** Most key formats at once; there are about six in the world. */
const MAX_KEYS = 16
