/** What all elementary streams of a transport stream have in common: the payload of PES packets in, units of a track out. */
import type { Track } from '../../../track.ts'

/** The times of a PES packet: of the first unit that begins in it. */
export interface PesTimes {
  /** Ticks of 90 kHz on the timeline; `undefined` where the packet has none. */
  readonly pts: number | undefined
  readonly dts: number | undefined
  /** Decoding can start here, says the multiplexer. */
  readonly randomAccess: boolean
  /** The clock jumped. */
  readonly jumped: boolean
}

/** An access unit or a frame of sound, in the form of docs/packet-format.md. */
export interface TimedUnit {
  readonly track: Track
  readonly data: Uint8Array
  /** Ticks of 90 kHz; fractions where frames of sound follow each other within a PES packet. */
  readonly pts: number
  readonly dts: number
  readonly key: boolean
  readonly jumped: boolean
}

export interface ElementaryStream {
  /** `undefined` until enough has come to know it. */
  readonly track: Track | undefined
  /** Set when it turns out to be of a codec that is not carried: then nothing more need be written. */
  readonly foreignCodec: string | undefined
  /** What could not be read and was left out, in words, since it was asked last. */
  takeComplaint(): string | undefined
  /**
   * Takes the payload of a PES packet, which is copied where it is kept. `closed`: the last unit in it ends with it. Throws FormatError when
   * nothing can be made of it; the next payload may be written nevertheless.
   */
  write(payload: Uint8Array, times: PesTimes, closed: boolean): TimedUnit[]
  /** Whether the payload of a PES packet that starts so begins with a unit of its own. */
  beginsUnit(payload: Uint8Array): boolean
  /** Something was lost: what is begun is dropped. */
  reset(): void
}

/** Nothing is left of the payload before. */
export const EMPTY = new Uint8Array(0)

/** What is left of one payload and the next one, as one. */
export function joined(rest: Uint8Array, payload: Uint8Array): Uint8Array {
  if (rest.byteLength === 0) return payload
  const both = new Uint8Array(rest.byteLength + payload.byteLength)
  both.set(rest)
  both.set(payload, rest.byteLength)
  return both
}
