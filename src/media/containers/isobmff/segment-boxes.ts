/** Boxes before a fragment: `styp`, `prft` (ISO/IEC 14496-12 section 8.16.2 and 8.16.5) and `emsg` (ISO/IEC 23009-1 section 5.10.3.3). */
import { FormatError } from '../../../errors.ts'
import type { ByteReader } from '../../bytes/byte-reader.ts'
import type { ByteWriter } from '../../bytes/byte-writer.ts'
import { MICROS_PER_SECOND, type Micros } from '../../time.ts'
import { readFullBoxHeader } from './box.ts'

export const SEGMENT_TYPE_BYTES = 24
export const PRODUCER_REFERENCE_TIME_BYTES = 32

/** Seconds from 1900, where NTP counts from, to 1970. */
const NTP_EPOCH_SECONDS = 2_208_988_800

/** What the clock of `prft` was read for: the flags of the box. */
export const REFERENCE_TIME = {
  encoderInput: 0,
  encoderOutput: 1,
  fragmentDone: 2,
  fragmentWritten: 4,
  captured: 24,
} as const
export type ReferenceTime = (typeof REFERENCE_TIME)[keyof typeof REFERENCE_TIME]

/** A moment of the wall clock that belongs to a media time. */
export interface ProducerReferenceTime {
  readonly reference: ReferenceTime
  /** track_ID: the id of the track in the init segment. */
  readonly trackId: number
  /** Microseconds since 1970-01-01 UTC. */
  readonly wallClock: Micros
  /** Ticks of the track's timescale. */
  readonly mediaTicks: number
}

/** A timed event for the player. */
export interface EventMessage {
  readonly schemeIdUri: string
  readonly value: string
  /** Ticks a second of the two times. */
  readonly timescale: number
  readonly presentationTicks: number
  /** `undefined`: unknown. */
  readonly durationTicks?: number
  /** Below 2^32. Repetitions of one event share it. */
  readonly id: number
  readonly data: Uint8Array
}

const UNKNOWN_DURATION = 0xffff_ffff

/** Writes `styp` of a CMAF segment. */
export function writeSegmentType(writer: ByteWriter): void {
  writer.u32(SEGMENT_TYPE_BYTES).latin1('styp').latin1('msdh').u32(0).latin1('msdh').latin1('cmfs')
}

/** Writes a whole `prft`. */
export function writeProducerReferenceTime(writer: ByteWriter, time: ProducerReferenceTime): void {
  const seconds = Math.floor(time.wallClock / MICROS_PER_SECOND)
  const fraction = Math.floor(((time.wallClock - seconds * MICROS_PER_SECOND) * 2 ** 32) / MICROS_PER_SECOND)
  writer
    .u32(PRODUCER_REFERENCE_TIME_BYTES)
    .latin1('prft')
    .u8(1)
    .u24(time.reference)
    .u32(time.trackId)
    .u32((seconds + NTP_EPOCH_SECONDS) % 2 ** 32)
    .u32(fraction)
    .u64(time.mediaTicks)
}

/** Reads the content of `prft`; the wall clock comes back within a microsecond. */
export function readProducerReferenceTime(
  reader: ByteReader,
): Omit<ProducerReferenceTime, 'reference'> & { reference: number } {
  const { version, flags } = readFullBoxHeader(reader)
  const trackId = reader.u32()
  const seconds = reader.u32() - NTP_EPOCH_SECONDS
  const fraction = reader.u32()
  return {
    reference: flags,
    trackId,
    wallClock: seconds * MICROS_PER_SECOND + Math.round((fraction * MICROS_PER_SECOND) / 2 ** 32),
    mediaTicks: version === 0 ? reader.u32() : reader.u64(),
  }
}

/** Bytes that `writeEventMessage` writes. */
export function eventMessageBytes(event: EventMessage): number {
  return 32 + utf8Bytes(event.schemeIdUri) + 1 + utf8Bytes(event.value) + 1 + event.data.byteLength
}

/** Writes a whole `emsg` of version 1: its time is one of the movie. */
export function writeEventMessage(writer: ByteWriter, event: EventMessage): void {
  writer
    .u32(eventMessageBytes(event))
    .latin1('emsg')
    .u8(1)
    .u24(0)
    .u32(event.timescale)
    .u64(event.presentationTicks)
    .u32(event.durationTicks ?? UNKNOWN_DURATION)
    .u32(event.id)
    .utf8(event.schemeIdUri)
    .u8(0)
    .utf8(event.value)
    .u8(0)
    .bytes(event.data)
}

/** Reads the content of `emsg` of version 1; `data` is a view. Version 0 counts from the segment and is refused. */
export function readEventMessage(reader: ByteReader): EventMessage {
  const { version } = readFullBoxHeader(reader)
  if (version !== 1)
    throw new FormatError('ERR_MP4_VERSION', `expected version 1 of emsg, found ${version}`, reader.offset)
  const timescale = reader.u32()
  const presentationTicks = reader.u64()
  const durationTicks = reader.u32()
  const id = reader.u32()
  const schemeIdUri = terminated(reader)
  const value = terminated(reader)
  return {
    schemeIdUri,
    value,
    timescale,
    presentationTicks,
    ...(durationTicks !== UNKNOWN_DURATION && { durationTicks }),
    id,
    data: reader.rest(),
  }
}

function terminated(reader: ByteReader): string {
  const end = reader.bytes.indexOf(0, reader.position)
  if (end === -1) throw new FormatError('ERR_MP4_TRUNCATED', 'expected a terminated string', reader.offset)
  const text = reader.utf8(end - reader.position)
  reader.skip(1)
  return text
}

function utf8Bytes(text: string): number {
  let count = 0
  for (const character of text) {
    const code = character.codePointAt(0) as number
    count += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x1_0000 ? 3 : 4
  }
  return count
}
