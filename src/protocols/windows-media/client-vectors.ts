/** Answers and packets of servers, for tests and fuzz seeds of the client. */
import { buildAsfInit } from '../../media/containers/asf/header-builder.ts'
import type { AsfInit, AsfPacket } from '../../media/containers/asf/model.ts'
import { AsfPacketizer } from '../../media/containers/asf/packetizer.ts'
import { MICROS_PER_MS } from '../../media/time.ts'
import type { Track } from '../../media/track.ts'
import { writeDescriptions } from './cdl.ts'
import { DATA_HEADER_LENGTH, frameHeader, writeDataHeader } from './framing.ts'
import type { HeaderLine } from './message-head.ts'
import { formatResponse } from './response-head.ts'

const TRACKS: readonly Track[] = [
  { id: 1, kind: 'video', codec: 'wmv2', timescale: 1000, video: { width: 64, height: 48 }, bitrateBps: 200_000 },
  { id: 2, kind: 'video', codec: 'wmv2', timescale: 1000, video: { width: 128, height: 96 }, bitrateBps: 500_000 },
]

/** A header of two pictures, of which the second has the higher bit rate. `title` makes it another one. */
export function testInit(title = 'one', options: { readonly exclusive?: boolean } = {}): AsfInit {
  return buildAsfInit({
    tracks: TRACKS,
    packetSize: 512,
    prerollMs: 1000,
    broadcast: false,
    durationMs: 4000,
    packetCount: 40,
    metadata: { title },
    ...(options.exclusive === true ? { exclusions: [[1, 2]] } : {}),
  })
}

/** Data packets of key frames, one each 100 ms. */
export function testPackets(init: AsfInit, count: number): readonly AsfPacket[] {
  const packetizer = new AsfPacketizer(init)
  const packets: AsfPacket[] = []
  const track = init.streams[0]?.track
  if (track === undefined) return []
  for (let number = 0; number < count; number++) {
    const time = number * 100 * MICROS_PER_MS
    packetizer.write({ track, data: new Uint8Array(300).fill(number), pts: time, dts: time, key: true })
    packetizer.flush()
    for (let packet = packetizer.read(); packet !== undefined; packet = packetizer.read()) packets.push(packet)
  }
  return packets
}

/** Head of an answer like those of Windows Media Services. */
export function answerHead(options: {
  readonly status?: number
  readonly server?: string | undefined
  readonly pragma?: string
  readonly headers?: readonly HeaderLine[]
  readonly http11?: boolean
}): Uint8Array {
  const { status = 200, pragma = 'no-cache,client-id=77,features="seekable,stridable"', headers = [] } = options
  const server = 'server' in options ? options.server : 'Cougar/9.6.7600.1'
  return formatResponse({
    http11: options.http11 ?? true,
    status,
    headers: [
      ...(server === undefined ? [] : [['Server', server] as const]),
      ...(pragma === '' ? [] : [['Pragma', pragma] as const]),
      ...headers,
    ],
  })
}

/** An answer that says how long its body is. */
export function answer(body: Uint8Array, options: Parameters<typeof answerHead>[0] = {}): Uint8Array {
  const length: HeaderLine = ['Content-Length', String(body.byteLength)]
  return Buffer.concat([answerHead({ ...options, headers: [...(options.headers ?? []), length] }), body])
}

/** `$D` of each packet, in order. */
export function dataFrames(packets: readonly AsfPacket[], burst = false): Uint8Array {
  return Buffer.concat(
    packets.map(({ bytes, number }) => {
      const frame = new Uint8Array(DATA_HEADER_LENGTH + bytes.byteLength)
      writeDataHeader(frame, 0, {
        locationId: number,
        incarnation: 0,
        sequence: number,
        length: bytes.byteLength,
        burst,
      })
      frame.set(bytes, DATA_HEADER_LENGTH)
      return frame
    }),
  )
}

/** `$M` of a playlist entry. */
export function metadataFrame(tokens: string): Uint8Array {
  const description = [
    { name: 'language', type: 31, value: '' },
    { name: 'title', type: 31, value: 'Harbour Cam' },
  ]
  return frameHeader('M', Buffer.concat([Buffer.from(`${tokens}\0`, 'latin1'), writeDescriptions([description])]))
}

/** `$H`. */
export function headerFrame(init: AsfInit): Uint8Array {
  return frameHeader('H', init.bytes)
}
