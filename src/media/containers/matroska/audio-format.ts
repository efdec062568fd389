/** Audio codecs of Matroska and WebM (RFC 9559 section 22, codec mappings of audio). */
import { FormatError } from '../../../errors.ts'
import { writeAacConfig } from '../../codecs/aac/config.ts'
import { ac3ConfigOfFrame } from '../../codecs/ac3/config.ts'
import { flacConfigOf } from '../../codecs/flac/config.ts'
import { readMp3Header } from '../../codecs/mp3/bitstream.ts'
import { OPUS_SAMPLE_RATE } from '../../codecs/opus/bitstream.ts'
import { readOpusHead, writeOpusConfig } from '../../codecs/opus/config.ts'
import { trackParameters } from '../../codecs/track-parameters.ts'
import { readWaveFormat, WAVE_FORMAT, wmaCodecOf, writeWaveFormat } from '../../codecs/wma/wave-format.ts'
import type { AudioCodec, AudioParameters } from '../../track.ts'
import type { TrackEntry } from './track-entry.ts'
import type { TrackFormat } from './track-format.ts'

/** Format tag of AC-3 in a WAVEFORMATEX. */
const WAVE_FORMAT_AC3 = 0x2000
/** Audio object types behind the last slash of old codec ids: `A_AAC/MPEG4/LC/SBR`. */
const AAC_TYPES: Readonly<Record<string, number>> = { MAIN: 1, LC: 2, SSR: 3, LTP: 4 }
/** Of an encoder that does not say: 6.5 ms. */
const DEFAULT_OPUS_PRE_SKIP = 312
const EMPTY = new Uint8Array(0)
const SAME = (frame: Uint8Array): Uint8Array => frame

/** `undefined` for codecs that are none of ours. Throws FormatError where the configuration is broken or missing. */
export function audioFormat(entry: TrackEntry, frame: Uint8Array | undefined): TrackFormat | undefined {
  const { codecId, codecPrivate } = entry
  if (codecId === 'A_AAC' || codecId.startsWith('A_AAC/')) return plain('aac', codecPrivate ?? oldAacConfig(entry))
  switch (codecId) {
    case 'A_OPUS':
    case 'A_OPUS/EXPERIMENTAL':
      return plain('opus', opusConfig(entry))
    case 'A_FLAC':
      return plain('flac', flacConfigOf(codecPrivate ?? EMPTY))
    case 'A_MPEG/L3':
      return mp3Format(entry, frame)
    case 'A_AC3':
    case 'A_AC3/BSID9':
    case 'A_AC3/BSID10':
      return plain('ac3', ac3ConfigOfFrame(frame ?? EMPTY))
    case 'A_EAC3':
    case 'A_EAC3/BSID9':
    case 'A_EAC3/BSID10':
      return plain('eac3', ac3ConfigOfFrame(frame ?? EMPTY))
    case 'A_MS/ACM':
      return waveFormat(entry, frame)
    default:
      return undefined
  }
}

function plain(codec: AudioCodec, config: Uint8Array): TrackFormat {
  const { audio } = trackParameters(codec, config)
  return { codec, config, ...(audio !== undefined && { audio }), canonical: SAME }
}

/** Before AudioSpecificConfig was put into private data, the codec id said what there is. */
function oldAacConfig({ codecId, audio }: TrackEntry): Uint8Array {
  const [, , type = 'LC', extension] = codecId.split('/')
  const sampleRate = audio?.sampleRate ?? 0
  return writeAacConfig({
    objectType: AAC_TYPES[type] ?? 2,
    // With SBR the rate is that of the output, and decoders find the extension by themselves.
    sampleRate: extension === 'SBR' ? Math.round(sampleRate / 2) : sampleRate,
    channels: audio?.channels ?? 0,
  })
}

function opusConfig({ codecPrivate, audio }: TrackEntry): Uint8Array {
  if (codecPrivate !== undefined) return writeOpusConfig(readOpusHead(codecPrivate))
  return writeOpusConfig({
    channels: audio?.channels === 1 ? 1 : 2,
    preSkip: DEFAULT_OPUS_PRE_SKIP,
    inputSampleRate: OPUS_SAMPLE_RATE,
    outputGain: 0,
    mappingFamily: 0,
  })
}

function mp3Format(entry: TrackEntry, frame: Uint8Array | undefined): TrackFormat {
  return { codec: 'mp3', audio: mp3Parameters(entry, frame), canonical: SAME }
}

function mp3Parameters({ audio }: TrackEntry, frame: Uint8Array | undefined): AudioParameters {
  const header = readMp3Header(frame ?? EMPTY)
  if (header !== undefined && header.layer !== 3) {
    throw new FormatError('ERR_CODEC_BITSTREAM', `expected layer III of MPEG audio, found layer ${header.layer}`)
  }
  const { sampleRate, channels } = header ?? audio ?? { sampleRate: 0, channels: 0 }
  return { sampleRate, channels }
}

/** What ASF and AVI call the codec. */
function waveFormat(entry: TrackEntry, frame: Uint8Array | undefined): TrackFormat | undefined {
  const wave = readWaveFormat(entry.codecPrivate ?? EMPTY)
  const codec = wmaCodecOf(wave.tag)
  if (codec !== undefined) return plain(codec, writeWaveFormat(wave))
  switch (wave.tag) {
    case WAVE_FORMAT.MP3:
      return mp3Format(entry, frame)
    case WAVE_FORMAT.AAC:
      return plain('aac', wave.extra)
    case WAVE_FORMAT_AC3:
      return plain('ac3', ac3ConfigOfFrame(frame ?? EMPTY))
    default:
      return undefined
  }
}
