/** A media file as the encoder sends it: whatever its container, at the speed it was made for. */
import { type OpenSource, openFileSource } from '../../library/open-source.ts'
import type { DemuxResult } from '../../media/container.ts'
import { openReader } from '../../media/open-reader.ts'
import type { MediaReader } from '../../media/reader.ts'
import type { Track } from '../../media/track.ts'
import { inRealTime } from './pace.ts'

/** Owns the file until `close`. */
export class FileInput {
  readonly #source: OpenSource
  readonly #reader: MediaReader
  readonly #signal: AbortSignal

  private constructor(source: OpenSource, reader: MediaReader, signal: AbortSignal) {
    this.#source = source
    this.#reader = reader
    this.#signal = signal
  }

  /** Throws FormatError for a file that cannot be read, UnavailableError for one that cannot be opened. */
  static async open(path: string, signal: AbortSignal): Promise<FileInput> {
    const source = await openFileSource(path)
    try {
      return new FileInput(source, await openReader(source), signal)
    } catch (error) {
      await source.close()
      throw error
    }
  }

  /** What the file says of itself. */
  get metadata(): Readonly<Record<string, unknown>> {
    return this.#reader.metadata
  }

  /** Whether of all that the file holds, sound and picture, at least one track goes into a target as it is. */
  isCarried(isTargetTrack: (track: Track) => boolean): boolean {
    const { tracks, foreign } = this.#reader
    const kinds = new Set([...tracks, ...foreign].map(({ kind }) => kind))
    const isSent = (kind: 'video' | 'audio') => tracks.some((track) => track.kind === kind && isTargetTrack(track))
    return (
      (kinds.has('video') || kinds.has('audio')) &&
      (!kinds.has('video') || isSent('video')) &&
      (!kinds.has('audio') || isSent('audio'))
    )
  }

  /** Once through the file in real time; the next call goes through it again. Subtitles, which no target carries, are left out. */
  async *read(): AsyncGenerator<DemuxResult> {
    const timeOf = (result: DemuxResult) => (result.type === 'packet' ? result.packet.dts : undefined)
    yield* inRealTime(this.#results(), timeOf, this.#signal)
  }

  close(): Promise<void> {
    return this.#source.close()
  }

  async *#results(): AsyncGenerator<DemuxResult> {
    const { metadata } = this.#reader
    const tracks = this.#reader.tracks.filter(({ kind }) => kind !== 'text')
    let told = tracks
    yield { type: 'tracks', tracks, metadata }
    const ids = tracks.map(({ id }) => id)
    for await (const packet of this.#reader.packets(Number.NEGATIVE_INFINITY, { tracks: ids })) {
      if (!told.includes(packet.track)) {
        // The configuration changed in the middle.
        told = told.map((track) => (track.id === packet.track.id ? packet.track : track))
        yield { type: 'tracks', tracks: told, metadata }
      }
      yield { type: 'packet', packet }
    }
  }
}
