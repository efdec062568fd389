/** What is played as FLV: a live stream in a feed that viewers share, or a file read for one viewer. */
import { type HeadendError, UnavailableError } from '../../errors.ts'
import { brokenOff, type OpenPlayback } from '../../library/open-playback.ts'
import type { Stream } from '../../live/stream.ts'
import type { Track } from '../../media/track.ts'
import { MAX_BLOCKED_MS, type PumpSource } from '../../net/pump.ts'
import { FileFeed } from '../../packaging/file-feed.ts'
import type { LiveTranscode } from '../../packaging/transcoder.ts'
import type { FlvFraming } from './feeds.ts'

export interface FlvProgramme {
  readonly path: string
  /** What the FLV header tells of, once it is known; empty when it is over before. */
  readonly tracks: () => Promise<readonly Track[]>
  readonly cursor: PumpSource
  /** How long a viewer may take nothing, milliseconds; `undefined`: as the pump has it. */
  readonly stallMs?: number
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

/** A live stream in codecs that FLV cannot carry, as it is encoded while somebody watches: lets go of it when its cursor is closed. */
export function encodedProgramme(transcode: LiveTranscode, framing: FlvFraming): FlvProgramme {
  const programme = liveProgramme(transcode.stream, framing)
  const feed = programme.cursor
  const cursor: PumpSource = {
    get skipped() {
      return feed.skipped
    },
    get ended() {
      return feed.ended
    },
    set onWake(callback: (() => void) | undefined) {
      feed.onWake = callback
    },
    take: () => feed.take(),
    close() {
      feed.close()
      transcode.release()
    },
  }
  return { ...programme, cursor, fault: () => transcode.failure }
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
  return { path, cursor, stallMs: MAX_BLOCKED_MS, tracks: async () => tracks, fault: () => fault }
}
