/** Makes playable what browsers cannot play: files and live streams are encoded by ffmpeg while somebody watches them. */
import type { MediaFile } from '../../library/media-files.ts'
import type { Stream } from '../../live/stream.ts'
import { MICROS_PER_SECOND, type Micros } from '../../media/time.ts'
import { isBrowserCodec } from '../../packaging/browser-codecs.ts'
import { ByteCache } from '../../packaging/on-demand/byte-cache.ts'
import { FilePresentation } from '../../packaging/on-demand/file-presentation.ts'
import type { Presentation } from '../../packaging/on-demand/presentation.ts'
import type { LiveTranscode, StillOptions, Transcoder } from '../../packaging/transcoder.ts'
import type { Closable, Logger } from '../../protocols/protocol.ts'
import { descriptorOf } from './child.ts'
import { EncodedFile } from './encoded-file.ts'
import { tokenOf } from './file-plan.ts'
import { LiveEncoder } from './live-encoder.ts'
import { mixPresentations } from './mixed-presentation.ts'
import type { TranscodeOptions } from './options.ts'
import { type Programs, tellPrograms } from './programs.ts'
import { SegmentCache } from './segment-cache.ts'
import { MAX_STILL_BYTES, stillArguments } from './still-pictures.ts'
import { WorkerKit } from './worker-kit.ts'

/** Processor time of one still picture, seconds: key pictures that are seconds apart are decoded on the way. */
const STILL_CPU_SECONDS = 20
/** Milliseconds that a still picture waits for its turn. */
const STILL_WAIT_MS = 30_000

/** Length of segments of pictures that are cut as they are. */
const PICTURE_SEGMENT: Micros = 6 * MICROS_PER_SECOND
const PICTURE_CACHE_BYTES = 32 * 1024 * 1024

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
  readonly #cache: SegmentCache
  /** Files that are watched, by token. */
  readonly #files = new Map<string, Promise<EncodedFile>>()
  /** Of pictures that are cut as they are. */
  readonly #pictures = new ByteCache(() => PICTURE_CACHE_BYTES)
  readonly #live = new Map<Stream, Promise<LiveEncoder>>()

  constructor({ options, cache, log }: TranscoderOptions) {
    this.#kit = new WorkerKit(options, log)
    this.#cache = new SegmentCache({ folder: cache, maxBytes: () => options().cacheBytes, log })
    void tellPrograms(options().ffmpeg, log)
  }

  /** Child processes that run, those that stand still included. */
  get running(): number {
    return this.#kit.running
  }

  async openFile(media: MediaFile): Promise<Presentation> {
    let pictures: Presentation | undefined
    try {
      const programs = await this.#kit.programs()
      pictures = await this.#picturesAsTheyAre(media)
      const sounds = await this.#openEncoded(media, programs, pictures !== undefined)
      return pictures === undefined ? sounds : mixPresentations(pictures, sounds)
    } catch (error) {
      pictures?.close()
      media.close()
      throw error
    }
  }

  async openLive(stream: Stream): Promise<LiveTranscode> {
    const known = this.#live.get(stream)
    const starting = known ?? LiveEncoder.start(stream, this.#kit)
    if (known === undefined) this.#keepLive(stream, starting)
    const encoder = await starting
    // The last who watched may just have left.
    if (encoder.stopped && known !== undefined) {
      await encoder.over
      return this.openLive(stream)
    }
    return {
      stream: encoder.stream,
      get epoch() {
        return encoder.epoch
      },
      get failure() {
        return encoder.failure
      },
      release: encoder.hold(),
    }
  }

  available(): Promise<boolean> {
    return this.#kit.programs().then(
      () => true,
      () => false,
    )
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

  async close(): Promise<void> {
    for (const opening of this.#files.values()) opening.then((file) => file.close()).catch(() => undefined)
    this.#files.clear()
    for (const starting of this.#live.values()) starting.then((encoder) => encoder.stop()).catch(() => undefined)
    this.#live.clear()
    await this.#kit.close()
    await this.#cache.close()
  }

  /** Of a film that only its sound keeps from being played. */
  async #picturesAsTheyAre(media: MediaFile): Promise<Presentation | undefined> {
    const isKnown = media.reader.tracks.some(({ kind, codec }) => kind === 'video' && isBrowserCodec(codec))
    if (!isKnown) return undefined
    try {
      const { path } = media.file
      return await FilePresentation.open([media], { path, target: PICTURE_SEGMENT, cache: this.#pictures })
    } catch (error) {
      this.#kit.log.debug({ path: media.file.path, error }, 'the picture cannot be cut as it is, and is encoded')
      return undefined
    }
  }

  async #openEncoded(media: MediaFile, programs: Programs, soundOnly: boolean): Promise<Presentation> {
    const token = tokenOf(media, this.#kit.options(), programs, { threads: this.#kit.threads, soundOnly })
    for (;;) {
      const opening = this.#files.get(token) ?? this.#encode(media, programs, { token, soundOnly })
      const file = await opening
      // The last who watched may just have left.
      if (this.#files.get(token) === opening) return file.presentation(media, () => this.#drop(file))
    }
  }

  #encode(
    media: MediaFile,
    programs: Programs,
    what: { readonly token: string; readonly soundOnly: boolean },
  ): Promise<EncodedFile> {
    const { token } = what
    const opening = EncodedFile.open(media, what, programs, this.#kit, this.#cache)
    this.#files.set(token, opening)
    opening.catch(() => {
      if (this.#files.get(token) === opening) this.#files.delete(token)
    })
    return opening
  }

  #keepLive(stream: Stream, starting: Promise<LiveEncoder>): void {
    this.#live.set(stream, starting)
    const forget = () => {
      if (this.#live.get(stream) === starting) this.#live.delete(stream)
    }
    starting.then((encoder) => encoder.over.then(forget)).catch(forget)
  }

  #drop(file: EncodedFile): void {
    this.#files.delete(file.token)
    file.close()
  }
}
