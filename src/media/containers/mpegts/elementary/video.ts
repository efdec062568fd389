/** Access units of H.264 and H.265 in PES packets: one in each usually, several, or one across some (ISO/IEC 13818-1 section 2.14). */
import { FormatError } from '../../../../errors.ts'
import { AVC_NAL, type AvcOrderFields } from '../../../codecs/h264/bitstream.ts'
import { annexBUnits, joinNalUnits } from '../../../codecs/nal-units.ts'
import { trackParameters } from '../../../codecs/track-parameters.ts'
import type { Track } from '../../../track.ts'
import { PES_TIMESCALE } from '../pes.ts'
import { type AvcField, fieldOrder, type NalFormat, readAvcField } from './nal-format.ts'
import { ParameterSets, sameBytes } from './parameter-sets.ts'
import { type ElementaryStream, EMPTY, joined, type PesTimes, type TimedUnit } from './stream.ts'

/** PES packets that one access unit is spread over: some multiplexers begin one for each slice. */
const MAX_SPREAD = 32
/** Bytes of one access unit; a key frame of 4K video at any sane rate is below. */
const MAX_UNIT_BYTES = 16 * 1024 * 1024
/** Ticks, where neither parameter sets nor times tell the length of a frame. */
const DEFAULT_FRAME = PES_TIMESCALE / 25

/** A PES packet whose first access unit has not been found yet. */
interface Mark {
  /** Where its payload begins, in the bytes that are held. */
  readonly at: number
  readonly times: PesTimes
}

export class VideoStream implements ElementaryStream {
  track: Track | undefined
  readonly foreignCodec = undefined
  readonly #format: NalFormat
  readonly #base: Pick<Track, 'id' | 'timescale' | 'language'>
  readonly #sets: ParameterSets
  /** Of H.264 with fields. */
  #order: AvcOrderFields | undefined
  /** An access unit that may go on in the next payload. */
  #rest: Uint8Array = EMPTY
  #spread = 0
  #marks: Mark[] = []
  #started = false
  #jumped = false
  #lastDts: number | undefined
  #complaint: string | undefined

  /** A known track is kept as long as the parameter sets agree with it. */
  constructor(format: NalFormat, base: Pick<Track, 'id' | 'timescale' | 'language'>, track?: Track) {
    this.#format = format
    this.#base = base
    this.#sets = new ParameterSets(format)
    this.track = track
  }

  takeComplaint(): string | undefined {
    const complaint = this.#complaint
    this.#complaint = undefined
    return complaint
  }

  beginsUnit(payload: Uint8Array): boolean {
    const zeros = payload[2] === 0 ? 3 : 2
    if (payload[0] !== 0 || payload[1] !== 0 || payload[zeros] !== 1) return false
    const role = this.#format.role(payload.subarray(zeros + 1))
    return role === 'prefix' || role === 'first-slice'
  }

  reset(): void {
    this.#rest = EMPTY
    this.#marks = []
    this.#spread = 0
  }

  write(payload: Uint8Array, times: PesTimes, closed: boolean): TimedUnit[] {
    if (++this.#spread > MAX_SPREAD || this.#rest.byteLength + payload.byteLength > MAX_UNIT_BYTES) {
      this.reset()
      throw new FormatError(
        'ERR_TS_UNIT_SIZE',
        `expected an access unit of at most ${MAX_UNIT_BYTES} bytes in at most ${MAX_SPREAD} PES packets`,
      )
    }
    const bytes = joined(this.#rest, payload)
    this.#marks.push({ at: this.#rest.byteLength, times })
    const groups = this.#accessUnits(this.#units(bytes))
    // Parameter sets alone belong to the picture that follows.
    const last = closed && this.#hasPicture(groups.at(-1) ?? []) ? undefined : groups.pop()
    const emitted = groups.flatMap((units) => this.#emit(bytes, units) ?? [])
    this.#keep(bytes, last)
    return emitted
  }

  #units(bytes: Uint8Array): Uint8Array[] {
    try {
      return annexBUnits(bytes)
    } catch (error) {
      this.reset()
      throw error
    }
  }

  #hasPicture(units: readonly Uint8Array[]): boolean {
    return units.some((unit) => this.#format.role(unit) === 'first-slice')
  }

  /** Keeps the start of an access unit and the times that are not used up. */
  #keep(bytes: Uint8Array, units: readonly Uint8Array[] | undefined): void {
    if (units?.[0] === undefined) {
      this.reset()
      return
    }
    // With its start code.
    const from = Math.max(0, startOf(bytes, units[0]) - 3)
    this.#rest = bytes.slice(from)
    const marks = this.#marks.map(({ at, times }) => ({ at: Math.max(0, at - from), times }))
    if (from > 0) this.#spread = 1
    this.#marks = marks
  }

  /** Groups units; the last group may be incomplete. */
  #accessUnits(units: readonly Uint8Array[]): Uint8Array[][] {
    const groups: Uint8Array[][] = []
    let group: Uint8Array[] | undefined
    let hasSlice = false
    let field: AvcField | undefined
    for (const unit of units) {
      this.#learnOrder(unit)
      const role = this.#format.role(unit)
      const isSlice = role === 'first-slice' || role === 'slice'
      const own = role === 'first-slice' && this.#order !== undefined ? readAvcField(unit, this.#order) : undefined
      const begins = hasSlice && (role === 'prefix' || (role === 'first-slice' && !isPair(field, own)))
      if (group === undefined || begins) {
        group = []
        groups.push(group)
        hasSlice = false
      }
      group.push(unit)
      if (role === 'first-slice') field = own
      if (isSlice) hasSlice = true
    }
    return groups
  }

  #learnOrder(unit: Uint8Array): void {
    if (this.#format.codec !== 'h264' || this.#format.typeOf(unit) !== AVC_NAL.SPS) return
    try {
      this.#order = fieldOrder(unit)
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
    }
  }

  #emit(bytes: Uint8Array, units: readonly Uint8Array[]): TimedUnit | undefined {
    const times = this.#timesAt(startOf(bytes, units[0] as Uint8Array))
    this.#learn(units)
    if (!this.#hasPicture(units)) return undefined
    const frameRate = this.track?.video?.frameRate
    const frame = frameRate === undefined ? DEFAULT_FRAME : PES_TIMESCALE / frameRate
    const dts = times?.dts ?? (this.#lastDts === undefined ? undefined : this.#lastDts + frame)
    if (dts === undefined) return undefined
    this.#lastDts = dts
    const pts = times?.pts ?? dts
    if (times?.jumped === true) this.#jumped = true
    const key = this.#format.isKey(units, times?.randomAccess ?? false)
    // Before the first key picture there is nothing to decode them with.
    if (this.track === undefined || !(this.#started || key)) return undefined
    this.#started = true
    const unit = { track: this.track, data: joinNalUnits(units), pts, dts, key, jumped: this.#jumped }
    this.#jumped = false
    return unit
  }

  /** The times of the PES packet in which a unit at this place begins, unless an earlier unit had them. */
  #timesAt(at: number): PesTimes | undefined {
    let found: PesTimes | undefined
    // A start code may have begun in the packet before.
    while (this.#marks[0] !== undefined && this.#marks[0].at <= at) {
      const times = this.#marks.shift()?.times
      found = found?.jumped === true && times !== undefined ? { ...times, jumped: true } : times
    }
    return found
  }

  #learn(units: readonly Uint8Array[]): void {
    try {
      if (!this.#sets.update(units)) return
      const { config } = this.#sets
      if (config === undefined) return
      if (this.track?.config !== undefined && sameBytes(config, this.track.config)) return
      const { video } = trackParameters(this.#format.codec, config)
      this.track = {
        ...this.#base,
        kind: 'video',
        codec: this.#format.codec,
        config,
        ...(video !== undefined && { video }),
      }
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      this.#complaint = `parameter sets cannot be read: ${error.message}`
    }
  }
}

/** Two fields of opposite parity and the same number are one frame, and one packet. */
function isPair(first: AvcField | undefined, second: AvcField | undefined): boolean {
  return (
    first !== undefined &&
    second !== undefined &&
    first.frameNumber === second.frameNumber &&
    first.bottom !== second.bottom
  )
}

/** Where a view begins in the bytes that it is of. */
function startOf(bytes: Uint8Array, view: Uint8Array): number {
  return view.byteOffset - bytes.byteOffset
}
