/** What Play and PlayNextEntry ask for: where, how fast, how far (MS-WMSP 2.2.1.4, 3.2.5.6). */
import type { AsfInit } from '../../../media/containers/asf/model.ts'
import type { Pragma, PragmaToken } from '../pragma.ts'
import type { Product } from '../product.ts'
import type { StreamLevels } from '../stream-selection.ts'
import type { Pace } from './playing/pacer.ts'
import { type ClientRules, countsPreroll, countsWithoutHeader } from './viewer-rules.ts'

const NOT_SPECIFIED = 0xffff_ffff
/** In max-duration: the rest is a place in the content, not a length. */
const ABSOLUTE = 0x8000_0000
/** Highest multiple of real time at the start for a player that asks for nothing. */
const FAST_START_FACTOR = 10
/** Milliseconds of media that go out faster than they play, at most. */
const MAX_FAST_MS = 60_000
/** Bits a second of content that does not say. */
const DEFAULT_BITRATE = 300_000

export type StartPosition =
  | { readonly type: 'time'; readonly ms: number }
  | { readonly type: 'packet'; readonly number: number }
  | { readonly type: 'offset'; readonly bytes: number }

/** A rate that was asked for, with the media it is for. */
interface Acceleration {
  readonly bps: number
  readonly ms: number
}

export interface PlayRequest {
  readonly position: StartPosition
  readonly rate: number
  readonly speed: number | undefined
  readonly accel: Acceleration | undefined
  readonly burst: Acceleration | undefined
  readonly maxDuration: number | undefined
  readonly seekId: number | undefined
  readonly seekOffset: -1 | 0 | 1
  readonly chunked: boolean
}

/** Throws PeerError ERR_WMS_PRAGMA_INVALID for numbers out of their range. */
export function readPlayRequest(pragma: Pragma): PlayRequest {
  const offset = pragma.signed('pl-offset') ?? 0
  return {
    position: startPosition(pragma),
    rate: pragma.rate ?? 1,
    speed: pragma.real('Speed'),
    accel: acceleration(pragma, 'Accel'),
    burst: acceleration(pragma, 'Burst'),
    maxDuration: pragma.u32('max-duration'),
    seekId: pragma.u32('playlist-seek-id'),
    seekOffset: offset === 0 ? 0 : offset > 0 ? 1 : -1,
    chunked: pragma.flag('version11-enabled'),
  }
}

/** stream-time, else packet-num, else stream-offset, else the beginning. */
function startPosition(pragma: Pragma): StartPosition {
  const ms = pragma.u32('stream-time')
  if (ms !== undefined && ms !== 0 && ms !== NOT_SPECIFIED) return { type: 'time', ms }
  const number = pragma.u32('packet-num')
  if (number !== undefined && number !== NOT_SPECIFIED) return { type: 'packet', number }
  const bytes = pragma.streamOffset
  return bytes === undefined ? { type: 'time', ms: 0 } : { type: 'offset', bytes }
}

function acceleration(pragma: Pragma, name: 'Accel' | 'Burst'): Acceleration | undefined {
  const bps = pragma.u32(`${name}BW`) ?? 0
  const ms = pragma.u32(`${name}Duration`) ?? 0
  return bps > 0 && ms > 0 ? { bps, ms } : undefined
}

/** Where in a file the request begins: at a time, from the beginning of the media, or with the packet of that number. */
export function filePosition(
  position: StartPosition,
  client: { readonly product: Product; readonly http11: boolean },
  init: AsfInit,
): { readonly timeMs: number } | { readonly packet: number } {
  switch (position.type) {
    case 'time':
      return { timeMs: Math.max(0, position.ms - (countsPreroll(client.product, client.http11) ? init.prerollMs : 0)) }
    case 'packet':
      return { packet: position.number }
    default:
      return { packet: packetOfOffset(position.bytes, init, client.product) }
  }
}

/** Positions that are no start of a packet are rounded: libmms and VLC do not agree on where the first packet begins. */
function packetOfOffset(bytes: number, { packetSize, bytes: header }: AsfInit, product: Product): number {
  const behindHeader = bytes - header.byteLength
  const withHeader = behindHeader >= 0 && behindHeader % packetSize === 0
  if ((countsWithoutHeader(product) || !withHeader) && bytes % packetSize === 0) return bytes / packetSize
  return Math.max(0, Math.round(behindHeader / packetSize))
}

/** Media time in milliseconds at which the request ends; `undefined`: with the content. `startMs`: where it begins. */
export function endOfRequest(maxDuration: number | undefined, startMs: number): number | undefined {
  if (maxDuration === undefined || maxDuration === 0) return undefined
  if (maxDuration < ABSOLUTE) return startMs + maxDuration
  const end = maxDuration - ABSOLUTE
  return end > startMs ? end : undefined
}

export interface PaceLimits {
  /** Milliseconds of media at the start for who asks for nothing. */
  readonly fastStartMs: number
  /** Times real time at most. */
  readonly maxSpeed: number
}

/** What of the wishes about speed is granted, and how it is said. */
export interface Grant {
  readonly pace: Pace
  /** Tokens of the answer. */
  readonly tokens: readonly PragmaToken[]
  /** Milliseconds of media of AccelDuration as granted; 0: none. */
  readonly accelMs: number
}

/** For a file. `bitrateBps`: of the streams that are sent; 0: unknown. */
export function grantPace(
  request: PlayRequest,
  rules: Pick<ClientRules, 'maxAccelBps' | 'burst'>,
  limits: PaceLimits,
  bitrateBps: number,
): Grant {
  const normal = bitrateBps > 0 ? bitrateBps : DEFAULT_BITRATE
  const highest = Math.round(normal * Math.max(limits.maxSpeed, FAST_START_FACTOR))
  const grant = (asked: Acceleration | undefined, most: number): Acceleration | undefined =>
    asked === undefined || most <= 0
      ? undefined
      : { bps: Math.min(asked.bps, most, highest), ms: Math.min(asked.ms, MAX_FAST_MS) }
  const accel = grant(request.accel, rules.maxAccelBps)
  const burst = grant(request.burst, rules.burst ? Number.POSITIVE_INFINITY : 0)
  const speed = request.speed === undefined ? undefined : Math.max(1, Math.min(request.speed, limits.maxSpeed))
  const tokens: PragmaToken[] = []
  if (accel !== undefined) tokens.push(['AccelBW', accel.bps], ['AccelDuration', accel.ms])
  if (burst !== undefined) tokens.push(['BurstBW', burst.bps], ['BurstDuration', burst.ms])
  if (speed !== undefined) tokens.push(['Speed', speed.toFixed(3)])
  const fastest = Math.max(accel?.bps ?? 0, burst?.bps ?? 0)
  // Players of old ask for nothing and gather seconds before they show anything.
  const unasked = request.accel === undefined && request.burst === undefined
  const pace = {
    fastMs: unasked ? limits.fastStartMs : Math.max(accel?.ms ?? 0, burst?.ms ?? 0),
    fastFactor: unasked ? FAST_START_FACTOR : Math.max(1, fastest / normal),
    speed: (speed ?? 1) * (request.rate > 0 ? request.rate : 1),
  }
  return { pace, tokens, accelMs: accel?.ms ?? 0 }
}

/** Σ of the average bit rates of what is selected, thinned streams left out; 0 when the header does not say. */
export function bitrateOf(init: AsfInit, selection: StreamLevels): number {
  let sum = 0
  for (const { number, averageBitrateBps } of init.streams) {
    if (selection.get(number) === 0) sum += averageBitrateBps
  }
  return sum
}
