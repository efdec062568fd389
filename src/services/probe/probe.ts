/** What is in a media file, told for people and programs. */

import { FormatError } from '../../errors.ts'
import { isHttpAddress, openSource } from '../../library/open-source.ts'
import type { ByteSource } from '../../media/byte-source.ts'
import { codecString } from '../../media/codecs/codec-string.ts'
import { openReader } from '../../media/open-reader.ts'
import type { ForeignTrack, KeyPoint, MediaFormat, MediaReader } from '../../media/reader.ts'
import { MICROS_PER_SECOND } from '../../media/time.ts'
import type { Track, TrackKind } from '../../media/track.ts'
import { isBrowserCodec, isBrowserMedia } from '../../packaging/browser-codecs.ts'
import { measuredFrameRate } from './frame-rate.ts'
import { LimitedSource } from './limited-source.ts'
import { countPackets, type PacketCount } from './packet-count.ts'

/** What `probe` does. */
export interface ProbeOptions {
  /** Path of a file, or an address of http or https. */
  readonly input: string
  /** Read all of it, and count. */
  readonly packets?: boolean
  readonly signal?: AbortSignal
  /** Of `packets`: from 0 to 1, now and then. */
  readonly onProgress?: (done: number) => void
}

/** What a file holds. */
export interface ProbeResult {
  /** The path, or the address without what may be secret in it. */
  readonly input: string
  readonly format: MediaFormat
  /** Seconds. */
  readonly duration: number
  /** Bytes. */
  readonly size: number
  /** Of the whole file, bits a second; 0 where the duration is. */
  readonly bitrateBps: number
  /** Title, artist, encoder …, as the file says. */
  readonly metadata: Readonly<Record<string, string | number>>
  readonly tracks: readonly ProbedTrack[]
  /** Tracks of codecs that are told of and not read. */
  readonly foreign: readonly ForeignTrack[]
  /** Pictures that decoding can start with; left out where the file has none, or would have to be read whole over the network. */
  readonly keyFrames?: KeyFrames
  /** `direct`: as it is; `encoded`: after encoding, which needs ffmpeg; `none`: not at all. */
  readonly browsers: 'direct' | 'encoded' | 'none'
  /** Whose keys the content needs. */
  readonly protection?: Protection
  /** What is wrong with the file. */
  readonly notes: readonly string[]
}

/** A track that is read. */
export interface ProbedTrack {
  readonly id: number
  readonly kind: TrackKind
  readonly codec: string
  /** As RFC 6381 has it: `avc1.640028`. */
  readonly codecString?: string
  readonly width?: number
  readonly height?: number
  /** Degrees clockwise by which players turn the picture. */
  readonly rotation?: number
  /** Pictures a second, measured over the first ones. */
  readonly frameRate?: number
  readonly sampleRate?: number
  readonly channels?: number
  /** BCP 47. */
  readonly language?: string
  readonly name?: string
  /** As the file says, or measured where all of it was read. */
  readonly bitrateBps?: number
  /** Whether browsers decode it as it is. */
  readonly browser: boolean
  readonly packets?: PacketCount
}

/** Pictures that decoding can start with. */
export interface KeyFrames {
  readonly count: number
  /** Seconds from one to the next; 0 where there is one only. */
  readonly meanInterval: number
  readonly maxInterval: number
}

/** What a file says of the keys that its content needs. */
export interface Protection {
  readonly scheme: string
  readonly keyId?: string
  readonly licenseUrl?: string
}

/** Key frames of a file without index are looked for over the network only so far. */
const MAX_FETCHED_BYTES = 8 * 1024 * 1024

/**
 * Opens a file of any container that is read, and says what is in it. Throws FormatError ERR_MEDIA_UNKNOWN_FORMAT for any other, and
 * UnavailableError where it cannot be opened.
 */
export async function probe({ input, packets = false, signal, onProgress }: ProbeOptions): Promise<ProbeResult> {
  const source = await openSource(input, signal && { signal })
  const limited = new LimitedSource(
    source,
    isHttpAddress(input) && !packets ? MAX_FETCHED_BYTES : Number.POSITIVE_INFINITY,
  )
  try {
    const reader = await openReader(limited)
    const points = await limited.within(() => reader.keyPoints())
    const keyFrames = points && keyFramesOf(reader, points)
    const frameRates = new Map<number, number>()
    for (const track of reader.tracks) {
      const rate = track.kind === 'video' ? await measuredFrameRate(reader, track) : undefined
      if (rate !== undefined) frameRates.set(track.id, rate)
    }
    const counts = packets ? await countPackets(reader, { signal, onProgress }) : undefined
    const tracks = reader.tracks.map((track) => describe(track, frameRates.get(track.id), counts?.get(track.id)))
    return { ...factsOf(input, source, reader), tracks, ...(keyFrames && { keyFrames }), notes: [...reader.notes] }
  } finally {
    await source.close()
  }
}

function factsOf(input: string, { size }: ByteSource, reader: MediaReader): Omit<ProbeResult, 'tracks' | 'notes'> {
  const { drmScheme, drmKeyId, drmLicenseUrl, ...metadata } = reader.metadata
  const isProtected = drmScheme !== undefined
  const duration = reader.duration / MICROS_PER_SECOND
  return {
    input: shownInput(input),
    format: reader.format,
    duration,
    size,
    bitrateBps: duration > 0 ? Math.round((size * 8) / duration) : 0,
    metadata,
    foreign: reader.foreign,
    browsers: browsersOf(reader, isProtected),
    ...(isProtected && {
      protection: {
        scheme: String(drmScheme),
        ...(drmKeyId !== undefined && { keyId: String(drmKeyId) }),
        ...(drmLicenseUrl !== undefined && { licenseUrl: String(drmLicenseUrl) }),
      },
    }),
  }
}

/** What is encrypted cannot be encoded either. */
function browsersOf(reader: MediaReader, isProtected: boolean): ProbeResult['browsers'] {
  const isMedia = ({ kind }: { kind: TrackKind }) => kind === 'video' || kind === 'audio'
  if (isProtected && !reader.tracks.some(isMedia)) return 'none'
  if (isBrowserMedia(reader)) return 'direct'
  return reader.tracks.some(isMedia) || reader.foreign.some(isMedia) ? 'encoded' : 'none'
}

function describe(track: Track, frameRate: number | undefined, packets: PacketCount | undefined): ProbedTrack {
  const { id, kind, codec, video, audio, language, name } = track
  const string = stringOf(track)
  const bitrateBps = packets?.bitrateBps ?? track.bitrateBps
  const rate = frameRate ?? video?.frameRate
  return {
    id,
    kind,
    codec,
    ...(string !== undefined && { codecString: string }),
    ...(video !== undefined && video.width > 0 && { width: video.width, height: video.height }),
    ...(video?.rotation !== undefined && { rotation: video.rotation }),
    ...(rate !== undefined && { frameRate: rate }),
    ...(audio !== undefined && { sampleRate: audio.sampleRate, channels: audio.channels }),
    ...(language !== undefined && { language }),
    ...(name !== undefined && { name }),
    ...(bitrateBps !== undefined && { bitrateBps }),
    browser: kind === 'text' || isBrowserCodec(codec),
    ...(packets !== undefined && { packets }),
  }
}

/** `undefined` for codecs without one. */
function stringOf(track: Track): string | undefined {
  try {
    return codecString(track)
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

function keyFramesOf(reader: MediaReader, points: readonly KeyPoint[]): KeyFrames | undefined {
  if (points.length === 0 || !reader.tracks.some(({ kind }) => kind === 'video')) return undefined
  let maxInterval = 0
  for (const [i, { pts }] of points.entries()) {
    const next = points[i + 1]
    if (next !== undefined) maxInterval = Math.max(maxInterval, next.pts - pts)
  }
  const whole = (points.at(-1)?.pts ?? 0) - (points[0]?.pts ?? 0)
  return {
    count: points.length,
    meanInterval: points.length < 2 ? 0 : whole / (points.length - 1) / MICROS_PER_SECOND,
    maxInterval: maxInterval / MICROS_PER_SECOND,
  }
}

function shownInput(input: string): string {
  const url = isHttpAddress(input) ? URL.parse(input) : null
  return url === null ? input : `${url.origin}${url.pathname}`
}
