/** One stream of ASF on its way to a track: its objects in the form of docs/packet-format.md, with both times. */
import { readAdtsHeader } from '../../codecs/aac/adts.ts'
import { readAvcSps } from '../../codecs/h264/bitstream.ts'
import { readAvcConfig } from '../../codecs/h264/config.ts'
import { AvcPictureOrder } from '../../codecs/h264/picture-order.ts'
import { toCanonicalNalUnits } from '../../codecs/nal-units.ts'
import { trackParameters } from '../../codecs/track-parameters.ts'
import type { Packet } from '../../packet.ts'
import { MICROS_PER_SECOND, type Micros } from '../../time.ts'
import type { Codec, Track } from '../../track.ts'
import { configInBand } from './annex-b.ts'
import { DecodeTimes } from './decode-times.ts'
import { ReorderedTimes } from './reordered-times.ts'

/** Codecs in which a frame may be shown before one that was decoded earlier, besides H.264. */
const REORDERING: ReadonlySet<Codec> = new Set<Codec>(['wmv3', 'vc1'])
/** profile_idc of the one profile of H.264 that cannot. */
const BASELINE_PROFILE = 66
/** A smaller step back is bad rounding or interleaving, a larger one another clock. */
const MAX_STEP_BACK: Micros = MICROS_PER_SECOND
const ADTS_SYNC = 0xff
/** Where a writer put lengths in place of start codes. */
const NAL_LENGTH_SIZE = 4

export class DemuxLane {
  readonly #header: Track
  #track: Track | undefined
  readonly #times: DecodeTimes | undefined
  /** Of H.264 whose frames may be reordered. */
  #reordered: { readonly times: ReorderedTimes; readonly order: AvcPictureOrder } | undefined
  #last: Micros = Number.NEGATIVE_INFINITY

  /** `track` as the header has it. */
  constructor(track: Track) {
    this.#header = track
    const { codec, config } = track
    // H.264 without parameter sets in the header: no track before a key frame has brought some.
    this.#track = codec === 'h264' && config === undefined ? undefined : track
    this.#times = REORDERING.has(codec) ? new DecodeTimes() : undefined
    if (codec === 'h264' && config !== undefined) this.#reordered = reorderedTimes(config)
  }

  /** As it is now; another object whenever the configuration changed. */
  get track(): Track | undefined {
    return this.#track
  }

  /**
   * The object as a packet, whose decode time is NaN until more objects tell the times; `undefined` for what cannot be decoded. `time` is
   * that of the container without preroll. May change `track` before. Throws FormatError for H.264 in no known form.
   */
  packet(object: Uint8Array, time: Micros, key: boolean): Packet | undefined {
    const data = this.#canonical(object, key)
    const track = this.#track
    if (track === undefined || data.byteLength === 0) return undefined
    const packet = { track, data, pts: time, dts: Number.NaN, key: key || track.kind !== 'video' }
    if (this.#times !== undefined) this.#times.write(packet)
    else if (this.#reordered !== undefined) this.#reordered.times.write(packet, this.#reordered.order.next(data))
    else {
      packet.dts = time < this.#last && time >= this.#last - MAX_STEP_BACK ? this.#last : time
      this.#last = packet.dts
    }
    return packet
  }

  /** Gives their times to all packets that wait for them. */
  settle(): void {
    this.#times?.settle()
    this.#reordered?.times.settle()
  }

  #canonical(object: Uint8Array, key: boolean): Uint8Array {
    const { codec } = this.#header
    if (codec === 'aac') return withoutAdts(object)
    if (codec !== 'h264') return object
    const data = toCanonicalNalUnits(object, NAL_LENGTH_SIZE)
    if (key || this.#track === undefined) this.#learn(data)
    return data
  }

  #learn(data: Uint8Array): void {
    const config = configInBand(data, this.#track?.config)
    if (config === undefined) return
    const { video = this.#header.video } = trackParameters('h264', config)
    this.#reordered?.times.settle()
    this.#reordered = reorderedTimes(config)
    this.#track = { ...this.#header, config, ...(video !== undefined && { video }) }
  }
}

/** `undefined` for H.264 whose frames are shown as they are decoded. Throws FormatError for a broken SPS. */
function reorderedTimes(config: Uint8Array): { times: ReorderedTimes; order: AvcPictureOrder } | undefined {
  const [sps] = readAvcConfig(config).sps
  const { profile, order } = readAvcSps(sps ?? new Uint8Array(0))
  const pictureOrder = new AvcPictureOrder(order)
  if (profile === BASELINE_PROFILE || order.maxReorder === 0 || !pictureOrder.known) return undefined
  return { times: new ReorderedTimes(order.maxReorder), order: pictureOrder }
}

/** Some encoders leave the header of a raw file before each frame. */
function withoutAdts(frame: Uint8Array): Uint8Array {
  if (frame[0] !== ADTS_SYNC || ((frame[1] ?? 0) & 0xf6) !== 0xf0 || frame.byteLength < 9) return frame
  const header = readAdtsHeader(frame)
  return header?.frameSize === frame.byteLength ? frame.subarray(header.headerSize) : frame
}
