/** One track of an FLV or RTMP source: its configuration as it comes, and the bytes of its frames in canonical form. */
import { FormatError } from '../../../errors.ts'
import { readAc3Header } from '../../codecs/ac3/bitstream.ts'
import { ac3ConfigOfFrame } from '../../codecs/ac3/config.ts'
import { toCanonicalObus } from '../../codecs/av1/bitstream.ts'
import { flacConfigOf } from '../../codecs/flac/config.ts'
import { readAvcConfig, writeAvcConfig } from '../../codecs/h264/config.ts'
import { readHevcConfig, writeHevcConfig } from '../../codecs/h265/config.ts'
import { readMp3Header } from '../../codecs/mp3/bitstream.ts'
import { toCanonicalNalUnits } from '../../codecs/nal-units.ts'
import { OPUS_SAMPLE_RATE } from '../../codecs/opus/bitstream.ts'
import { isOpusHead, readOpusHead, writeOpusConfig } from '../../codecs/opus/config.ts'
import { type TrackParameters, trackParameters } from '../../codecs/track-parameters.ts'
import { readVp8KeyFrame } from '../../codecs/vp8/bitstream.ts'
import { readVp9KeyFrame } from '../../codecs/vp9/bitstream.ts'
import { readVpxConfig, writeVpxConfig } from '../../codecs/vp9/config.ts'
import { type Codec, type ColorInfo, TRACK_ID_BASE, type Track } from '../../track.ts'
import type { FlvAudioCodec, FlvVideoCodec } from './codec-id.ts'
import type { TrackHints } from './metadata.ts'

/** Milliseconds: what RTMP and FLV count in. */
const TIMESCALE = 1000
/** Until a header says otherwise: the delay of the usual encoder, 6.5 ms. */
const DEFAULT_OPUS_PRE_SKIP = 312

interface Known {
  readonly config?: Uint8Array
  readonly parameters: TrackParameters
  /** Bytes of the source's NAL unit lengths. */
  readonly lengthSize: number
}

export class TrackSource {
  readonly id: number
  readonly trackId: number
  readonly kind: 'audio' | 'video'
  codec: FlvVideoCodec | FlvAudioCodec
  /** `undefined` until a configuration, or a frame that tells enough, has come. */
  track: Track | undefined
  #known: Known | undefined
  /** The header as it came, to notice another one. */
  #header: Uint8Array | undefined
  #color: ColorInfo | undefined
  #hints: TrackHints = {}

  constructor(kind: 'audio' | 'video', codec: FlvVideoCodec | FlvAudioCodec, trackId: number) {
    this.kind = kind
    this.codec = codec
    this.trackId = trackId
    this.id = TRACK_ID_BASE[kind] + trackId
  }

  /** Whether this header is the one in force. */
  isRepeated(codec: Codec, header: Uint8Array): boolean {
    return this.codec === codec && this.#header !== undefined && sameBytes(this.#header, header)
  }

  /** Takes a sequence header. Throws FormatError when it is broken. */
  configure(codec: FlvVideoCodec | FlvAudioCodec, header: Uint8Array): void {
    const known = knownFrom(codec, header)
    if (known === undefined) return
    this.codec = codec
    this.#header = header
    this.#known = known
    this.#rebuild()
  }

  /** Takes what the first frame tells of a codec without sequence header, or of a picture size that the header lacks. */
  learn(frame: Uint8Array, key: boolean): void {
    const size = this.track?.video
    if (this.#known !== undefined && (size === undefined || size.width > 0)) return
    const known = knownFromFrame(this.codec, frame, key, this.#known)
    if (known === undefined) return
    this.#known = known
    this.#rebuild()
  }

  /** Takes colour from a metadata packet. */
  colorize(color: ColorInfo): void {
    this.#color = color
    this.#rebuild()
  }

  /** Takes what onMetaData says. */
  hint(hints: TrackHints): void {
    this.#hints = hints
    this.#rebuild()
  }

  /** A frame in the form of docs/packet-format.md. Throws FormatError when it cannot be brought there. */
  canonical(frame: Uint8Array): Uint8Array {
    if (this.codec === 'h264' || this.codec === 'h265') return toCanonicalNalUnits(frame, this.#known?.lengthSize ?? 4)
    return this.codec === 'av1' ? toCanonicalObus(frame) : frame
  }

  #rebuild(): void {
    const known = this.#known
    if (known === undefined) return
    const { language, name, bitrateBps } = this.#hints
    const track: Track = {
      id: this.id,
      kind: this.kind,
      codec: this.codec,
      ...(known.config !== undefined && { config: known.config }),
      ...(this.kind === 'video' ? { video: this.#video(known) } : { audio: this.#audio(known) }),
      timescale: TIMESCALE,
      ...(language !== undefined && { language }),
      ...(name !== undefined && { name }),
      ...(bitrateBps !== undefined && { bitrateBps }),
    }
    // The same object where nothing changed: a new one means a new configuration to everyone behind.
    if (this.track === undefined || !sameTrack(this.track, track)) this.track = track
  }

  #video({ parameters: { video } }: Known): NonNullable<Track['video']> {
    const hints = this.#hints.video
    const sized = video !== undefined && video.width > 0
    const frameRate = video?.frameRate ?? hints?.frameRate
    const color =
      video?.color === undefined && this.#color === undefined ? undefined : { ...video?.color, ...this.#color }
    return {
      width: sized ? video.width : (hints?.width ?? 0),
      height: sized ? video.height : (hints?.height ?? 0),
      ...(frameRate !== undefined && { frameRate }),
      ...(color !== undefined && { color }),
    }
  }

  #audio({ parameters: { audio } }: Known): NonNullable<Track['audio']> {
    return audio ?? { sampleRate: this.#hints.audio?.sampleRate ?? 0, channels: this.#hints.audio?.channels ?? 0 }
  }
}

/** `undefined` for a header that tells nothing. */
function knownFrom(codec: FlvVideoCodec | FlvAudioCodec, header: Uint8Array): Known | undefined {
  if (header.byteLength === 0) return undefined
  switch (codec) {
    case 'h264': {
      const record = readAvcConfig(header)
      const config = record.lengthSize === 4 ? header : writeAvcConfig({ ...record, lengthSize: 4 })
      return { config, parameters: trackParameters(codec, config), lengthSize: record.lengthSize }
    }
    case 'h265': {
      const record = readHevcConfig(header)
      const config = record.lengthSize === 4 ? header : writeHevcConfig({ ...record, lengthSize: 4 })
      return { config, parameters: trackParameters(codec, config), lengthSize: record.lengthSize }
    }
    case 'vp8':
    case 'vp9':
      return plain(codec, writeVpxConfig(readVpxConfig(header)))
    case 'opus':
      return plain(codec, isOpusHead(header) ? writeOpusConfig(readOpusHead(header)) : header)
    case 'flac':
      return plain(codec, flacConfigOf(header))
    case 'av1':
    case 'aac':
      return plain(codec, header)
    // Frames of MP3, AC-3 and E-AC-3 tell everything.
    default:
      return undefined
  }
}

function plain(codec: Codec, config: Uint8Array): Known {
  return { config, parameters: trackParameters(codec, config), lengthSize: 4 }
}

/** `undefined` when the frame does not tell, or cannot be read. */
function knownFromFrame(codec: Codec, frame: Uint8Array, key: boolean, known: Known | undefined): Known | undefined {
  try {
    switch (codec) {
      case 'mp3': {
        const header = readMp3Header(frame)
        if (header === undefined) return undefined
        const { sampleRate, channels } = header
        return { parameters: { audio: { sampleRate, channels } }, lengthSize: 4 }
      }
      case 'ac3':
      case 'eac3': {
        const { sampleRate, channels } = readAc3Header(frame)
        return { config: ac3ConfigOfFrame(frame), parameters: { audio: { sampleRate, channels } }, lengthSize: 4 }
      }
      case 'opus':
        return plain(codec, defaultOpusConfig(frame))
      case 'vp8': {
        const size = key ? readVp8KeyFrame(frame) : undefined
        return size === undefined
          ? undefined
          : { lengthSize: 4, ...known, parameters: { video: { ...known?.parameters.video, ...size } } }
      }
      case 'vp9':
        return key ? knownFromVp9(frame, known) : undefined
      default:
        return undefined
    }
  } catch (error) {
    // A frame before the first whole one; the next may tell.
    if (error instanceof FormatError) return undefined
    throw error
  }
}

function knownFromVp9(frame: Uint8Array, known: Known | undefined): Known | undefined {
  const header = readVp9KeyFrame(frame)
  if (header === undefined) return undefined
  const { width, height, profile, bitDepth, chromaSubsampling, fullRange } = header
  const unspecified = 2
  const color = { primaries: unspecified, transfer: unspecified, matrix: unspecified }
  const made = {
    profile,
    level: 0,
    bitDepth,
    chromaSubsampling,
    fullRange,
    ...color,
    initializationData: new Uint8Array(0),
  }
  const base = known ?? plain('vp9', writeVpxConfig(made))
  return { ...base, parameters: { video: { ...base.parameters.video, width, height } } }
}

function defaultOpusConfig(frame: Uint8Array): Uint8Array {
  const channels = ((frame[0] ?? 0) & 4) === 0 ? 1 : 2
  return writeOpusConfig({
    channels,
    preSkip: DEFAULT_OPUS_PRE_SKIP,
    inputSampleRate: OPUS_SAMPLE_RATE,
    outputGain: 0,
    mappingFamily: 0,
  })
}

function sameTrack(a: Track, b: Track): boolean {
  const sameConfig =
    a.config === b.config || (a.config !== undefined && b.config !== undefined && sameBytes(a.config, b.config))
  return sameConfig && JSON.stringify({ ...a, config: 0 }) === JSON.stringify({ ...b, config: 0 })
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && a.every((byte, i) => byte === b[i])
}
