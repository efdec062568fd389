/** A viewer of a file: reads it on its own, pauses, and goes to other places in it. */
import { UnavailableError } from '../../errors.ts'
import { DEFAULT_AHEAD_MS } from '../../library/file-playback.ts'
import type { MediaFiles } from '../../library/media-files.ts'
import { brokenOff, type OpenPlayback, openPlayback } from '../../library/open-playback.ts'
import { isFlvTrack } from '../../media/containers/flv/codec-id.ts'
import { MICROS_PER_MS, type Micros } from '../../media/time.ts'
import type { TrackKind } from '../../media/track.ts'
import { pump } from '../../net/pump.ts'
import { FileFeed } from '../../packaging/file-feed.ts'
import { filePlayMuxer } from './egress.ts'
import type { Player, PlayerHost, Received } from './player.ts'
import type { PlayPart } from './server-event.ts'

/**
 * Opens the first of these files that there is; `authorize` is asked for each before. Throws what `openPlayback` throws, of what is not
 * there for the first.
 */
export async function openFirst(
  mediaFiles: MediaFiles,
  files: readonly string[],
  part: PlayPart & { readonly bufferMs: number; readonly authorize: (path: string) => Promise<void> },
): Promise<OpenPlayback> {
  const { startMs, durationMs, bufferMs, authorize } = part
  let missing: unknown
  for (const path of files) {
    await authorize(path)
    const length = durationMs === undefined ? {} : { durationMs }
    try {
      const options = { accepts: isFlvTrack, startMs, ...length, aheadMs: aheadOf(bufferMs) }
      return await openPlayback(mediaFiles, path, options)
    } catch (error) {
      if (!(error instanceof UnavailableError && error.code === 'ERR_LIBRARY_NOT_FOUND')) throw error
      missing ??= error
    }
  }
  throw missing
}

export class FilePlayer implements Player {
  readonly skipped = 0
  readonly #file: OpenPlayback
  readonly #host: PlayerHost
  #without: ReadonlySet<TrackKind> = new Set()
  #playing: { readonly feed: FileFeed; readonly stop: () => void } | undefined
  #closed = false

  constructor(file: OpenPlayback, host: PlayerHost) {
    this.#file = file
    this.#host = host
    // Times begin at 0 for a part that was asked for with `play`, and are those of the file behind a seek: librtmp adds the start itself.
    this.#start(true)
  }

  get timestampMs(): number {
    return Math.round((this.#file.playback.position - this.#shift) / MICROS_PER_MS)
  }

  pause(paused: boolean, atMs: number | undefined): void {
    const { playback } = this.#file
    if (paused) return playback.pause()
    const at = atMs === undefined ? undefined : atMs * MICROS_PER_MS + this.#shift
    // A player that is behind what it was sent has let go of it.
    if (at === undefined || at >= playback.position) return playback.resume()
    this.#stop()
    playback.resume(at)
    this.#start(false)
  }

  receive({ audio, video }: Received): void {
    const without = new Set<TrackKind>()
    if (!audio) without.add('audio')
    if (!video) without.add('video')
    this.#without = without
    this.#playing?.feed.leaveOut(without)
  }

  seek(toMs: number): void {
    // What the pump still holds is of before.
    this.#stop()
    this.#file.playback.seek(toMs * MICROS_PER_MS)
    this.#start(false)
  }

  setBuffer(bufferMs: number): void {
    this.#file.playback.setAhead(aheadOf(bufferMs))
  }

  close(): void {
    this.#closed = true
    this.#stop()
    this.#file.playback.close()
  }

  /** What the times that the viewer sees are behind those of the file. */
  get #shift(): Micros {
    return this.#playing?.feed.shift ?? 0
  }

  #start(fromZero: boolean): void {
    if (this.#closed) return
    const { playback, tracks, metadata, path } = this.#file
    const { socket, registered, onEnd, onStall, onFault } = this.#host
    const muxer = filePlayMuxer({ duration: playback.duration, from: fromZero ? 0 : playback.position })
    const feed = new FileFeed({ playback, muxer, tracks, metadata, fromZero })
    feed.leaveOut(this.#without)
    const end = () => (playback.state === 'failed' ? onFault(brokenOff(path)) : onEnd())
    this.#playing = { feed, stop: pump(feed, socket, { counters: registered, onEnd: end, onStall }) }
    if (this.#closed) this.#stop()
  }

  #stop(): void {
    this.#playing?.stop()
    this.#playing = undefined
  }
}

/** A player that wants to hold more than usual gets it: its own reading is the limit. */
function aheadOf(bufferMs: number): number {
  return Math.max(DEFAULT_AHEAD_MS, bufferMs)
}
