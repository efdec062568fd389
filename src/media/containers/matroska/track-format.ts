/** What a track of Matroska is in our terms: codec, configuration, and how its frames become packets. */
import type { AudioParameters, Codec, VideoParameters } from '../../track.ts'

export interface TrackFormat {
  readonly codec: Codec
  /** As `Track.config`. */
  readonly config?: Uint8Array
  readonly video?: VideoParameters
  readonly audio?: AudioParameters
  /** Frames that may be shown later than one that was decoded after them; 0 when left out. `unknown`: the configuration does not tell. */
  readonly reordering?: number | 'unknown'
  /** A frame as docs/packet-format.md has it; empty where there is nothing to show. Throws FormatError where it cannot be brought there. */
  canonical(frame: Uint8Array): Uint8Array
}
