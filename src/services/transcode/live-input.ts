/** A live stream on its way into an encoder: muxed for it, as fast as it takes it, and never held up by it. */
import type { Writable } from 'node:stream'
import { UnavailableError } from '../../errors.ts'
import type { LogCursor } from '../../live/bounded-log.ts'
import type { StreamEntry } from '../../live/stream-entry.ts'
import { AsfMuxer } from '../../media/containers/asf/muxer.ts'
import { FragmentMuxer } from '../../media/containers/isobmff/muxer.ts'
import type { Machine } from '../../media/machine.ts'
import type { Packet } from '../../media/packet.ts'
import type { Track } from '../../media/track.ts'
import type { LiveContainer } from './live-arguments.ts'

/** Small packets are not filled up: each picture goes out when it is there. */
const PACKET_BYTES = 2048

/** How it ended: the stream is over, its tracks have changed, or the encoder has gone. */
export type InputEnd = 'ended' | 'changed' | 'gone'

/** First track of each kind that there is, which are those that are encoded. */
export function encodedTracks(tracks: readonly Track[]): readonly Track[] {
  return (['video', 'audio'] as const).flatMap((kind) => tracks.filter((track) => track.kind === kind).slice(0, 1))
}

/**
 * Writes what `cursor` gives until the stream ends, until its tracks are others than `tracks`, or until the encoder is gone. A cursor that
 * falls behind skips; `onWritten` hears the time of each packet. Throws UnavailableError ERR_TRANSCODE_FAILED when the encoder takes nothing
 * for `stallMs`.
 */
export async function feedEncoder(
  cursor: LogCursor<StreamEntry>,
  input: Writable,
  options: {
    readonly tracks: readonly Track[]
    readonly container: LiveContainer
    readonly stallMs: number
    readonly signal: AbortSignal
    readonly onWritten: (packet: Packet) => void
  },
): Promise<InputEnd> {
  const { tracks, container, stallMs, signal, onWritten } = options
  const muxer = createMuxer(tracks, container)
  while (await cursor.ready()) {
    for (let entry = cursor.take(); entry !== undefined; entry = cursor.take()) {
      if (signal.aborted || input.destroyed) return 'gone'
      const { packet } = entry
      const known = tracks.find(({ id }) => id === packet.track.id)
      if (known === undefined) {
        // Another track of a kind that is encoded already is left out; the first of a kind is not.
        const isNew =
          !tracks.some(({ kind }) => kind === packet.track.kind) && encodedTracks(entry.tracks).includes(packet.track)
        if (isNew) return 'changed'
        continue
      }
      if (known !== packet.track) return 'changed'
      muxer.write(packet)
      if (muxer instanceof AsfMuxer) muxer.flush()
      onWritten(packet)
      if (!(await flushTo(muxer, input, stallMs))) return 'gone'
    }
  }
  if (cursor.ended && !signal.aborted) {
    muxer.end()
    await flushTo(muxer, input, stallMs)
    return 'ended'
  }
  return 'gone'
}

function createMuxer(tracks: readonly Track[], container: LiveContainer): Machine<Packet, Uint8Array> {
  return container === 'asf' ? new AsfMuxer(tracks, { packetSize: PACKET_BYTES }) : new FragmentMuxer(tracks)
}

/** Returns false when the encoder is gone. */
async function flushTo(muxer: Machine<Packet, Uint8Array>, input: Writable, stallMs: number): Promise<boolean> {
  let full = false
  for (let bytes = muxer.read(); bytes !== undefined; bytes = muxer.read()) {
    if (input.destroyed || input.writableEnded) return false
    full = !input.write(bytes)
  }
  if (!full) return true
  const { promise, resolve } = Promise.withResolvers<'drained' | 'gone' | 'stalled'>()
  const onDrain = () => resolve('drained')
  const onClose = () => resolve('gone')
  const timer = setTimeout(() => resolve('stalled'), stallMs)
  input.once('drain', onDrain)
  input.once('close', onClose)
  const result = await promise
  clearTimeout(timer)
  input.off('drain', onDrain)
  input.off('close', onClose)
  if (result === 'stalled') {
    throw new UnavailableError('ERR_TRANSCODE_FAILED', `the encoder took nothing for ${stallMs / 1000} s`)
  }
  return result === 'drained'
}
