/** A library of made-up files, for tests of what plays files without looking into them. */
import { UnavailableError } from '../../src/errors.ts'
import type { Library, LibraryFile } from '../../src/library/library.ts'
import { MediaFiles } from '../../src/library/media-files.ts'
import { memorySource } from '../../src/media/byte-source.ts'
import type { Packet } from '../../src/media/packet.ts'
import { leadingTrack, type MediaReader } from '../../src/media/reader.ts'
import type { Track } from '../../src/media/track.ts'

/** A reader of these packets, which stand in the order of the file. */
export function readerOf(tracks: readonly Track[], packets: readonly Packet[]): MediaReader {
  const lead = leadingTrack(tracks)
  const isKey = ({ track, key }: Packet) => key && track.id === lead?.id
  return {
    format: 'mp4',
    tracks,
    foreign: [],
    duration: packets.reduce((latest, { pts }) => Math.max(latest, pts), 0) + 40_000,
    metadata: { title: 'made up' },
    notes: [],
    keyPoints: async () => packets.filter(isKey).map(({ dts, pts }, position) => ({ dts, pts, position })),
    async *packets(from, { tracks: wanted } = {}) {
      const place = typeof from === 'number' ? from : from.pts
      const first = packets.findLastIndex((packet) => isKey(packet) && packet.pts <= place)
      for (const packet of packets.slice(Math.max(0, first))) {
        await Promise.resolve()
        if (wanted?.includes(packet.track.id) !== false) yield packet
      }
    },
  }
}

/** Files by their path, `vod/…`. The bytes of a file are its path. */
export function mediaLibraryOf(files: Readonly<Record<string, MediaReader>>): {
  readonly library: Library
  readonly mediaFiles: MediaFiles
} {
  const library: Library = {
    async open(path): Promise<LibraryFile> {
      if (!Object.hasOwn(files, path)) throw new UnavailableError('ERR_LIBRARY_NOT_FOUND', `${path} is not there`)
      const source = memorySource(new TextEncoder().encode(path))
      return { ...source, path, modified: new Date(0), close: async () => {} }
    },
    list: async () => [],
  }
  return { library, mediaFiles: new MediaFiles(library, async ({ path }) => files[path] as MediaReader) }
}
