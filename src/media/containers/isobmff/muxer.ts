/** Writes a playable MP4 file as it grows: an init segment, then fragments (ISO/IEC 14496-12 section 8.8). */
import { FormatError } from '../../../errors.ts'
import { audioPacketDuration } from '../../codecs/audio-duration.ts'
import type { Machine } from '../../machine.ts'
import type { Packet } from '../../packet.ts'
import { MICROS_PER_SECOND, type Micros } from '../../time.ts'
import type { Track } from '../../track.ts'
import { type FragmentSample, writeFragment } from './fragment.ts'
import { writeInitSegment } from './init-segment.ts'
import { hasSampleEntry } from './sample-entry.ts'

/** Without video there is no group of pictures to follow. */
const AUDIO_FRAGMENT: Micros = MICROS_PER_SECOND
/** A fragment is cut within a group of pictures when that grows past this, so that little is lost and held. */
const MAX_FRAGMENT: Micros = 10 * MICROS_PER_SECOND
const MAX_FRAGMENT_BYTES = 16 * 1024 * 1024
/** Of a track with a single packet. */
const DEFAULT_DURATION: Micros = 33_333

/**
 * Packets in, pieces of the file out: write them one after the other, and the file can be played up to its last whole fragment
 * at any time. Movie time begins with the first packet. A fragment begins at each key packet of the first video track; without
 * video each second. Decode times of a track must not step back (the hub sees to that). Packets of other tracks than the
 * given ones are left out; a track whose codec or configuration changed is refused with ERR_MP4_TRACK_CHANGED: begin a new file.
 */
export class FragmentMuxer implements Machine<Packet, Uint8Array> {
  readonly #tracks = new Map<number, PendingTrack>()
  readonly #leadId: number | undefined
  readonly #output: Uint8Array[] = []
  #sequence = 0
  /** Decode time of the movie's start. */
  #origin: Micros | undefined
  /** Decode time of the first sample in the fragment to come. */
  #fragmentStart: Micros | undefined
  #fragmentBytes = 0

  constructor(tracks: readonly Track[]) {
    this.#output.push(writeInitSegment(tracks))
    for (const track of tracks) {
      if (hasSampleEntry(track.codec)) this.#tracks.set(track.id, { track, samples: [], last: undefined, duration: 0 })
    }
    this.#leadId = tracks.find(({ kind, codec }) => kind === 'video' && hasSampleEntry(codec))?.id
  }

  write(packet: Packet): void {
    const pending = this.#tracks.get(packet.track.id)
    if (pending === undefined) return
    if (packet.track !== pending.track && !sameCodec(packet.track, pending.track)) {
      throw new FormatError(
        'ERR_MP4_TRACK_CHANGED',
        `expected track ${packet.track.id} with the ${pending.track.codec} configuration of the start, found another`,
      )
    }
    this.#finishLast(pending, Math.max(0, packet.dts - (pending.last?.dts ?? 0)))
    if (this.#cutsBefore(packet)) this.#writeFragment()
    pending.last = packet
    this.#fragmentStart ??= packet.dts
  }

  read(): Uint8Array | undefined {
    return this.#output.shift()
  }

  end(): void {
    for (const pending of this.#tracks.values()) {
      const { track, last, duration } = pending
      const told = last === undefined ? undefined : audioPacketDuration(track, last.data)
      this.#finishLast(pending, told ?? (duration || DEFAULT_DURATION))
    }
    this.#writeFragment()
  }

  /** A sample is complete when the next packet of its track tells how long it lasts. */
  #finishLast(pending: PendingTrack, duration: Micros): void {
    if (pending.last === undefined) return
    pending.samples.push({ packet: pending.last, duration })
    pending.duration = duration
    this.#fragmentBytes += pending.last.data.byteLength
    pending.last = undefined
  }

  #cutsBefore(packet: Packet): boolean {
    if (packet.track.id === this.#leadId && packet.key) return true
    if (this.#fragmentBytes >= MAX_FRAGMENT_BYTES) return true
    const length = packet.dts - (this.#fragmentStart ?? packet.dts)
    return length >= (this.#leadId === undefined ? AUDIO_FRAGMENT : MAX_FRAGMENT)
  }

  #writeFragment(): void {
    const tracks = [...this.#tracks.values()].filter(({ samples }) => samples.length > 0)
    if (tracks.length === 0) return
    const origin = (this.#origin ??= this.#earliest())
    this.#output.push(
      writeFragment({
        sequence: ++this.#sequence,
        tracks: tracks.map(({ track, samples }) => ({
          track,
          baseDecodeTime: Math.max(0, (samples[0] as FragmentSample).packet.dts - origin),
          samples,
        })),
      }),
    )
    for (const pending of tracks) pending.samples = []
    this.#fragmentStart = undefined
    this.#fragmentBytes = 0
  }

  #earliest(): Micros {
    let earliest = Number.POSITIVE_INFINITY
    for (const { samples, last } of this.#tracks.values()) {
      const first = samples[0]?.packet ?? last
      if (first !== undefined) earliest = Math.min(earliest, first.dts)
    }
    return earliest
  }
}

interface PendingTrack {
  readonly track: Track
  samples: FragmentSample[]
  /** The newest packet, whose duration is not known yet. */
  last: Packet | undefined
  /** Of the sample before. */
  duration: Micros
}

function sameCodec(a: Track, b: Track): boolean {
  if (a.codec !== b.codec || a.config?.byteLength !== b.config?.byteLength) return false
  return a.config === undefined || a.config.every((byte, i) => byte === b.config?.[i])
}
