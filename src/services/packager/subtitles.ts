/** Subtitles of a package: in the film, and in files beside it by the names that the library knows. They are never encrypted. */
import { basename, dirname } from 'node:path'
import { type Library, openLibrary } from '../../library/library.ts'
import type { MediaFile } from '../../library/media-files.ts'
import { findMediaSet, type MediaSet, withoutQuality } from '../../packaging/on-demand/media-set.ts'
import { cuesName, initName, segmentName } from '../../packaging/on-demand/names.ts'
import type { SegmentSpan } from '../../packaging/on-demand/presentation.ts'
import {
  type TextRendition,
  textFragment,
  textInit,
  textRenditions,
  webVttSegment,
} from '../../packaging/on-demand/text-rendition.ts'
import type { Piece } from './pieces.ts'
import { verifySame } from './verify.ts'

/** Of the first input. `onNote`: told of files that cannot be read. */
export async function subtitlesOf(
  input: string,
  film: MediaFile,
  onNote: (note: string) => void,
): Promise<readonly TextRendition[]> {
  const name = basename(input)
  const library = openLibrary(() => ({ root: dirname(input), mounts: {} }))
  const sets = await Promise.all([name, withoutQuality(name)].map((base) => findSet(library, base)))
  const sidecars = sets.flatMap((set) => set?.sidecars ?? [])
  const version = [`${film.file.size}\n${film.file.modified.getTime()}`, ...sets.map((set) => set?.version)].join('\n')
  const set: MediaSet = { path: name, files: [], sidecars, version }
  return textRenditions(set, { library, film, onNote })
}

/** As WebVTT for HLS and in fragments for DASH. */
export function textPieces(texts: readonly TextRendition[], segments: readonly SegmentSpan[]): Piece[] {
  return texts.flatMap((text) => {
    const { name, token } = text
    return [
      textPiece(initName(name, token), () => Promise.resolve(textInit(text))),
      ...segments.flatMap((span, index) => [
        textPiece(cuesName(name, token, index), () => webVttSegment(text, span)),
        textPiece(segmentName(name, token, index), () => textFragment(text, span, index + 1)),
      ]),
    ]
  })
}

function textPiece(name: string, clear: () => Promise<Uint8Array>): Piece {
  return { name, clear, make: (bytes) => bytes, verify: (stored, bytes) => verifySame(name, stored, bytes) }
}

/** `undefined`: the library knows no such name, so nothing lies beside it. */
async function findSet(library: Library, base: string | undefined): Promise<MediaSet | undefined> {
  if (base === undefined) return undefined
  try {
    return await findMediaSet(library, `vod/${base}`)
  } catch {
    return undefined
  }
}
