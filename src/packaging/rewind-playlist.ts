/** HLS playlists of live streams that go back further than memory does. The text of what was recorded is made once for many segments. */
import { formatMediaPlaylist, formatSegments, skipSegments } from '../media/manifests/hls/media-playlist.ts'
import type { Segment } from '../media/manifests/hls/model.ts'
import { MICROS_PER_SECOND } from '../media/time.ts'
import { type ManifestSource, mediaPlaylist, skippable } from './hls.ts'
import { initName, segmentName } from './names.ts'
import {
  ARCHIVE_BLOCK,
  type ArchivedBlock,
  type ArchivedSegment,
  archivedBefore,
  wallClock,
} from './segment-archive.ts'
import type { StoredRendition } from './stored-segment.ts'

/** Of blocks that are full. */
const texts = new WeakMap<ArchivedBlock, string>()

/** The playlist's text; `delta`: the segments far from the live edge give way to EXT-X-SKIP. */
export function playlistText(source: ManifestSource, rendition: StoredRendition, delta: boolean): string {
  const recent = mediaPlaylist(source, rendition)
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
    earlier.blocks.map((block) => blockText(block, rendition.name)).join(''),
  )
}

function blockText(block: ArchivedBlock, rendition: string): string {
  const known = texts.get(block)
  if (known !== undefined) return known
  const text = formatSegments(block.segments.map((segment) => listedSegment(segment, rendition)))
  if (block.segments.length === ARCHIVE_BLOCK) texts.set(block, text)
  return text
}

function listedSegment(segment: ArchivedSegment, rendition: string): Segment {
  const { run, init, number, discontinuity, gap, presentationStart, duration } = segment
  return {
    ...(discontinuity ? { discontinuity: true as const } : {}),
    ...(init === undefined ? {} : { map: { uri: initName(rendition, run.token, init.period) } }),
    programDateTime: Math.round(wallClock(run, presentationStart)),
    ...(gap ? { gap: true as const } : {}),
    parts: [],
    duration: duration / MICROS_PER_SECOND,
    uri: segmentName(rendition, run.token, number),
  }
}
