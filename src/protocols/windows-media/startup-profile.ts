/** X-StartupProfile: how much a player must have before it may play, at several speeds (MS-WMSP 2.2.1.12, MS-RTSP 3.2.7.7). */
import { FormatError } from '../../errors.ts'

/** Speeds that are computed, in tenths. */
const RATES = [10, 12, 15, 20, 30] as const
/** Values of one list. */
const MAX_LIST = 64
const MAX_PROFILE_LENGTH = 4096

/** Times in milliseconds. All lists have the same length. */
export interface StartupProfile {
  /** Speeds, in tenths of real time. */
  readonly rates: readonly number[]
  /** Bytes that are missing at worst at that speed. */
  readonly maxBytes: readonly number[]
  /** When that is, after `startTime`. */
  readonly times: readonly number[]
  /** Lowest presentation time of the interval. */
  readonly startTime: number
  readonly lastTime: number
  /** Where audio is farthest behind video, and how far; negative: never. */
  readonly maxDiffTime: number
  readonly maxDiffSendTime: number
  /** Bytes a second that were coded on average. */
  readonly byteRates: readonly number[]
}

/** What is to be known of a payload that begins a media object. */
export interface StartingPayload {
  readonly kind: 'audio' | 'video' | 'other'
  readonly key: boolean
  /** Send time of its packet. */
  readonly sendTimeMs: number
  readonly presentationTimeMs: number
  /** Bytes of the whole object. */
  readonly objectSize: number
}

export interface StartupProfileOptions {
  /** Granted AccelDuration, milliseconds; with 0 there is no profile. */
  readonly accelDurationMs: number
  /** Sum over the selected streams. */
  readonly averageBitrateBps: number
  readonly broadcast: boolean
  readonly hasVideo: boolean
  readonly hasAudio: boolean
}

/** Reads payloads of the selected streams in sending order, as many as `accelDurationMs` needs; `undefined`: nothing to say. */
export function computeStartupProfile(
  payloads: Iterable<StartingPayload>,
  options: StartupProfileOptions,
): StartupProfile | undefined {
  const { accelDurationMs, broadcast, hasVideo, hasAudio } = options
  if (accelDurationMs <= 0) return undefined
  let profile: Profile | undefined
  for (const payload of payloads) {
    if (profile === undefined) {
      const usable = !broadcast || !hasVideo || (payload.kind === 'video' && payload.key)
      if (!usable) continue
      profile = new Profile(payload, options)
    }
    if (payload.sendTimeMs - profile.firstSend > accelDurationMs) break
    profile.add(payload)
  }
  return profile?.result(hasVideo && hasAudio)
}

class Profile {
  readonly firstSend: number
  readonly #playbackRate: number
  readonly #hasVideo: boolean
  #firstTime: number
  #lastTime: number
  #lastSend: number
  #bytesNeeded = 0
  #maxDiff = 0
  #maxDiffTime = 0
  readonly #maxBytes = RATES.map(() => 0)
  readonly #times = RATES.map(() => 0)
  readonly #byteRates = RATES.map(() => 0)

  constructor(first: StartingPayload, { averageBitrateBps, hasVideo }: StartupProfileOptions) {
    this.firstSend = this.#lastSend = first.sendTimeMs
    this.#firstTime = this.#lastTime = first.presentationTimeMs
    this.#playbackRate = averageBitrateBps / 8
    this.#hasVideo = hasVideo
  }

  add({ kind, sendTimeMs, presentationTimeMs, objectSize }: StartingPayload): void {
    this.#firstTime = Math.min(this.#firstTime, presentationTimeMs)
    if (kind === 'audio' && this.#hasVideo) this.#compareAudio(sendTimeMs, presentationTimeMs)
    else if (kind === 'video' || !this.#hasVideo) this.#measure(sendTimeMs, presentationTimeMs, objectSize)
    if (presentationTimeMs - this.#firstTime === this.#times[0]) {
      const time = this.#times[0]
      for (let k = 0; k < RATES.length; k++) if (this.#times[k] === time) this.#raise(k, objectSize)
    }
    this.#bytesNeeded += objectSize
  }

  result(both: boolean): StartupProfile {
    return {
      rates: RATES,
      maxBytes: this.#maxBytes.map(Math.round),
      times: this.#times,
      startTime: this.#firstTime,
      lastTime: Math.max(0, this.#lastTime - this.#firstTime),
      maxDiffTime: both ? Math.max(0, this.#maxDiffTime - this.#firstTime) : 0,
      maxDiffSendTime: both ? this.#maxDiff : 0,
      // At a speed where nothing was missing behind the first object no rate was chosen; a player must not divide by 0.
      byteRates: this.#byteRates.map((rate) => Math.round(rate === 0 ? this.#playbackRate : rate)),
    }
  }

  #compareAudio(sendTimeMs: number, time: number): void {
    const behind = this.#lastTime - time
    if (behind > 0 && behind > this.#maxDiff) {
      this.#maxDiff = behind + this.#lastSend - sendTimeMs
      this.#maxDiffTime = time
    }
    this.#lastSend = sendTimeMs
  }

  #measure(sendTimeMs: number, time: number, objectSize: number): void {
    if (time <= this.#lastTime) return
    const elapsed = sendTimeMs - this.firstSend
    const current = elapsed > 0 ? ((this.#bytesNeeded + objectSize) * 1000) / elapsed : 0
    const chosen = current === 0 || current > this.#playbackRate ? this.#playbackRate : current
    const streamed = ((this.#lastTime - this.#firstTime) * chosen) / 1000
    for (let k = 0; k < RATES.length; k++) {
      const missing = this.#bytesNeeded - (streamed * (RATES[k] as number)) / 10
      if (missing <= (this.#maxBytes[k] as number)) continue
      this.#maxBytes[k] = missing
      this.#times[k] = this.#lastTime - this.#firstTime
      this.#byteRates[k] = chosen
    }
    this.#lastTime = time
  }

  #raise(k: number, bytes: number): void {
    this.#maxBytes[k] = (this.#maxBytes[k] as number) + bytes
  }
}

/** Value of the header. */
export function formatStartupProfile(profile: StartupProfile): string {
  const { rates, maxBytes, times, startTime, lastTime, maxDiffTime, maxDiffSendTime, byteRates } = profile
  return (
    `Rate=${rates.join(',')};MaxBytes=${maxBytes.join(',')};Time=${times.join(',')};StartTime=${startTime};` +
    `LastTime=${lastTime};MaxDiffTime=${maxDiffTime};MaxDiffSndTime=${maxDiffSendTime};ByteRate=${byteRates.join(',')};`
  )
}

/** Throws FormatError ERR_WMS_PROFILE_INVALID. */
export function parseStartupProfile(value: string): StartupProfile {
  const fields = new Map<string, readonly number[]>()
  if (value.length > MAX_PROFILE_LENGTH) throw invalid(`at most ${MAX_PROFILE_LENGTH} characters`, value)
  for (const part of value.split(';')) {
    const match = /^\s*([A-Za-z]+)=(-?\d{1,10}(?:,-?\d{1,10})*)\s*$/.exec(part)
    const [, name = '', list = ''] = match ?? []
    if (match !== null) fields.set(name.toLowerCase(), list.split(',').map(Number))
    else if (part.trim() !== '') throw invalid('name=numbers', part)
  }
  const list = (name: string) => fields.get(name) ?? []
  const single = (name: string) => list(name)[0] ?? 0
  const rates = list('rate')
  const lists = [rates, list('maxbytes'), list('time'), list('byterate')]
  if (rates.length === 0 || rates.length > MAX_LIST || lists.some(({ length }) => length !== rates.length)) {
    throw invalid(`four lists of one length up to ${MAX_LIST}`, value)
  }
  return {
    rates,
    maxBytes: list('maxbytes'),
    times: list('time'),
    startTime: single('starttime'),
    lastTime: single('lasttime'),
    maxDiffTime: single('maxdifftime'),
    maxDiffSendTime: single('maxdiffsndtime'),
    byteRates: list('byterate'),
  }
}

function invalid(expected: string, found: string): FormatError {
  const shown = JSON.stringify(found.slice(0, 60))
  return new FormatError('ERR_WMS_PROFILE_INVALID', `expected X-StartupProfile with ${expected}, found ${shown}`)
}
