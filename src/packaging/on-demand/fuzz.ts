/** Fuzz targets of packaging on demand: a movie that lies still gives segments, or one of our own errors. */
import type { AsyncFuzzTarget, FuzzTarget } from '../../fuzz-target.ts'
import type { MediaFile } from '../../library/media-files.ts'
import { memorySource } from '../../media/byte-source.ts'
import { openReader } from '../../media/open-reader.ts'
import { ByteCache } from './byte-cache.ts'
import { onDemandManifest } from './dash-manifest.ts'
import { FilePresentation } from './file-presentation.ts'
import { keyPicturePlaylist, onDemandMultivariant, onDemandPlaylist } from './hls-playlists.ts'
import { parseOnDemandName, parsePlaylistName } from './names.ts'
import { segmentsOf } from './presentation.ts'
import { readWhole } from './segment-bytes.ts'
import { movieFile } from './vectors.ts'

/** Segments of a rendition that are made; a lying file may have thousands. */
const MAX_MADE = 6
const TARGET = 2_000_000
/** A movie of some kilobytes may say that a sample has any size; what is read of it ends with the file. */
const MAX_READ = 1 << 20

export const fuzzTargets: readonly (FuzzTarget | AsyncFuzzTarget)[] = [
  {
    name: 'on-demand/name',
    seeds: () =>
      [
        'video-1-0123456789ab-7.m4s',
        'video-1-0123456789ab-key-7.m4s',
        'text-301-0123456789ab-7.vtt',
        'video-1.m3u8',
      ].map((name) => Buffer.from(name)),
    run: (input) => {
      const name = Buffer.from(input).toString('latin1')
      parseOnDemandName(name)
      parsePlaylistName(name)
    },
  },
  {
    name: 'on-demand/movie',
    seeds: () => [movieFile({ seconds: 5, size: 20 }), movieFile({ seconds: 3, size: 20, start: 1_100_000 })],
    run: async (input) => {
      const source = memorySource(input)
      const reader = await openReader(source)
      const file = { ...source, path: 'vod/a.mp4', modified: new Date(0), close: () => Promise.resolve() }
      const media: MediaFile = { file, reader, close: () => {} }
      const cache = new ByteCache(() => MAX_READ)
      const presentation = await FilePresentation.open([media], { path: 'vod/a.mp4', target: TARGET, cache })
      onDemandMultivariant(presentation, [])
      onDemandManifest(presentation, [])
      for (const rendition of presentation.renditions) {
        onDemandPlaylist(presentation, rendition)
        keyPicturePlaylist(presentation, rendition)
        await presentation.init(rendition)
        for (const [index] of segmentsOf(presentation, rendition).slice(0, MAX_MADE).entries()) {
          const body = await presentation.segment(rendition, index).catch(ownError)
          if (body !== undefined && body.byteLength < MAX_READ) await readWhole(body).catch(ownError)
        }
        for (const [index] of rendition.keyPictures.slice(0, MAX_MADE).entries()) {
          await presentation.keyPicture(rendition, index).catch(ownError)
        }
      }
    },
  },
]

/** What has no samples is no segment; the next one may have some. */
function ownError(error: unknown): undefined {
  if (error instanceof Error && 'code' in error) return undefined
  throw error
}
