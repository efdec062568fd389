/** Synthetic packets, and a live run of segmenter and store with every playlist checked on the way, for tests. */
import { lintMediaPlaylist } from '../media/manifests/hls/lint.ts'
import { formatMediaPlaylist } from '../media/manifests/hls/media-playlist.ts'
import type { MediaPlaylist } from '../media/manifests/hls/model.ts'
import { parsePlaylist } from '../media/manifests/hls/parse.ts'
import type { Packet } from '../media/packet.ts'
import { MICROS_PER_MS, MICROS_PER_SECOND, type Micros, ticksToMicros } from '../media/time.ts'
import type { Track } from '../media/track.ts'
import { mediaPlaylist } from './hls.ts'
import { SegmentStore, type SegmentStoreOptions } from './segment-store.ts'
import { Segmenter, type SegmenterOptions, type SegmenterResult } from './segmenter.ts'

/** avcC of a 64x48 stream that x264 made. */
const AVC_CONFIG = Uint8Array.from(
  Buffer.from('01f4000affe1001867f4000a919b288f6022000003000200000300781e244b2c01000668ebe3c44844fff8f800', 'hex'),
)

export const VIDEO: Track = {
  id: 1,
  kind: 'video',
  codec: 'h264',
  config: AVC_CONFIG,
  video: { width: 64, height: 48 },
  timescale: 1000,
}

export const AUDIO: Track = {
  id: 101,
  kind: 'audio',
  codec: 'aac',
  config: Uint8Array.of(0x11, 0x90),
  audio: { sampleRate: 48_000, channels: 2 },
  timescale: 1000,
}

export interface VideoShape {
  readonly track?: Track
  readonly from?: Micros
  readonly seconds: number
  /** Frames a second, as a fraction. */
  readonly rate?: readonly [number, number]
  /** Frames between key frames. */
  readonly gop?: number
  readonly size?: number
  /** Added to each time, for jitter; the frame's number is given. */
  readonly jitter?: (frame: number) => Micros
  /** Presentation after decoding. */
  readonly composition?: Micros
}

/** Video packets with exact times. */
export function videoPackets(shape: VideoShape): Packet[] {
  const { track = VIDEO, from = 0, seconds, rate = [30, 1], gop = 30, size = 400, composition = 0 } = shape
  const [ticks, timescale] = [rate[1], rate[0]]
  const packets: Packet[] = []
  for (let frame = 0; (frame * ticks) / timescale < seconds; frame++) {
    const dts = from + ticksToMicros(frame * ticks, timescale) + (shape.jitter?.(frame) ?? 0)
    packets.push({ track, data: data(size), dts, pts: dts + composition, key: frame % gop === 0 })
  }
  return packets
}

export interface AudioShape {
  readonly track?: Track
  readonly from?: Micros
  readonly seconds: number
}

/** Audio packets of 1024 samples. */
export function audioPackets({ track = AUDIO, from = 0, seconds }: AudioShape): Packet[] {
  const rate = track.audio?.sampleRate ?? 48_000
  const packets: Packet[] = []
  for (let frame = 0; (frame * 1024) / rate < seconds; frame++) {
    const dts = from + ticksToMicros(frame * 1024, rate)
    packets.push({ track, data: data(96), dts, pts: dts, key: true })
  }
  return packets
}

/** By time, as a publisher sends them; `late`: how much later than the others the packets of a track come. */
export function interleave(packets: readonly Packet[], late: Readonly<Record<number, Micros>> = {}): Packet[] {
  const arrival = ({ dts, track }: Packet) => dts + (late[track.id] ?? 0)
  return packets.toSorted((left, right) => arrival(left) - arrival(right) || left.track.id - right.track.id)
}

export const SEGMENTER: SegmenterOptions = {
  targetDuration: 2 * MICROS_PER_SECOND,
  maxDuration: 10 * MICROS_PER_SECOND,
  partTarget: 334 * MICROS_PER_MS,
  firstNumber: 0,
}

const STORE: SegmentStoreOptions = { window: 24 * MICROS_PER_SECOND, maxBytes: 64 * 1024 * 1024, maxWaiting: 100 }
export const EPOCH_MS = Date.UTC(2026, 0, 1)
export const TOKEN = '0123456789ab'

/** What the playlists of a run said that they must not: `rendition: rule: message`. */
export interface LiveRun {
  readonly store: SegmentStore
  readonly segmenter: Segmenter
  readonly results: readonly SegmenterResult[]
  readonly violations: readonly string[]
  /** The last playlists, as a player reads them. */
  playlist(rendition: string): MediaPlaylist
}

export interface RunOptions {
  readonly segmenter?: Partial<SegmenterOptions>
  readonly store?: Partial<SegmentStoreOptions>
  readonly end?: boolean
  /** Findings that this run is about. */
  readonly ignore?: readonly string[]
}

/** Plays packets through segmenter and store and checks each new playlist, alone and against the one before. */
export function runLive(packets: Iterable<Packet>, options: RunOptions = {}): LiveRun {
  const segmenterOptions = { ...SEGMENTER, ...options.segmenter }
  const segmenter = new Segmenter(segmenterOptions)
  const store = new SegmentStore({ ...STORE, ...options.store })
  const results: SegmenterResult[] = []
  const violations: string[] = []
  const seen = new Map<string, { version: number; playlist: MediaPlaylist }>()
  const source = { store, token: TOKEN, epochMs: EPOCH_MS, partTarget: segmenterOptions.partTarget }
  const read = (name: string): MediaPlaylist => {
    const rendition = store.rendition(name)
    if (rendition === undefined) throw new Error(`no rendition ${name}`)
    return parsePlaylist(formatMediaPlaylist(mediaPlaylist(source, rendition))) as MediaPlaylist
  }
  const settle = () => {
    let changed = false
    for (let result = segmenter.read(); result !== undefined; result = segmenter.read()) {
      results.push(result)
      store.add(result)
      changed = true
    }
    if (!changed) return
    store.settle(segmenter.targetDuration)
    if (store.targetDuration === undefined) return
    for (const { name, version } of store.renditions) {
      const before = seen.get(name)
      if (before?.version === version) continue
      const playlist = read(name)
      for (const { rule, message } of lintMediaPlaylist(playlist, before?.playlist)) {
        if (options.ignore?.includes(rule) !== true) violations.push(`${name}: ${rule}: ${message}`)
      }
      seen.set(name, { version, playlist })
    }
  }
  for (const packet of packets) {
    segmenter.write(packet)
    settle()
  }
  if (options.end === true) {
    segmenter.end()
    settle()
    store.end()
  }
  return { store, segmenter, results, violations, playlist: read }
}

function data(size: number): Uint8Array {
  return new Uint8Array(size)
}
