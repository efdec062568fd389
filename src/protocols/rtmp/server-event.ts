/** What the owner of a server session has to do. */
import type { RtmpMessage } from './message.ts'
import type { NamedStream } from './stream-name.ts'

/** What of a file is to be played, milliseconds. */
export interface PlayPart {
  readonly startMs: number
  /** `undefined`: to the end. */
  readonly durationMs: number | undefined
}

export type ServerEvent =
  /** Answer with `acceptPublish` or `refuse`. Nothing is read until then. */
  | { readonly type: 'publish'; readonly stream: NamedStream }
  /** Answer with `acceptPlay` or `refuse`. Reading goes on. */
  | { readonly type: 'play'; readonly stream: NamedStream; readonly part: PlayPart }
  /** Audio, video or data of the accepted publisher. */
  | { readonly type: 'media'; readonly message: RtmpMessage }
  /** An accepted player stops, or continues. `atMs`: the time that it shows, if it says so. */
  | { readonly type: 'pause'; readonly paused: boolean; readonly atMs: number | undefined }
  /** An accepted player of a file goes to another place. Nothing of before may come behind what the session has said to it. */
  | { readonly type: 'seek'; readonly toMs: number }
  /** An accepted player wants these kinds. */
  | { readonly type: 'receive'; readonly audio: boolean; readonly video: boolean }
  /** The peer ended its publishing or playing in proper form. */
  | { readonly type: 'stop' }
