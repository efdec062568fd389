/** Makes playable what browsers cannot play: files and live streams are encoded by ffmpeg while somebody watches them. */
import { UnavailableError } from '../../errors.ts'
import type { LibraryFile } from '../../library/library.ts'
import type { MediaFile } from '../../library/media-files.ts'
import type { Stream } from '../../live/stream.ts'
import type { Micros } from '../../media/time.ts'
import type { Presentation } from '../../packaging/on-demand/presentation.ts'
import type { LiveTranscode, StillOptions, Transcoder } from '../../packaging/transcoder.ts'
import type { Closable, Logger } from '../../protocols/protocol.ts'
import type { TranscodeOptions } from './options.ts'
import { tellPrograms } from './programs.ts'
import { MAX_STILL_BYTES, stillArguments } from './still-pictures.ts'
import { WorkerKit } from './worker-kit.ts'

/** Processor time of one still picture, seconds: key pictures that are seconds apart are decoded on the way. */
const STILL_CPU_SECONDS = 20
/** Milliseconds that a still picture waits for its turn. */
const STILL_WAIT_MS = 30_000

export interface TranscoderOptions {
  /** Asked at each use, so that other settings take effect. */
  readonly options: () => TranscodeOptions
  /** Folder of the encoded segments. */
  readonly cache: string
  readonly log: Logger
}

/** The service behind `ServerContext.transcoder`. */
export class TranscodeService implements Transcoder, Closable {
  readonly #kit: WorkerKit

  constructor({ options, log }: TranscoderOptions) {
    this.#kit = new WorkerKit(options, log)
    void tellPrograms(options().ffmpeg, log)
  }

  openFile(file: MediaFile): Promise<Presentation> {
    return Promise.reject(new UnavailableError('ERR_TRANSCODE_FAILED', `${file.file.path} cannot be encoded`))
  }

  openLive(stream: Stream): Promise<LiveTranscode> {
    return Promise.reject(new UnavailableError('ERR_TRANSCODE_FAILED', `${stream.path} cannot be encoded`))
  }

  async stillPictures(
    { file, reader }: MediaFile,
    times: readonly Micros[],
    { width, signal }: StillOptions,
  ): Promise<readonly (Uint8Array | undefined)[]> {
    const programs = await this.#kit.programs()
    const pictures: (Uint8Array | undefined)[] = []
    for (const time of times) {
      const slot = await this.#kit.shortSlots.acquire({
        waitMs: STILL_WAIT_MS,
        ...(signal === undefined ? {} : { signal }),
      })
      const child = this.#kit.start(programs, stillArguments(reader, time, width), {
        program: 'ffmpeg',
        file: descriptorOf(file),
        cpuSeconds: STILL_CPU_SECONDS,
        nice: 15,
      })
      const stop = () => child.stop()
      signal?.addEventListener('abort', stop, { once: true })
      try {
        const picture = await child.collect(MAX_STILL_BYTES)
        pictures.push(picture.byteLength > 0 ? picture : undefined)
      } catch (error) {
        this.#kit.log.debug({ path: file.path, time, error }, 'no still picture')
        pictures.push(undefined)
      } finally {
        signal?.removeEventListener('abort', stop)
        slot.release()
      }
      signal?.throwIfAborted()
    }
    return pictures
  }

  close(): Promise<void> {
    return this.#kit.close()
  }
}

/** Throws UnavailableError ERR_TRANSCODE_FAILED for what is no file of this machine. */
function descriptorOf({ path, descriptor }: LibraryFile): number {
  if (descriptor === undefined)
    throw new UnavailableError('ERR_TRANSCODE_FAILED', `${path} is no file that ffmpeg could read`)
  return descriptor
}
