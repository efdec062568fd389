/** Builds transport streams for tests: tables, PES packets and packets, valid or not, byte by byte as ISO/IEC 13818-1 lays them out. */

import { readAvcConfig } from '../../codecs/h264/config.ts'
import { avcConfig, hex } from '../../codecs/vectors.ts'
import { TS_PACKET_SIZE } from './packet.ts'
import { crc32 } from './section.ts'

/** PIDs that the vectors use. */
export const TEST_PID = { PMT: 0x100, VIDEO: 0x101, AUDIO: 0x102, MORE: 0x103 } as const

export interface TestStream {
  readonly pid: number
  readonly type: number
  /** Tag, then content. */
  readonly descriptors?: readonly (readonly [number, Uint8Array])[]
}

export interface TestPes {
  readonly pts?: number
  readonly dts?: number
  readonly payload: Uint8Array
  /** PES_packet_length 0. */
  readonly unbounded?: boolean
  readonly randomAccess?: boolean
}

/** Writes packets of 188 bytes, one after another. */
export class TestStreamWriter {
  readonly packets: Uint8Array[] = []
  readonly #counters = new Map<number, number>()

  get bytes(): Uint8Array {
    return concat(this.packets)
  }

  /** Programs by number, with the PID of their PMT. */
  pat(programs: Readonly<Record<number, number>> = { 1: TEST_PID.PMT }, version = 0): this {
    const body = Object.entries(programs).flatMap(([number, pid]) => [...u16(Number(number)), ...u16(0xe000 | pid)])
    return this.section(0, section(0, 1, version, body))
  }

  pmt(streams: readonly TestStream[], options: { number?: number; pid?: number; version?: number } = {}): this {
    const { number = 1, pid = TEST_PID.PMT, version = 0 } = options
    const loops = streams.flatMap(({ pid: own, type, descriptors = [] }) => {
      const loop = descriptors.flatMap(([tag, content]) => [tag, content.byteLength, ...content])
      return [type, ...u16(0xe000 | own), ...u16(0xf000 | loop.length), ...loop]
    })
    return this.section(pid, section(2, number, version, [...u16(0xe000 | TEST_PID.VIDEO), ...u16(0xf000), ...loops]))
  }

  /** A section behind a pointer field, in as many packets as it needs. */
  section(pid: number, bytes: Uint8Array): this {
    return this.payload(pid, concat([Uint8Array.of(0), bytes]), { stuff: true })
  }

  pes(pid: number, pes: TestPes): this {
    return this.payload(pid, pesPacket(pes), { randomAccess: pes.randomAccess === true })
  }

  /** Cuts a payload into packets, of which the first begins a unit. */
  payload(pid: number, bytes: Uint8Array, options: { stuff?: boolean; randomAccess?: boolean } = {}): this {
    for (let at = 0; at === 0 || at < bytes.byteLength; ) {
      const flags = at === 0 && options.randomAccess === true ? 0x40 : undefined
      const room = TS_PACKET_SIZE - 4 - (flags === undefined ? 0 : 2)
      const part = bytes.subarray(at, at + room)
      this.packets.push(this.#packet(pid, part, at === 0, flags, options.stuff === true))
      at += part.byteLength
      if (part.byteLength === 0) break
    }
    return this
  }

  /** Drops packets that were written last, as a bad line does. */
  lose(count: number): this {
    this.packets.splice(-count)
    return this
  }

  #packet(pid: number, part: Uint8Array, start: boolean, flags: number | undefined, stuff: boolean): Uint8Array {
    const counter = this.#counters.get(pid) ?? 0
    this.#counters.set(pid, (counter + 1) & 15)
    const packet = new Uint8Array(TS_PACKET_SIZE).fill(0xff)
    const missing = TS_PACKET_SIZE - 4 - part.byteLength
    const adapted = flags !== undefined || (missing > 0 && !stuff)
    packet.set([0x47, (start ? 0x40 : 0) | (pid >> 8), pid & 0xff, (adapted ? 0x30 : 0x10) | counter])
    if (!adapted) packet.set(part, 4)
    else {
      packet[4] = missing - 1
      if (missing > 1) packet[5] = flags ?? 0
      packet.set(part, TS_PACKET_SIZE - part.byteLength)
    }
    return packet
  }
}

/** A section with the long header and its checksum. */
export function section(tableId: number, identifier: number, version: number, body: readonly number[]): Uint8Array {
  const length = 5 + body.length + 4
  const plain = Uint8Array.from([
    tableId,
    0xb0 | (length >> 8),
    length & 0xff,
    ...u16(identifier),
    0xc1 | (version << 1),
    0,
    0,
    ...body,
  ])
  const crc = crc32(plain)
  return concat([plain, Uint8Array.from([crc >>> 24, (crc >> 16) & 0xff, (crc >> 8) & 0xff, crc & 0xff])])
}

export function pesPacket({ pts, dts, payload, unbounded }: TestPes): Uint8Array {
  const times = [
    ...(pts === undefined ? [] : timestamp(dts === undefined ? 2 : 3, pts)),
    ...(dts === undefined ? [] : timestamp(1, dts)),
  ]
  const length = 3 + times.length + payload.byteLength
  const flags = pts === undefined ? 0 : dts === undefined ? 0x80 : 0xc0
  const declared = unbounded === true || length > 0xffff ? 0 : length
  return concat([Uint8Array.from([0, 0, 1, 0xe0, ...u16(declared), 0x80, flags, times.length, ...times]), payload])
}

function timestamp(prefix: number, value: number): number[] {
  const high = Math.floor(value / 2 ** 30) & 7
  const low = value % 2 ** 30
  return [
    (prefix << 4) | (high << 1) | 1,
    (low >> 22) & 0xff,
    ((low >> 14) & 0xfe) | 1,
    (low >> 7) & 0xff,
    ((low << 1) & 0xfe) | 1,
  ]
}

const [SPS = new Uint8Array(0)] = readAvcConfig(avcConfig).sps
const [PPS = new Uint8Array(0)] = readAvcConfig(avcConfig).pps

/** Parameter sets of 322x182 pixels, 25 frames a second. */
export const TEST_SETS = { SPS, PPS } as const

/** NAL units with start codes. */
export function annexB(...units: readonly Uint8Array[]): Uint8Array {
  return concat(units.flatMap((unit) => [Uint8Array.of(0, 0, 0, 1), unit]))
}

/** An access unit of H.264 with a delimiter: a key picture with parameter sets, or one that needs others; `size` bytes of slice. */
export function picture(key: boolean, seed: number, size = 300): Uint8Array {
  const slice = Uint8Array.from({ length: size }, (_, at) => ((seed * 7 + at * 13) % 250) + 4)
  slice.set(key ? [0x65, 0x88] : [0x41, 0x9a])
  const delimiter = Uint8Array.of(9, 0xf0)
  return key ? annexB(delimiter, SPS, PPS, slice) : annexB(delimiter, slice)
}

/** An ADTS frame of 48 kHz, stereo, with `size` bytes of sound. */
export function adtsFrame(seed: number, size = 40): Uint8Array {
  const length = size + 7
  const header = [0xff, 0xf1, 0x4c, 0x80 | (length >> 11), (length >> 3) & 0xff, ((length & 7) << 5) | 0x1f, 0xfc]
  return Uint8Array.from([...header, ...Array.from({ length: size }, (_, at) => (seed * 5 + at * 3) & 0x7f)])
}

/** A whole stream: H.264 and AAC from `startTicks` on, 25 pictures a second, a key picture each ten. */
export function testStream(pictures: number, startTicks = 90_000, writer = new TestStreamWriter()): TestStreamWriter {
  writer.pat().pmt([
    { pid: TEST_PID.VIDEO, type: 0x1b },
    { pid: TEST_PID.AUDIO, type: 0x0f, descriptors: [[0x0a, hex('64657500')]] },
  ])
  for (let i = 0; i < pictures; i++) {
    const dts = (startTicks + i * 3600) % 2 ** 33
    const key = i % 10 === 0
    const pts = (dts + 3600) % 2 ** 33
    writer.pes(TEST_PID.VIDEO, { pts, dts, payload: picture(key, i), unbounded: true, randomAccess: key })
    // Two frames of 1024 samples in about 40 ms.
    const sound = concat([adtsFrame(i), adtsFrame(i + 1)])
    writer.pes(TEST_PID.AUDIO, { pts: (startTicks + 3600 + i * 3840) % 2 ** 33, payload: sound })
  }
  return writer
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.byteLength, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.byteLength
  }
  return whole
}

function u16(value: number): number[] {
  return [value >> 8, value & 0xff]
}
