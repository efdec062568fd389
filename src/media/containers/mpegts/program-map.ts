/** The tables that tell what is in a transport stream: PAT and PMT, ISO/IEC 13818-1 sections 2.4.4.3 to 2.4.4.9 and 2.6. */
import { ByteReader } from '../../bytes/byte-reader.ts'
import type { Section } from './section.ts'

export const TABLE_ID = { PAT: 0x00, PMT: 0x02 } as const
/** Elementary streams of one program; real ones have below thirty. */
const MAX_STREAMS = 64
/** Descriptors of one loop. */
const MAX_DESCRIPTORS = 64

/** An entry of the PAT. */
export interface ProgramEntry {
  readonly number: number
  /** Of its PMT. */
  readonly pid: number
}

export interface Descriptor {
  readonly tag: number
  readonly body: Uint8Array
}

/** An elementary stream as a PMT lists it. */
export interface StreamEntry {
  readonly pid: number
  readonly streamType: number
  readonly descriptors: readonly Descriptor[]
}

export interface ProgramMap {
  readonly number: number
  readonly descriptors: readonly Descriptor[]
  readonly streams: readonly StreamEntry[]
}

/** The programs of one section of a PAT; without the network PID. */
export function readProgramEntries({ body }: Section): ProgramEntry[] {
  const reader = new ByteReader(body)
  const entries: ProgramEntry[] = []
  while (reader.remaining >= 4) {
    const number = reader.u16()
    const pid = reader.u16() & 0x1fff
    if (number !== 0) entries.push({ number, pid })
  }
  return entries
}

/** The content of a PMT. Throws FormatError when a loop leaves the section. */
export function readProgramMap({ identifier, body }: Section): ProgramMap {
  const reader = new ByteReader(body)
  reader.skip(2) // PCR_PID
  const descriptors = readDescriptors(reader.sub(reader.u16() & 0xfff))
  const streams: StreamEntry[] = []
  while (reader.remaining >= 5 && streams.length < MAX_STREAMS) {
    const streamType = reader.u8()
    const pid = reader.u16() & 0x1fff
    streams.push({ pid, streamType, descriptors: readDescriptors(reader.sub(reader.u16() & 0xfff)) })
  }
  return { number: identifier, descriptors, streams }
}

/** Ends early where a descriptor leaves its loop. */
function readDescriptors(reader: ByteReader): Descriptor[] {
  const descriptors: Descriptor[] = []
  while (reader.remaining >= 2 && descriptors.length < MAX_DESCRIPTORS) {
    const tag = reader.u8()
    const length = reader.u8()
    if (length > reader.remaining) break
    descriptors.push({ tag, body: reader.view(length) })
  }
  return descriptors
}
