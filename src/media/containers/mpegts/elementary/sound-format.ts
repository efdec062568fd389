/** How frames of sound follow each other in the payload of PES packets, for each codec. */
import { FormatError } from '../../../../errors.ts'
import { readAdtsHeader } from '../../../codecs/aac/adts.ts'
import { writeAacConfig } from '../../../codecs/aac/config.ts'
import { readAc3Header } from '../../../codecs/ac3/bitstream.ts'
import { ac3ConfigOfFrame } from '../../../codecs/ac3/config.ts'
import { readMp3Header } from '../../../codecs/mp3/bitstream.ts'
import type { AudioCodec, AudioParameters } from '../../../track.ts'

/** A frame as its header tells it. */
export interface SoundFrame {
  /** Bytes, with what goes around the packet. */
  readonly size: number
  /** Before the packet. */
  readonly headerSize: number
  readonly samples: number
  /** It belongs to the frame before and adds no time (E-AC-3). */
  readonly dependent: boolean
  readonly codec: AudioCodec | undefined
  /** Of a codec that is not carried. */
  readonly foreignCodec?: string
  readonly audio: AudioParameters
  /** Two frames with the same key have the same configuration. */
  readonly configKey: string
  /** Made when the configuration is new. Throws FormatError when there is none for it. */
  config(): Uint8Array | undefined
}

export interface SoundFormat {
  /** First byte of each frame. */
  readonly syncByte: number
  /** Bytes that must be there to read a header. */
  readonly headerSize: number
  /** Throws FormatError when no frame begins there. */
  frameAt(bytes: Uint8Array, at: number): SoundFrame
}

export const ADTS: SoundFormat = {
  syncByte: 0xff,
  headerSize: 7,
  frameAt(bytes, at) {
    const header = readAdtsHeader(bytes, at)
    if (header === undefined) throw noFrame(at)
    const { objectType, sampleRate, channels, headerSize, frameSize } = header
    // number_of_raw_data_blocks_in_frame: several cannot be told apart without decoding them, and nobody writes them.
    if (((bytes[at + 6] as number) & 3) !== 0) throw noFrame(at)
    return {
      size: frameSize,
      headerSize,
      samples: 1024,
      dependent: false,
      codec: 'aac',
      audio: { sampleRate, channels },
      configKey: `${objectType} ${sampleRate} ${channels}`,
      config: () => writeAacConfig({ objectType, sampleRate, channels }),
    }
  },
}

export const MPEG_AUDIO: SoundFormat = {
  syncByte: 0xff,
  headerSize: 4,
  frameAt(bytes, at) {
    const header = readMp3Header(bytes, at)
    if (header?.frameSize === undefined || header.frameSize < 4) throw noFrame(at)
    const { layer, sampleRate, channels, samples, frameSize } = header
    return {
      size: frameSize,
      headerSize: 0,
      samples,
      dependent: false,
      codec: layer === 3 ? 'mp3' : undefined,
      ...(layer !== 3 && { foreignCodec: `mp${layer}` }),
      audio: { sampleRate, channels },
      configKey: `${layer} ${sampleRate} ${channels}`,
      config: () => undefined,
    }
  },
}

export const AC3: SoundFormat = {
  syncByte: 0x0b,
  headerSize: 8,
  frameAt(bytes, at) {
    const head = bytes.subarray(at, at + 16)
    const { codec, sampleRate, channels, samples, frameSize, dependent, audioMode, lowFrequency, bitrateCode } =
      readAc3Header(head)
    return {
      size: frameSize,
      headerSize: 0,
      samples,
      dependent,
      codec,
      audio: { sampleRate, channels },
      configKey: `${codec} ${sampleRate} ${audioMode} ${lowFrequency ? 1 : 0} ${bitrateCode}`,
      config: () => ac3ConfigOfFrame(head),
    }
  },
}

function noFrame(at: number): FormatError {
  return new FormatError('ERR_CODEC_BITSTREAM', 'expected a frame of sound', at)
}
