/** Moves a feed into a socket: as fast as the peer reads, with nothing queued per viewer beyond one socket buffer. */
import type { Socket } from 'node:net'
import type { FeedCursor } from '../live/feed.ts'

/** No more is written while this many bytes wait in the process for the socket. */
const MAX_QUEUED_BYTES = 128 * 1024
/** A peer that has not taken what was queued for it in this long, milliseconds, is not a slow viewer but a dead one. */
const MAX_STALL_MS = 30_000

export interface PumpOptions {
  /** Bytes handed to the socket. */
  readonly onBytes: (count: number) => void
  /** The feed has ended and everything was handed over. */
  readonly onEnd: () => void
  /** The peer has not taken what was queued for 30 s. The caller closes the connection. */
  readonly onStall: () => void
}

/** Starts at once. Returns a function that stops it and closes the cursor; call it when the socket closes. */
export function pump(cursor: FeedCursor, socket: Socket, options: PumpOptions): () => void {
  let stallTimer: NodeJS.Timeout | undefined
  let stopped = false

  const stop = () => {
    if (stopped) return
    stopped = true
    clearTimeout(stallTimer)
    socket.off('drain', onDrain)
    cursor.close()
  }

  const run = () => {
    if (stopped || stallTimer !== undefined) return
    let bytes = cursor.take()
    if (bytes === undefined) return finishIfEnded()
    let next = cursor.take()
    if (next === undefined) {
      // The steady state: one merged buffer, one write.
      write(bytes)
    } else {
      socket.cork()
      while (bytes !== undefined) {
        if (!write(bytes)) {
          // `next` was taken from the log already, so it goes too.
          if (next !== undefined) write(next)
          break
        }
        bytes = next
        next = cursor.take()
      }
      socket.uncork()
    }
    if (stallTimer === undefined) finishIfEnded()
  }

  const write = (bytes: Uint8Array): boolean => {
    options.onBytes(bytes.byteLength)
    socket.write(bytes)
    if (socket.writableLength < MAX_QUEUED_BYTES) return true
    // A timer and not a look at the clock when the feed wakes: the feed may be over while the peer still holds the last bytes.
    stallTimer ??= setTimeout(() => {
      stop()
      options.onStall()
    }, MAX_STALL_MS)
    stallTimer.unref()
    return false
  }

  const finishIfEnded = () => {
    if (!cursor.ended) return
    stop()
    options.onEnd()
  }

  const onDrain = () => {
    clearTimeout(stallTimer)
    stallTimer = undefined
    run()
  }

  socket.on('drain', onDrain)
  cursor.onWake = run
  run()
  return stop
}
