/** A film whose picture browsers know and whose sound they do not: the picture as it is in the file, the sound encoded. */
import { createHash } from 'node:crypto'
import type { OnDemandRendition, Presentation } from '../../packaging/on-demand/presentation.ts'

/** Each rendition keeps its own segments. Both are closed with it. */
export function mixPresentations(pictures: Presentation, sounds: Presentation): Presentation {
  const encoded = sounds.renditions.map((rendition): OnDemandRendition => ({ ...rendition, segments: sounds.segments }))
  const names = new Set(encoded.map(({ name }) => name))
  const ownerOf = ({ name }: OnDemandRendition) => (names.has(name) ? sounds : pictures)
  return {
    path: pictures.path,
    token: createHash('sha256').update(`${pictures.token} ${sounds.token}`).digest('hex').slice(0, 12),
    duration: Math.max(pictures.duration, sounds.duration),
    modified: pictures.modified,
    encoded: true,
    segments: pictures.segments,
    renditions: [...pictures.renditions.filter(({ track }) => track.kind === 'video'), ...encoded],
    init: (rendition) => ownerOf(rendition).init(rendition),
    segment: (rendition, index, signal) => ownerOf(rendition).segment(rendition, index, signal),
    keyPicture: (rendition, index, signal) => ownerOf(rendition).keyPicture(rendition, index, signal),
    close: () => {
      pictures.close()
      sounds.close()
    },
  }
}
