/** What every container offers for files at random: what is in it, where decoding can start, and the packets from any place. */
import type { Packet } from './packet.ts'
import type { Micros } from './time.ts'
import type { Track, TrackKind } from './track.ts'

/** Containers that are read. `aac` is AAC in ADTS, `mp3` MPEG audio layer III, both without a container around them. */
export type MediaFormat = 'mp4' | 'matroska' | 'mpegts' | 'flv' | 'asf' | 'mp3' | 'aac'

/** A track of the file that `Track` has no codec for. It is told of and never read. */
export interface ForeignTrack {
  readonly kind: TrackKind
  /** For people, and for programs to look up: `mpeg2video`, `mpeg4`, `dts`, `pcm_s16le`, else the container's own word. */
  readonly codec: string
  readonly language?: string
}

/** A place where decoding of the leading track can start. */
export interface KeyPoint {
  readonly dts: Micros
  readonly pts: Micros
  /** Where the container keeps it; means something only to the reader that gave it. */
  readonly position: number
}

/** Where one sample of a track lies in the file, byte for byte as its packet would be. */
export interface SamplePlace {
  /** Bytes. */
  readonly offset: number
  readonly size: number
  readonly dts: Micros
  readonly pts: Micros
  /** Until the next sample of the track is decoded. */
  readonly duration: Micros
  readonly key: boolean
}

/** What the samples of a track between two times come to. */
export interface SampleSum {
  /** When the first of them is shown; without any, where they would begin. */
  readonly start: Micros
  readonly samples: number
  readonly bytes: number
  /** Of key samples. */
  readonly keyBytes: number
  readonly duration: Micros
}

/** A picture that stands for the file: a cover. Byte for byte an image file within the file. */
export interface PicturePlace {
  /** Bytes. */
  readonly offset: number
  readonly size: number
  /** As the file says, for example `image/jpeg`; not checked. */
  readonly mediaType: string
}

/** Which packets are wanted. */
export interface ReadOptions {
  /** Ids; all when left out. Without the leading track, reading starts with the first packet at or after the place. */
  readonly tracks?: readonly number[]
}

/**
 * A media file that is open. Times count from its beginning: the first picture or sound that is to be shown has a `pts` of 0 or little
 * more, and what an edit list cuts off is negative; decode times may be negative by the reordering delay. The leading track is the
 * first video track, else the first audio track. One reader serves any number of readings at the same time; what it holds is bounded
 * whatever the file says. The source is not closed.
 */
export interface MediaReader {
  readonly format: MediaFormat
  /** In the order of the file. */
  readonly tracks: readonly Track[]
  readonly foreign: readonly ForeignTrack[]
  /** From 0 to the end of the last picture or sound; measured where the file does not tell. */
  readonly duration: Micros
  /** What the file says of the whole, for people: title, artist, encoder … Values are text or numbers. */
  readonly metadata: Readonly<Record<string, string | number>>
  /** The cover, where the file has one. */
  readonly picture?: PicturePlace | undefined
  /** What is wrong with the file, in words for people; grows while damaged places are met. */
  readonly notes: readonly string[]
  /**
   * All places where decoding can start, in order; of a file without video, one each second or so. Read from the file's index where it has
   * one; else the file is read through once, and the answer kept.
   */
  keyPoints(): Promise<readonly KeyPoint[]>
  /**
   * Packets from the last key point that is shown at `from` or before, to the end of the file or of what can be read of it; in the order of
   * their decode times as near as the file keeps it. Throws FormatError only where nothing can be read at all.
   */
  packets(from: Micros | KeyPoint, options?: ReadOptions): AsyncGenerator<Packet>
  /**
   * Samples of a track that are decoded at or after `from` and before `to`, without reading them; `undefined` for containers that do not
   * keep whole samples in the form of packets. Ends early at `MAX_SAMPLE_PLACES`.
   */
  readonly samples?: (trackId: number, from: Micros, to: Micros) => Promise<readonly SamplePlace[]>
  /**
   * What `samples` would give from each of `bounds` to the next, summed up, where the index tells it without looking at each sample;
   * `undefined` where it does not.
   */
  readonly sampleSums?: (trackId: number, bounds: readonly Micros[]) => readonly SampleSum[] | undefined
}

/** Given by one call of `samples` at most: ten minutes of 100 pictures a second. */
export const MAX_SAMPLE_PLACES = 60_000

/** The track that decides where decoding can start. */
export function leadingTrack(tracks: readonly Track[]): Track | undefined {
  return tracks.find(({ kind }) => kind === 'video') ?? tracks.find(({ kind }) => kind === 'audio')
}
