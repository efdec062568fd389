/** What makes media playable that browsers do not know. Packaging asks for it; the service that runs the encoders provides it. */
import type { HeadendError } from '../errors.ts'
import type { MediaFile } from '../library/media-files.ts'
import type { Stream } from '../live/stream.ts'
import type { Micros } from '../media/time.ts'
import type { Presentation } from './on-demand/presentation.ts'

/** A live stream encoded for browsers while somebody holds it. */
export interface LiveTranscode {
  /** H.264 and AAC. Not known to the hub; ends with its source, with the last holder, or when the encoder cannot go on. */
  readonly stream: Stream
  /** Wall time of that stream's time zero by the clock of its source: the time that encoding takes does not count as none. */
  readonly epoch: Date | undefined
  /** Why it ended before its source. */
  readonly failure: HeadendError | undefined
  /** Lets go of it; the encoder ends when nobody holds it. Letting go twice does nothing. */
  release(): void
}

export interface StillOptions {
  /** Pixels; the height follows. */
  readonly width: number
  readonly signal?: AbortSignal
}

export interface Transcoder {
  /**
   * A file of the library as a presentation that is encoded as it is watched, seekable at once. Takes the file over and closes it with the
   * presentation. Throws UnavailableError ERR_TRANSCODE_NO_FFMPEG, which tells what to install.
   */
  openFile(file: MediaFile): Promise<Presentation>
  /** A rendition of a stream, started with its first holder. Throws UnavailableError as `openFile` does, ERR_TRANSCODE_BUSY when too many run. */
  openLive(stream: Stream): Promise<LiveTranscode>
  /** Whether what encodes is installed. */
  available(): Promise<boolean>
  /**
   * JPEGs of a file: for each time the key picture there or shortly before it, `undefined` where none can be had. One after the other, at low
   * priority. Throws UnavailableError ERR_TRANSCODE_NO_FFMPEG; what the signal says when it aborts. The file stays open.
   */
  stillPictures(
    file: MediaFile,
    times: readonly Micros[],
    options: StillOptions,
  ): Promise<readonly (Uint8Array | undefined)[]>
}
