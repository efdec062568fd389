/** How much time an audio packet is, from what the codec fixes or its header says. */
import { FormatError } from '../../errors.ts'
import { type Micros, ticksToMicros } from '../time.ts'
import type { Track } from '../track.ts'
import { type AacConfig, readAacConfig } from './aac/config.ts'
import { ac3PacketSamples } from './ac3/bitstream.ts'
import { flacFrameSamples } from './flac/bitstream.ts'
import { readMp3Header } from './mp3/bitstream.ts'
import { opusPacketSamples } from './opus/bitstream.ts'
import { wmaPacketSamples } from './wma/bitstream.ts'
import { readWaveFormat } from './wma/wave-format.ts'

/**
 * Samples of a packet, counted at the track's `audio.sampleRate`; `undefined` when the packet does not tell (a broken header, a video
 * track). AAC has 1024, or 960, or twice that with SBR; MP3 1152 or 576; AC-3 1536. Never throws for broken packets.
 */
export function audioPacketSamples(track: Track, data: Uint8Array): number | undefined {
  try {
    switch (track.codec) {
      case 'aac':
        return track.config === undefined ? 1024 : aacFrameSamples(readAacConfig(track.config))
      case 'opus':
        return opusPacketSamples(data)
      case 'mp3':
        return mp3PacketSamples(data)
      case 'ac3':
      case 'eac3':
        return ac3PacketSamples(data)
      case 'flac':
        return flacFrameSamples(data)
      case 'wma1':
      case 'wma2':
        return track.config === undefined ? undefined : wmaPacketSamples(readWaveFormat(track.config), data)
      default:
        return undefined
    }
  } catch (error) {
    // Its length is only a hint for pacing and durations: a frame that cannot be read has none.
    if (error instanceof FormatError) return undefined
    throw error
  }
}

/** The same as time; rounded to the microsecond, so sums must be made of samples. */
export function audioPacketDuration(track: Track, data: Uint8Array): Micros | undefined {
  const samples = audioPacketSamples(track, data)
  const sampleRate = track.audio?.sampleRate ?? 0
  return samples === undefined || sampleRate === 0 ? undefined : ticksToMicros(samples, sampleRate)
}

function aacFrameSamples(config: AacConfig): number {
  return Math.round((config.coreFrameLength * config.sampleRate) / config.coreSampleRate)
}

function mp3PacketSamples(data: Uint8Array): number | undefined {
  let samples = 0
  for (let at = 0; at < data.byteLength; ) {
    const header = readMp3Header(data, at)
    if (header === undefined) break
    samples += header.samples
    if (header.frameSize === undefined || header.frameSize < 4) break
    at += header.frameSize
  }
  return samples === 0 ? undefined : samples
}
