/** Frames of sound in PES packets: several in one, or one across two (ISO/IEC 13818-1 section 2.4.3.7, on PTS). */
import { FormatError } from '../../../../errors.ts'
import type { Track } from '../../../track.ts'
import { PES_TIMESCALE } from '../pes.ts'
import type { SoundFormat, SoundFrame } from './sound-format.ts'
import { type ElementaryStream, EMPTY, joined, type PesTimes, type TimedUnit } from './stream.ts'

export class SoundStream implements ElementaryStream {
  track: Track | undefined
  foreignCodec: string | undefined
  readonly #format: SoundFormat
  readonly #base: Pick<Track, 'id' | 'timescale' | 'language'>
  #configKey = ''
  /** The start of a frame that the next payload continues. */
  #rest: Uint8Array = EMPTY
  /** Time of the next frame, where no PES packet tells it; `undefined` before the first time. */
  #next: number | undefined
  #jumped = false
  #complaint: string | undefined

  /** A known track is kept as long as the frames agree with it. */
  constructor(format: SoundFormat, base: Pick<Track, 'id' | 'timescale' | 'language'>, track?: Track) {
    this.#format = format
    this.#base = base
    this.track = track
  }

  takeComplaint(): string | undefined {
    const complaint = this.#complaint
    this.#complaint = undefined
    return complaint
  }

  beginsUnit(): boolean {
    // Frames tell their sizes.
    return true
  }

  reset(): void {
    this.#rest = EMPTY
    this.#next = undefined
  }

  write(payload: Uint8Array, times: PesTimes): TimedUnit[] {
    const bytes = joined(this.#rest, payload)
    let newTime = times.pts
    const newTimeFrom = this.#rest.byteLength
    if (times.jumped) this.#jumped = true
    const units: TimedUnit[] = []
    let at = 0
    while (this.foreignCodec === undefined) {
      const frame = this.#frameAt(bytes, at)
      if (frame === undefined) {
        if (at + this.#format.headerSize > bytes.byteLength) break
        at = this.#resynchronise(bytes, at)
        continue
      }
      if (at + frame.size > bytes.byteLength) break
      if (newTime !== undefined && at >= newTimeFrom) {
        this.#next = newTime
        newTime = undefined
      }
      at = this.#take(bytes, at, frame, units)
    }
    this.#rest = bytes.slice(at)
    return units
  }

  /** Takes the frame and those that depend on it; returns where it ends. */
  #take(bytes: Uint8Array, at: number, frame: SoundFrame, units: TimedUnit[]): number {
    const pts = this.#next
    let end = at + frame.size
    for (let next = this.#dependentAt(bytes, end); next !== undefined; next = this.#dependentAt(bytes, end)) {
      end += next.size
    }
    this.#learn(frame)
    if (pts === undefined || frame.dependent) return end
    this.#next = pts + (frame.samples * PES_TIMESCALE) / frame.audio.sampleRate
    if (this.track === undefined) return end
    const data = bytes.slice(at + frame.headerSize, end)
    units.push({ track: this.track, data, pts, dts: pts, key: true, jumped: this.#jumped })
    this.#jumped = false
    return end
  }

  #dependentAt(bytes: Uint8Array, at: number): SoundFrame | undefined {
    const frame = at + this.#format.headerSize <= bytes.byteLength ? this.#frameAt(bytes, at) : undefined
    return frame?.dependent === true && at + frame.size <= bytes.byteLength ? frame : undefined
  }

  #frameAt(bytes: Uint8Array, at: number): SoundFrame | undefined {
    if (at + this.#format.headerSize > bytes.byteLength) return undefined
    try {
      return this.#format.frameAt(bytes, at)
    } catch (error) {
      if (error instanceof FormatError) return undefined
      throw error
    }
  }

  /** The next place where a frame begins that another one follows, as far as the bytes tell. */
  #resynchronise(bytes: Uint8Array, from: number): number {
    this.#complaint = 'sound that is not whole frames was left out'
    const { syncByte, headerSize } = this.#format
    for (let at = bytes.indexOf(syncByte, from + 1); at !== -1; at = bytes.indexOf(syncByte, at + 1)) {
      if (at + headerSize > bytes.byteLength) return at
      const frame = this.#frameAt(bytes, at)
      if (frame === undefined) continue
      const next = at + frame.size
      if (next + headerSize > bytes.byteLength || this.#frameAt(bytes, next) !== undefined) return at
    }
    return bytes.byteLength
  }

  #learn(frame: SoundFrame): void {
    if (frame.foreignCodec !== undefined) this.foreignCodec = frame.foreignCodec
    if (frame.codec === undefined || frame.dependent || frame.configKey === this.#configKey) return
    this.#configKey = frame.configKey
    try {
      const config = frame.config()
      if (this.track !== undefined && isSame(this.track, frame, config)) return
      this.track = {
        ...this.#base,
        kind: 'audio',
        codec: frame.codec,
        ...(config !== undefined && { config }),
        audio: frame.audio,
      }
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      // Channels that are told inside of the frames.
      this.#complaint = error.message
    }
  }
}

function isSame(track: Track, frame: SoundFrame, config: Uint8Array | undefined): boolean {
  return (
    track.codec === frame.codec &&
    track.audio?.sampleRate === frame.audio.sampleRate &&
    track.audio.channels === frame.audio.channels &&
    track.config?.byteLength === config?.byteLength &&
    (config === undefined || config.every((byte, at) => byte === track.config?.[at]))
  )
}
