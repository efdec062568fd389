/** Data packets in every form, and headers without objects, for tests and fuzz seeds. */
import type { Packet } from '../../packet.ts'
import type { Track } from '../../track.ts'
import { readDataPacket } from './data-packet.ts'
import type { AsfInit, AsfStream } from './model.ts'

/** Bytes of hexadecimal text with any white space. */
export function hex(text: string): Uint8Array {
  return Uint8Array.from(text.replaceAll(/\s/g, '').match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))
}

interface PayloadFields {
  readonly stream: number
  readonly key?: boolean
  readonly number?: number
  readonly offset?: number
  readonly size?: number
  readonly time?: number
  /** Hexadecimal. */
  readonly data: string
}

/** What `multiplePacket` takes. */
export type TestPayload = Required<Omit<PayloadFields, 'data'>> & { readonly data: Uint8Array }

/** A payload with what does not matter left out. */
export function payload(fields: PayloadFields): TestPayload {
  return { key: false, number: 0, offset: 0, size: 0, time: 0, ...fields, data: hex(fields.data) }
}

/** Types of fields (0 absent, 1 to 3: 8, 16, 32 bits) and the rest of a packet's form. */
export interface PacketForm {
  readonly packetLength?: number
  readonly sequence?: number
  readonly padding?: number
  readonly objectNumber?: number
  readonly offset?: number
  readonly replicated?: number
  readonly payloadLength?: number
  readonly errorCorrection?: boolean
  readonly sendTime?: number
  readonly duration?: number
  /** Fixed size; smaller than what is needed: as large as needed. */
  readonly size: number
}

/** A packet of multiple payloads in the form asked for. */
export function multiplePacket(payloads: readonly TestPayload[], form: PacketForm): Uint8Array {
  const { packetLength = 0, sequence = 0, padding = 2, payloadLength = 2, errorCorrection = true } = form
  const { objectNumber = 1, offset = 3, replicated = 1, sendTime = 0, duration = 0 } = form
  const out: number[] = errorCorrection ? [0x82, 0, 0] : []
  const put = (value: number, type: number) => {
    const at = out.length
    for (let i = 0; i < width(type); i++) out.push((value >>> (8 * i)) & 0xff)
    return at
  }
  const patch = (at: number, value: number, type: number) => {
    for (let i = 0; i < width(type); i++) out[at + i] = (value >>> (8 * i)) & 0xff
  }
  put(1 | (sequence << 1) | (padding << 3) | (packetLength << 5), 1)
  put(replicated | (offset << 2) | (objectNumber << 4) | 0x40, 1)
  const lengthAt = put(0, packetLength)
  put(0, sequence)
  const paddingAt = put(0, padding)
  put(sendTime, 3)
  put(duration, 2)
  put((payloadLength << 6) | payloads.length, 1)
  for (const { stream, key, number, offset: start, size, time, data } of payloads) {
    put(stream | (key ? 0x80 : 0), 1)
    put(number, objectNumber)
    put(start, offset)
    put(8, replicated)
    put(size, 3)
    put(time, 3)
    put(data.byteLength, payloadLength)
    out.push(...data)
  }
  const size = Math.max(out.length, form.size)
  // Padding that no field tells lies behind the packet's own length.
  patch(lengthAt, padding === 0 ? out.length : size, packetLength)
  patch(paddingAt, size - out.length, padding)
  const bytes = new Uint8Array(size)
  bytes.set(out)
  return bytes
}

function width(type: number): number {
  return [0, 1, 2, 4][type] ?? 0
}

/** Tracks of made-up content. */
export const testTracks = {
  video: { id: 1, kind: 'video', codec: 'wmv2', timescale: 1000, video: { width: 64, height: 48 } },
  audio: { id: 101, kind: 'audio', codec: 'wma2', timescale: 1000, audio: { sampleRate: 44_100, channels: 2 } },
  command: { id: 201, kind: 'data', codec: 'asf-command', timescale: 1000 },
} as const satisfies Record<string, Track>

/** A packet whose bytes all differ from those of another seed. Times in milliseconds. */
export function testPacket(
  track: Track,
  times: { readonly dts: number; readonly pts?: number },
  size: number,
  key = track.kind !== 'video',
): Packet {
  const data = Uint8Array.from({ length: size }, (_, at) => (times.dts * 7 + at * 31 + track.id) & 0xff)
  return { track, data, dts: times.dts * 1000, pts: (times.pts ?? times.dts) * 1000, key }
}

/** The objects of packets, put together as simply as possible: a judge for the assembler and the packetizer. */
export function objectsOf(packets: readonly Uint8Array[], packetSize: number) {
  const open = new Map<number, { number: number; time: number; key: boolean; size: number; bytes: number[] }>()
  const objects: { stream: number; time: number; key: boolean; data: Uint8Array }[] = []
  for (const bytes of packets)
    for (const { stream, objectNumber, offset, objectSize, presentationTimeMs, key, data } of readDataPacket(
      bytes,
      packetSize,
    ).payloads) {
      if (offset === 0) {
        open.set(stream, { number: objectNumber, time: presentationTimeMs, key, size: objectSize, bytes: [] })
      }
      const object = open.get(stream)
      if (object?.number !== objectNumber || object.bytes.length !== offset) continue
      object.bytes.push(...data)
      if (object.bytes.length === object.size) {
        objects.push({ stream, time: object.time, key: object.key, data: Uint8Array.from(object.bytes) })
      }
    }
  return objects
}

/** What a header would say, for tests that need no bytes of it. */
export function initOf(options: {
  readonly packetSize: number
  readonly streams: readonly (AsfStream['kind'] | Track)[]
  readonly prerollMs?: number
}): AsfInit {
  return {
    bytes: new Uint8Array(0),
    fileId: new Uint8Array(16),
    packetSize: options.packetSize,
    prerollMs: options.prerollMs ?? 0,
    broadcast: false,
    seekable: true,
    packetCount: 0,
    durationMs: 0,
    maxBitrateBps: 0,
    streams: options.streams.map((stream, at) => ({
      number: at + 1,
      kind:
        typeof stream === 'string'
          ? stream
          : stream.kind === 'video' || stream.kind === 'audio'
            ? stream.kind
            : 'command',
      encrypted: false,
      averageBitrateBps: 0,
      track: typeof stream === 'string' ? undefined : stream,
      formatName: 'unknown',
      extensionSizes: [],
      spread: undefined,
      language: undefined,
    })),
    exclusions: [],
    priorities: [],
    markers: [],
    commands: [],
    description: { title: '', author: '', copyright: '', description: '', rating: '' },
    encryption: undefined,
  }
}
