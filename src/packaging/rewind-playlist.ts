/** HLS playlists of live streams that go back further than memory does. The text of what was recorded is made once for many segments. */
import { formatMediaPlaylist, formatSegments, skipSegments } from '../media/manifests/hls/media-playlist.ts'
import type { Segment } from '../media/manifests/hls/model.ts'
import { MICROS_PER_SECOND } from '../media/time.ts'
import { keysOf, type ManifestSource, mediaPlaylist, skippable } from './hls.ts'
import { initName, segmentName } from './names.ts'
import type { KeyLines } from './protection/signalling.ts'
import {
  ARCHIVE_BLOCK,
  type ArchivedBlock,
  type ArchivedSegment,
  archivedBefore,
  wallClock,
} from './segment-archive.ts'
import type { StoredRendition } from './stored-segment.ts'

/** Of blocks that are full. */
const texts = new WeakMap<ArchivedBlock, Map<KeyLines, string>>()

export interface PlaylistTextOptions {
  /** The segments far from the live edge give way to EXT-X-SKIP. */
  readonly delta: boolean
  /** Form of the key lines of protected segments. Default `all`. */
  readonly lines?: KeyLines
}

/** The playlist's text. */
export function playlistText(
  source: ManifestSource,
  rendition: StoredRendition,
  { delta, lines = 'all' }: PlaylistTextOptions,
): string {
  const recent = mediaPlaylist(source, rendition, lines)
  const earlier = archivedBefore(source.archive, rendition, recent.mediaSequence)
  const whole =
    earlier === undefined
      ? recent
      : {
          ...recent,
          mediaSequence: earlier.first.number,
          discontinuitySequence: earlier.first.period - (earlier.first.discontinuity ? 1 : 0),
        }
  // Where memory does not reach back to the boundary, nothing beyond it is known to be skippable.
  const update = delta ? skipSegments(whole, skippable(recent)) : whole
  if (update.skip !== undefined) {
    const skippedSegments = update.skip.skippedSegments + (earlier?.count ?? 0)
    return formatMediaPlaylist({ ...update, skip: { ...update.skip, skippedSegments } })
  }
  if (earlier === undefined) return formatMediaPlaylist(whole)
  const independent = earlier.blocks.every(({ segments }) => segments.every((segment) => segment.independent))
  const { independentSegments, ...rest } = whole
  return formatMediaPlaylist(
    independentSegments && independent ? { ...rest, independentSegments } : rest,
    earlier.blocks.map((block) => blockText(source, block, { name: rendition.name, lines })).join(''),
  )
}

interface ListedIn {
  /** Of the rendition. */
  readonly name: string
  readonly lines: KeyLines
}

function blockText(source: ManifestSource, block: ArchivedBlock, listed: ListedIn): string {
  const known = texts.get(block)?.get(listed.lines)
  if (known !== undefined) return known
  const text = formatSegments(block.segments.map((segment) => listedSegment(source, segment, listed)))
  if (block.segments.length === ARCHIVE_BLOCK) {
    const kept = texts.get(block) ?? new Map<KeyLines, string>()
    texts.set(block, kept.set(listed.lines, text))
  }
  return text
}

function listedSegment(source: ManifestSource, segment: ArchivedSegment, { name, lines }: ListedIn): Segment {
  const { run, init, number, discontinuity, gap, presentationStart, duration } = segment
  return {
    ...(discontinuity ? { discontinuity: true as const } : {}),
    ...keysOf(source, segment, lines),
    ...(init === undefined ? {} : { map: { uri: initName(name, run.token, init) } }),
    programDateTime: Math.round(wallClock(run, presentationStart)),
    ...(gap ? { gap: true as const } : {}),
    parts: [],
    duration: duration / MICROS_PER_SECOND,
    uri: segmentName(name, run.token, number),
  }
}
