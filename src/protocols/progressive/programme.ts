/** What is played as FLV: a live stream in a feed that viewers share, or a file read for one viewer. */
import { type HeadendError, UnavailableError } from '../../errors.ts'
import { brokenOff, type OpenPlayback } from '../../library/open-playback.ts'
import type { Stream } from '../../live/stream.ts'
import type { Track } from '../../media/track.ts'
import type { PumpSource } from '../../net/pump.ts'
import { FileFeed } from '../../packaging/file-feed.ts'
import type { FlvFraming } from './feeds.ts'

export interface FlvProgramme {
  readonly path: string
  /** What the FLV header tells of, once it is known; empty when it is over before. */
  readonly tracks: () => Promise<readonly Track[]>
  readonly cursor: PumpSource
  /** Why it ended; `undefined`: it came to its end. */
  readonly fault: () => HeadendError | undefined
}

export function liveProgramme(stream: Stream, framing: FlvFraming): FlvProgramme {
  const cursor = stream.feed(framing.feed).open()
  return {
    path: stream.path,
    cursor,
    // The header tells which kinds of tracks come, so it waits until the publisher has said so.
    async tracks() {
      if (stream.tracks.length === 0) await cursor.ready()
      return stream.tracks
    },
    fault: () => undefined,
  }
}

/** Lets go of the file when its cursor is closed. */
export function fileProgramme(file: OpenPlayback, framing: FlvFraming): FlvProgramme {
  const { path, playback, tracks, metadata } = file
  const muxer = framing.createFileMuxer({ duration: playback.duration, from: playback.position })
  const feed = new FileFeed({ playback, muxer, tracks, metadata })
  let fault: UnavailableError | undefined
  const cursor: PumpSource = {
    skipped: 0,
    get ended() {
      if (playback.state === 'failed') fault = brokenOff(path)
      return feed.ended
    },
    set onWake(callback: (() => void) | undefined) {
      feed.onWake = callback
    },
    take: () => feed.take(),
    close() {
      feed.close()
      playback.close()
    },
  }
  return { path, cursor, tracks: async () => tracks, fault: () => fault }
}
