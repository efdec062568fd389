/** What encodes for browsers, as the server runs it: loaded when the first file or stream needs it. */
import type { MediaFile } from '../library/media-files.ts'
import type { Stream } from '../live/stream.ts'
import type { Micros } from '../media/time.ts'
import type { Presentation } from '../packaging/on-demand/presentation.ts'
import type { LiveTranscode, StillOptions, Transcoder } from '../packaging/transcoder.ts'
import type { Closable } from '../protocols/protocol.ts'
import type { TranscoderOptions, TranscodeService } from '../services/transcode/index.ts'

export class ServerTranscoder implements Transcoder, Closable {
  readonly #options: TranscoderOptions
  #loading: Promise<TranscodeService> | undefined

  constructor(options: TranscoderOptions) {
    this.#options = options
  }

  async openFile(file: MediaFile): Promise<Presentation> {
    return (await this.#load()).openFile(file)
  }

  async openLive(stream: Stream): Promise<LiveTranscode> {
    return (await this.#load()).openLive(stream)
  }

  async available(): Promise<boolean> {
    return (await this.#load()).available()
  }

  async stillPictures(
    file: MediaFile,
    times: readonly Micros[],
    options: StillOptions,
  ): Promise<readonly (Uint8Array | undefined)[]> {
    return (await this.#load()).stillPictures(file, times, options)
  }

  async close(): Promise<void> {
    await (await this.#loading)?.close()
  }

  #load(): Promise<TranscodeService> {
    this.#loading ??= import('../services/transcode/index.ts').then(
      ({ TranscodeService }) => new TranscodeService(this.#options),
    )
    return this.#loading
  }
}
