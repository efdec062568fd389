/** The life of what a peer plays: begin, pause, seek, end, in RTMP's words (RTMP 1.0 section 7.2.2). */
import type { Answers } from './answers.ts'
import type { RtmpCommand } from './command.ts'
import type { ServerEvent } from './server-event.ts'

/** Own no media: says what is to be said, and what the owner has to do. */
export class PlayRole {
  readonly kind = 'play'
  readonly streamId: number
  readonly #answers: Answers
  #accepted = false
  /** It is a file. */
  #recorded = false
  #paused = false
  readonly #received = { audio: true, video: true }

  constructor(streamId: number, answers: Answers) {
    this.streamId = streamId
    this.#answers = answers
  }

  get accepted(): boolean {
    return this.#accepted
  }

  /** Plays on behind its end, when the player seeks. */
  get recorded(): boolean {
    return this.#recorded
  }

  /** Media comes next. */
  accept(recorded: boolean): void {
    this.#accepted = true
    this.#recorded = recorded
    this.#begin()
    this.#answers.onStatus(this.streamId, 'NetStream.Play.Reset', 'playing starts over')
    this.#answers.onStatus(this.streamId, 'NetStream.Play.Start', 'playing has started')
  }

  /** What was played has ended, at this time. */
  end(timestampMs: number): void {
    const { streamId } = this
    this.#answers.control('STREAM_EOF', streamId)
    if (!this.#recorded) {
      this.#answers.onStatus(streamId, 'NetStream.Play.UnpublishNotify', 'the publisher has ended')
    }
    this.#answers.playStatus(streamId, 'NetStream.Play.Complete', timestampMs)
    this.#answers.onStatus(streamId, 'NetStream.Play.Stop', 'playing has ended')
  }

  /** The peer ended it. */
  stop(): void {
    this.#answers.onStatus(this.streamId, 'NetStream.Play.Stop', 'playing has ended')
  }

  pause({ values }: RtmpCommand): ServerEvent | undefined {
    const paused = values[1] === true
    const place = this.#recorded ? 'continued' : 'continued at the live edge'
    if (paused) this.#answers.onStatus(this.streamId, 'NetStream.Pause.Notify', 'paused')
    else this.#answers.onStatus(this.streamId, 'NetStream.Unpause.Notify', place)
    if (paused === this.#paused) return undefined
    this.#paused = paused
    const atMs = values[2]
    // Players that do not know where they are say 0.
    return { type: 'pause', paused, atMs: typeof atMs === 'number' && atMs > 0 ? atMs : undefined }
  }

  seek({ values }: RtmpCommand): ServerEvent | undefined {
    const toMs = values[1]
    const { streamId } = this
    if (!this.#recorded) {
      return this.#answers.fail(streamId, 'NetStream.Seek.Failed', 'a live stream has nothing to seek to')
    }
    if (typeof toMs !== 'number' || Number.isNaN(toMs)) {
      return this.#answers.fail(streamId, 'NetStream.Seek.InvalidTime', 'expected a time in milliseconds')
    }
    // What is under way until here is of before.
    this.#answers.control('STREAM_EOF', streamId)
    this.#begin()
    this.#answers.onStatus(streamId, 'NetStream.Seek.Notify', 'playing goes on at another place')
    this.#answers.onStatus(streamId, 'NetStream.Play.Start', 'playing has started')
    return { type: 'seek', toMs }
  }

  receive(kind: 'audio' | 'video', { values }: RtmpCommand): ServerEvent | undefined {
    const wanted = values[1] !== false
    if (wanted) {
      this.#answers.onStatus(this.streamId, 'NetStream.Seek.Notify', `${kind} continues`)
      this.#answers.onStatus(this.streamId, 'NetStream.Play.Start', `${kind} continues`)
    }
    if (this.#received[kind] === wanted) return undefined
    this.#received[kind] = wanted
    return { type: 'receive', ...this.#received }
  }

  #begin(): void {
    if (this.#recorded) this.#answers.control('STREAM_IS_RECORDED', this.streamId)
    this.#answers.control('STREAM_BEGIN', this.streamId)
  }
}
