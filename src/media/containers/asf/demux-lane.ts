/** One stream of ASF on its way to a track: its objects in the form of docs/packet-format.md, with decode times. */
import { readAdtsHeader } from '../../codecs/aac/adts.ts'
import { toCanonicalNalUnits } from '../../codecs/nal-units.ts'
import { trackParameters } from '../../codecs/track-parameters.ts'
import type { Packet } from '../../packet.ts'
import { MICROS_PER_SECOND, type Micros } from '../../time.ts'
import type { Codec, Track } from '../../track.ts'
import { configInBand } from './annex-b.ts'
import { DecodeTimes } from './decode-times.ts'

/** Codecs in which a frame may be shown before one that was decoded earlier. */
const REORDERING: ReadonlySet<Codec> = new Set<Codec>(['h264', 'wmv3', 'vc1'])
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
  #times: DecodeTimes | undefined
  #last: Micros = Number.NEGATIVE_INFINITY

  /** `track` as the header has it. */
  constructor(track: Track) {
    this.#header = track
    const { codec, config } = track
    // H.264 without parameter sets in the header: no track before a key frame has brought some.
    this.#track = codec === 'h264' && config === undefined ? undefined : track
    this.#times = mayReorder(track) ? new DecodeTimes() : undefined
  }

  /** As it is now; another object whenever the configuration changed. */
  get track(): Track | undefined {
    return this.#track
  }

  /**
   * The object as a packet, whose decode time is NaN until more objects tell it; `undefined` for what cannot be decoded. May change
   * `track` before. Throws FormatError for H.264 in no known form.
   */
  packet(object: Uint8Array, pts: Micros, key: boolean): Packet | undefined {
    const data = this.#canonical(object, key)
    const track = this.#track
    if (track === undefined || data.byteLength === 0) return undefined
    const packet = { track, data, pts, dts: pts, key: key || track.kind !== 'video' }
    const times = this.#times
    if (times === undefined) {
      if (pts < this.#last && pts >= this.#last - MAX_STEP_BACK) packet.dts = this.#last
      this.#last = packet.dts
    } else {
      packet.dts = Number.NaN
      times.write(packet)
    }
    return packet
  }

  /** Gives decode times to all packets that wait for one. */
  settle(): void {
    this.#times?.settle()
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
    this.#track = { ...this.#header, config, ...(video !== undefined && { video }) }
  }
}

function mayReorder({ codec, config }: Track): boolean {
  return REORDERING.has(codec) && !(codec === 'h264' && config?.[1] === BASELINE_PROFILE)
}

/** Some encoders leave the header of a raw file before each frame. */
function withoutAdts(frame: Uint8Array): Uint8Array {
  if (frame[0] !== ADTS_SYNC || ((frame[1] ?? 0) & 0xf6) !== 0xf0 || frame.byteLength < 9) return frame
  const header = readAdtsHeader(frame)
  return header?.frameSize === frame.byteLength ? frame.subarray(header.headerSize) : frame
}
