/** A small writer of Matroska files, for tests and fuzzing. */
import { ByteWriter } from '../../bytes/byte-writer.ts'
import { ID } from './element-id.ts'

declare const TextEncoder: new () => { encode(text: string): Uint8Array }

/** What an element holds: bytes, text, an unsigned integer, or elements. */
export type Content = Uint8Array | string | number | readonly Uint8Array[]

/** A whole element. `size` in place of the true one; `unknown`: all ones. */
export function element(id: number, content: Content, size?: number | 'unknown'): Uint8Array {
  const bytes = contentBytes(content)
  return join([numberBytes(id), size === 'unknown' ? UNKNOWN_SIZE : vint(size ?? bytes.byteLength, 8), bytes])
}

const UNKNOWN_SIZE = Uint8Array.of(1, 255, 255, 255, 255, 255, 255, 255)

function contentBytes(content: Content): Uint8Array {
  if (content instanceof Uint8Array) return content
  if (typeof content === 'string') return new TextEncoder().encode(content)
  return typeof content === 'number' ? numberBytes(content) : join(content)
}

/** A variable-size integer of `length` bytes. */
export function vint(value: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = length - 1, rest = value; i >= 0; i--, rest = Math.floor(rest / 256)) bytes[i] = rest % 256
  bytes[0] = (bytes[0] ?? 0) | (1 << (8 - length))
  return bytes
}

/** A float element of eight bytes. */
export function float(id: number, value: number): Uint8Array {
  return element(id, new ByteWriter(8).f64(value).toBytes())
}

export function join(parts: readonly Uint8Array[]): Uint8Array {
  const writer = new ByteWriter()
  for (const part of parts) writer.bytes(part)
  return writer.toBytes()
}

function numberBytes(value: number): Uint8Array {
  const bytes: number[] = []
  for (let rest = value; rest > 0 || bytes.length === 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256)
  return Uint8Array.from(bytes)
}

/** The content of a block. `flags`: 0x80 key, lacing from 0x02. */
export function block(track: number, relativeTime: number, flags: number, data: Uint8Array): Uint8Array {
  return join([vint(track, 1), Uint8Array.of((relativeTime >> 8) & 0xff, relativeTime & 0xff, flags), data])
}

export function simpleBlock(track: number, relativeTime: number, flags: number, data: Uint8Array): Uint8Array {
  return element(ID.SIMPLE_BLOCK, block(track, relativeTime, flags, data))
}

export function blockGroup(content: Uint8Array, others: readonly Uint8Array[] = []): Uint8Array {
  return element(ID.BLOCK_GROUP, [element(ID.BLOCK, content), ...others])
}

export function cluster(time: number, blocks: readonly Uint8Array[], size?: number | 'unknown'): Uint8Array {
  return element(ID.CLUSTER, [element(ID.TIMESTAMP, time), ...blocks], size)
}

export function ebmlHeader(docType = 'matroska'): Uint8Array {
  return element(ID.EBML, [element(ID.DOC_TYPE, docType)])
}

export function segment(children: readonly Uint8Array[], size?: number | 'unknown'): Uint8Array {
  return element(ID.SEGMENT, children, size)
}

/** An entry of Tracks. */
export function trackEntry(
  number: number,
  type: number,
  codecId: string,
  others: readonly Uint8Array[] = [],
): Uint8Array {
  return element(ID.TRACK_ENTRY, [
    element(ID.TRACK_NUMBER, number),
    element(ID.TRACK_UID, number),
    element(ID.TRACK_TYPE, type),
    element(ID.CODEC_ID, codecId),
    ...others,
  ])
}

/** Key frame of VP8, 16 by 16 pixels; and a frame that is none. */
export const VP8_KEY = Uint8Array.of(0x10, 0, 0, 0x9d, 0x01, 0x2a, 16, 0, 16, 0, 1, 2)
export const VP8_DELTA = Uint8Array.of(0x11, 0, 0, 7)

export const VP8_TRACK = trackEntry(1, 1, 'V_VP8', [
  element(ID.VIDEO, [element(ID.PIXEL_WIDTH, 16), element(ID.PIXEL_HEIGHT, 16)]),
])
export const OPUS_TRACK = trackEntry(2, 2, 'A_OPUS', [
  element(
    ID.CODEC_PRIVATE,
    Uint8Array.of(0x4f, 0x70, 0x75, 0x73, 0x48, 0x65, 0x61, 0x64, 1, 2, 0x38, 1, 0x80, 0xbb, 0, 0, 0, 0, 0),
  ),
  element(ID.AUDIO, [element(ID.CHANNELS, 2)]),
])
/** Twenty milliseconds. */
export const OPUS_FRAME = Uint8Array.of(0xfc, 1, 2, 3)
export const TEXT_TRACK = trackEntry(3, 17, 'S_TEXT/UTF8', [element(ID.LANGUAGE, 'ger')])

/** Pictures each 40 ms, of which each tenth is a key frame, and sound each 20 ms; a cluster of ten pictures. */
export function vp8Clusters(count: number, size?: number | 'unknown'): Uint8Array[] {
  return Array.from({ length: count }, (_, n) => {
    const blocks: Uint8Array[] = []
    for (let i = 0; i < 10; i++) {
      blocks.push(
        simpleBlock(1, i * 40, i === 0 ? 0x80 : 0, join([i === 0 ? VP8_KEY : VP8_DELTA, Uint8Array.of(n, i)])),
      )
      for (const at of [0, 20]) blocks.push(simpleBlock(2, i * 40 + at, 0x80, join([OPUS_FRAME, Uint8Array.of(n, i)])))
    }
    return cluster(n * 400, blocks, size)
  })
}

/** Info in milliseconds, with a length of `ticks` where that is given. */
export function info(ticks?: number): Uint8Array {
  const duration = ticks === undefined ? [] : [float(ID.DURATION, ticks)]
  return element(ID.INFO, [element(ID.TIMESTAMP_SCALE, 1_000_000), ...duration])
}

/** A seek head of a fixed size that points to `targets`, counted from the beginning of the segment's content. */
export function seekHead(targets: readonly (readonly [id: number, position: number])[]): Uint8Array {
  return element(
    ID.SEEK_HEAD,
    targets.map(([id, position]) =>
      element(ID.SEEK, [
        element(ID.SEEK_ID, numberBytes(id)),
        element(ID.SEEK_POSITION, new ByteWriter(8).u64(position).toBytes()),
      ]),
    ),
  )
}

/** An index of track 1: times, and positions counted from the beginning of the segment's content. */
export function cues(entries: readonly (readonly [time: number, position: number])[]): Uint8Array {
  return element(
    ID.CUES,
    entries.map(([time, position]) =>
      element(ID.CUE_POINT, [
        element(ID.CUE_TIME, time),
        element(ID.CUE_TRACK_POSITIONS, [element(ID.CUE_TRACK, 1), element(ID.CUE_CLUSTER_POSITION, position)]),
      ]),
    ),
  )
}

/** A file with everything where it belongs: seek head, four clusters, `filler`, and the index at the end. */
export function completeFile(filler: Uint8Array = new Uint8Array(0)): Uint8Array {
  const tracks = element(ID.TRACKS, [VP8_TRACK, OPUS_TRACK, TEXT_TRACK])
  const clusters = vp8Clusters(4)
  const headBytes = seekHead([[ID.CUES, 0]]).byteLength + info(1600).byteLength + tracks.byteLength
  const positions: number[] = []
  let at = headBytes
  for (const bytes of clusters) {
    positions.push(at)
    at += bytes.byteLength
  }
  at += filler.byteLength
  return join([
    ebmlHeader(),
    segment([
      seekHead([[ID.CUES, at]]),
      info(1600),
      tracks,
      ...clusters,
      filler,
      cues(positions.map((position, n) => [n * 400, position] as const)),
    ]),
  ])
}
