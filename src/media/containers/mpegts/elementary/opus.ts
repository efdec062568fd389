/** Opus in PES packets: ETSI TS 103 491 section 5 (each Opus packet behind a control header). */
import { FormatError } from '../../../../errors.ts'
import { OPUS_SAMPLE_RATE, opusPacketSamples } from '../../../codecs/opus/bitstream.ts'
import { writeOpusConfig } from '../../../codecs/opus/config.ts'
import type { Track } from '../../../track.ts'
import { PES_TIMESCALE } from '../pes.ts'
import type { ElementaryStream, PesTimes, TimedUnit } from './stream.ts'

/** The first eleven bits of a control header. */
const PREFIX = 0x3ff
const DEFAULT_CHANNELS = 2
/** Vorbis mapping (RFC 7845 section 5.1.1.2) of 1 to 8 channels: streams, coupled streams, places. */
const MAPPINGS: readonly {
  readonly streams: number
  readonly coupled: number
  readonly channels: readonly number[]
}[] = [
  { streams: 1, coupled: 0, channels: [0] },
  { streams: 1, coupled: 1, channels: [0, 1] },
  { streams: 2, coupled: 1, channels: [0, 2, 1] },
  { streams: 2, coupled: 2, channels: [0, 1, 2, 3] },
  { streams: 3, coupled: 2, channels: [0, 4, 1, 2, 3] },
  { streams: 4, coupled: 2, channels: [0, 4, 1, 2, 3, 5] },
  { streams: 4, coupled: 3, channels: [0, 4, 1, 2, 3, 5, 6] },
  { streams: 5, coupled: 3, channels: [0, 6, 1, 2, 3, 4, 5, 7] },
]

/** What stands before an Opus packet. */
interface ControlHeader {
  readonly packetAt: number
  readonly size: number
  /** Samples at 48 kHz to leave out at the start. */
  readonly startTrim: number
}

export class OpusStream implements ElementaryStream {
  track: Track | undefined
  readonly #base: Pick<Track, 'id' | 'timescale' | 'language'>
  readonly #channels: number
  foreignCodec: string | undefined
  #next: number | undefined
  #jumped = false

  /** `channelCode`: channel_config_code of the descriptor; 1 to 8 are that many channels. */
  constructor(
    base: Pick<Track, 'id' | 'timescale' | 'language'>,
    channelCode: number = DEFAULT_CHANNELS,
    track?: Track,
  ) {
    this.#base = base
    this.#channels = channelCode
    this.track = track
    // Two mono streams, and mappings that the descriptor itself describes.
    if (channelCode < 1 || channelCode > MAPPINGS.length) this.foreignCodec = 'opus'
  }

  takeComplaint(): undefined {
    return undefined
  }

  beginsUnit(): boolean {
    return true
  }

  reset(): void {
    this.#next = undefined
  }

  write(payload: Uint8Array, times: PesTimes): TimedUnit[] {
    const units: TimedUnit[] = []
    if (times.pts !== undefined) this.#next = times.pts
    if (times.jumped) this.#jumped = true
    for (let at = 0; at < payload.byteLength; ) {
      const header = readControlHeader(payload, at)
      const end = header.packetAt + header.size
      if (end > payload.byteLength) throw new FormatError('ERR_TS_OPUS', 'expected a whole Opus packet', at)
      const data = payload.slice(header.packetAt, end)
      at = end
      this.track ??= this.#trackOf(header.startTrim)
      const pts = this.#next
      const samples = opusPacketSamples(data)
      if (pts === undefined || samples === undefined) continue
      this.#next = pts + (samples * PES_TIMESCALE) / OPUS_SAMPLE_RATE
      units.push({ track: this.track, data, pts, dts: pts, key: true, jumped: this.#jumped })
      this.#jumped = false
    }
    return units
  }

  #trackOf(preSkip: number): Track {
    const channels = this.#channels
    const mapping = MAPPINGS[channels - 1]
    const config = writeOpusConfig({
      channels,
      preSkip,
      inputSampleRate: OPUS_SAMPLE_RATE,
      outputGain: 0,
      mappingFamily: channels > 2 ? 1 : 0,
      ...(channels > 2 &&
        mapping !== undefined && { mapping: { ...mapping, channels: Uint8Array.from(mapping.channels) } }),
    })
    return { ...this.#base, kind: 'audio', codec: 'opus', config, audio: { sampleRate: OPUS_SAMPLE_RATE, channels } }
  }
}

/** opus_control_header; throws FormatError where there is none or it is cut short. */
function readControlHeader(bytes: Uint8Array, from: number): ControlHeader {
  let at = from
  const take = () => {
    const byte = bytes[at++]
    if (byte === undefined)
      throw new FormatError('ERR_TS_OPUS', 'expected an Opus control header, found its start', from)
    return byte
  }
  const first = (take() << 8) | take()
  if (first >> 5 !== PREFIX) throw new FormatError('ERR_TS_OPUS', 'expected an Opus control header', from)
  let size = 0
  let more = take()
  for (; more === 0xff; more = take()) size += 0xff
  size += more
  const startTrim = (first & 0x10) === 0 ? 0 : ((take() << 8) | take()) & 0x1fff
  if ((first & 0x08) !== 0) at += 2 // end_trim
  if ((first & 0x04) !== 0) at += take() // control extension
  return { packetAt: at, size, startTrim }
}
