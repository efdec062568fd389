/** Key points of a file: from its Simple Index, else by looking through it (ASF 1.20, section 6.1). */
import type { KeyPoint } from '../../reader.ts'
import { MICROS_PER_MS, MICROS_PER_SECOND, type Micros } from '../../time.ts'
import type { AsfFile } from './file.ts'
import { firstVideoStream, keyTimeIn } from './packet-info.ts'

/** Three days of four a second. */
const MAX_KEY_POINTS = 1 << 20
/** Bytes of a file that are read at once. */
const READ_BYTES = 131_072
/** An index that ends earlier than the file by more is not all of it. */
const MAX_UNINDEXED: Micros = 10 * MICROS_PER_SECOND

/** `zero`: time of the file that counts as 0, so that `duration` is its end. Of a file without video, one each second. */
export async function findKeyPoints(file: AsfFile, zero: Micros, duration: Micros): Promise<readonly KeyPoint[]> {
  return (await indexedPoints(file, zero, duration)) ?? (await scannedPoints(file, zero))
}

/** `undefined` when there is no index, or one that is not true. */
async function indexedPoints(file: AsfFile, zero: Micros, duration: Micros): Promise<KeyPoint[] | undefined> {
  const points: KeyPoint[] = []
  for (const number of await file.indexedPackets()) {
    const [packet] = await file.readPackets(number, 1)
    const point = packet && pointIn(file, packet.bytes, number, zero)
    if (point === undefined) return undefined
    if (point.pts > (points.at(-1)?.pts ?? Number.NEGATIVE_INFINITY)) points.push(point)
  }
  return points.length > 0 && file.indexedMs * MICROS_PER_MS >= duration - MAX_UNINDEXED ? points : undefined
}

async function scannedPoints(file: AsfFile, zero: Micros): Promise<KeyPoint[]> {
  const hasVideo = firstVideoStream(file.init) !== undefined
  const atOnce = Math.max(1, Math.floor(READ_BYTES / file.init.packetSize))
  const points: KeyPoint[] = []
  for (let first = 0; first < file.packetCount; first += atOnce) {
    for (const { bytes, number } of await file.readPackets(first, atOnce)) {
      const point = pointIn(file, bytes, number, zero)
      if (point === undefined) continue
      const next = (points.at(-1)?.pts ?? Number.NEGATIVE_INFINITY) + (hasVideo ? 1 : MICROS_PER_SECOND)
      if (point.pts >= next) points.push(point)
      if (points.length >= MAX_KEY_POINTS) return points
    }
  }
  return points
}

function pointIn({ init }: AsfFile, bytes: Uint8Array, number: number, zero: Micros): KeyPoint | undefined {
  const timeMs = keyTimeIn(bytes, init)
  if (timeMs === undefined) return undefined
  const pts = (timeMs - init.prerollMs) * MICROS_PER_MS - zero
  return { dts: pts, pts, position: init.bytes.byteLength + number * init.packetSize }
}
