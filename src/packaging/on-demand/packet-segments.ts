/** Segments of a file whose samples must be put together from its packets: one reading makes those of all tracks. */
import { UnavailableError } from '../../errors.ts'
import { writeFragmentHead } from '../../media/containers/isobmff/fragment.ts'
import type { Packet } from '../../media/packet.ts'
import type { KeyPoint, MediaReader } from '../../media/reader.ts'
import { MICROS_PER_MS, MICROS_PER_SECOND, type Micros } from '../../media/time.ts'
import type { ByteCache } from './byte-cache.ts'
import type { SegmentBody, SegmentSpan } from './presentation.ts'
import { fragmentTimes } from './sample-times.ts'
import { segmentBody } from './segment-bytes.ts'
import type { TrackPlan } from './track-plan.ts'
import { WorkLimit } from './work-limit.ts'

/** Sound can lie before the pictures it belongs to, or behind them. */
const MAX_APART = MICROS_PER_SECOND
const MAX_BEHIND = 3 * MICROS_PER_SECOND
/** The index of a file and its packets may round the same time differently. */
const ROUNDING = MICROS_PER_MS / 2
/** Of all tracks of a segment together: what 100 Mb/s need in 24 s. */
const MAX_SEGMENT_BYTES = 320 * 1024 * 1024

/** Reading a file keeps a core and much memory busy: few at once, of all files. */
const limit = new WorkLimit(4, 512)
let instances = 0

export class PacketSegments {
  readonly #reader: MediaReader
  readonly #plans: readonly TrackPlan[]
  readonly #spans: readonly SegmentSpan[]
  readonly #cache: ByteCache
  readonly #id = `packets-${++instances}`
  readonly #making = new Map<number, Promise<ReadonlyMap<number, Uint8Array>>>()

  constructor(reader: MediaReader, plans: readonly TrackPlan[], spans: readonly SegmentSpan[], cache: ByteCache) {
    this.#reader = reader
    this.#plans = plans
    this.#spans = spans
    this.#cache = cache
  }

  /** Who asks for the same moment of another track meanwhile, or a little later, gets what this reading brings. */
  async segment(plan: TrackPlan, index: number): Promise<SegmentBody> {
    const key = (track: number) => `${this.#id}/${index}/${track}`
    const kept = this.#cache.get(key(plan.track.id))
    if (kept !== undefined) return segmentBody([kept])
    let making = this.#making.get(index)
    if (making === undefined) {
      if (this.#spans[index] === undefined) throw missing(plan, index)
      making = limit.run(() => this.#make(index)).finally(() => this.#making.delete(index))
      this.#making.set(index, making)
    }
    const made = await making
    for (const [track, bytes] of made) this.#cache.set(key(track), bytes)
    const bytes = made.get(plan.track.id)
    if (bytes === undefined) throw missing(plan, index)
    return segmentBody([bytes])
  }

  async keyPicture(plan: TrackPlan, index: number): Promise<SegmentBody> {
    const point = plan.keyPictures[index]
    if (point === undefined) throw missing(plan, index)
    const packet = await limit.run(() => this.#firstPacket(plan, point))
    if (packet === undefined) throw missing(plan, index)
    const lastDuration = Math.max(1, (plan.keyPictures[index + 1]?.pts ?? plan.end) - Math.max(0, point.pts))
    return segmentBody([fragment(plan, index, { begin: Math.max(0, point.pts), packets: [packet], lastDuration })])
  }

  async #firstPacket(plan: TrackPlan, point: KeyPoint): Promise<Packet | undefined> {
    for await (const packet of this.#reader.packets(point, { tracks: [plan.track.id] })) {
      if (packet.key && packet.dts >= point.dts - ROUNDING) return packet
    }
    return undefined
  }

  async #make(index: number): Promise<ReadonlyMap<number, Uint8Array>> {
    const collecting = new Map(this.#plans.map((plan) => [plan.track.id, new Collected(plan, index)]))
    const { start, duration } = this.#spans[index] as SegmentSpan
    let open = collecting.size
    let bytes = 0
    const from = Math.max(0, start - MAX_APART)
    for await (const packet of this.#reader.packets(from, { tracks: [...collecting.keys()] })) {
      const own = collecting.get(packet.track.id)
      if (own === undefined) continue
      const was = own.end
      if (own.take(packet)) bytes += packet.data.byteLength
      else if (was === undefined && own.end !== undefined) open--
      if (open === 0 || packet.dts > start + duration + MAX_BEHIND) break
      if (bytes > MAX_SEGMENT_BYTES) {
        throw new UnavailableError(
          'ERR_PACKAGING_FAILED',
          `segment ${index} would have more than ${MAX_SEGMENT_BYTES} bytes`,
        )
      }
    }
    const made = new Map<number, Uint8Array>()
    for (const [track, { plan, packets, lastDuration }] of collecting) {
      if (packets.length === 0) continue
      made.set(track, fragment(plan, index, { begin: start, packets, lastDuration: lastDuration(start + duration) }))
    }
    return made
  }
}

/** The packets of one track in one segment. */
class Collected {
  readonly plan: TrackPlan
  readonly packets: Packet[] = []
  /** Decode time of the packet that follows; known when the segment is complete. */
  end: Micros | undefined
  readonly #from: Micros
  readonly #to: Micros

  constructor(plan: TrackPlan, index: number) {
    this.plan = plan
    this.#from = (plan.decodeStarts[index] ?? 0) - ROUNDING
    this.#to = (plan.decodeStarts[index + 1] ?? Number.POSITIVE_INFINITY) - ROUNDING
  }

  /** Whether the packet belongs to the segment. */
  take(packet: Packet): boolean {
    if (packet.dts < this.#from) return false
    if (packet.dts >= this.#to) {
      this.end ??= packet.dts
      return false
    }
    // Pictures cannot be decoded without the key picture before them.
    if (this.packets.length === 0 && this.plan.track.kind === 'video' && !packet.key && this.#from < 0) return false
    this.packets.push(packet)
    return true
  }

  /** At the end of the file, as long as the one before, else to the end of the segment. */
  readonly lastDuration = (segmentEnd: Micros): Micros => {
    const last = this.packets.at(-1)
    const before = this.packets.at(-2)
    if (last === undefined) return 0
    if (this.end !== undefined) return Math.max(1, this.end - last.dts)
    return Math.max(1, before === undefined ? segmentEnd - last.dts : last.dts - before.dts)
  }
}

function fragment(
  plan: TrackPlan,
  index: number,
  {
    begin,
    packets,
    lastDuration,
  }: { readonly begin: Micros; readonly packets: readonly Packet[]; readonly lastDuration: Micros },
): Uint8Array {
  const facts = packets.map(({ data, dts, pts, key }) => ({ size: data.byteLength, dts, pts, key }))
  const samples = fragmentTimes(facts, plan.track, begin)
  const head = writeFragmentHead(
    { track: plan.track, baseDecodeTime: samples[0]?.dts ?? 0, samples, lastDuration },
    { sequence: index + 1, segmentStart: true },
  )
  const bytes = new Uint8Array(head.byteLength + facts.reduce((sum, { size }) => sum + size, 0))
  bytes.set(head)
  let at = head.byteLength
  for (const { data } of packets) {
    bytes.set(data, at)
    at += data.byteLength
  }
  return bytes
}

function missing({ track }: TrackPlan, index: number): UnavailableError {
  return new UnavailableError(
    'ERR_HTTP_NOT_FOUND',
    `there is nothing of ${track.kind} track ${track.id} in segment ${index}`,
  )
}
