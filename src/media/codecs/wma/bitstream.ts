/** How long a packet of Windows Media Audio is. No specification is public: what FFmpeg's decoder computes. */
import { WAVE_FORMAT, type WaveFormat } from './wave-format.ts'

/** Where the encode options of each version are in the extra bytes. */
const OPTIONS_OFFSET: ReadonlyMap<number, number> = new Map([
  [WAVE_FORMAT.WMA1, 2],
  [WAVE_FORMAT.WMA2, 4],
])
/** Encode option: frames run on from block to block, and a block says how many end in it. */
const BIT_RESERVOIR = 2

/**
 * Samples of an object that holds whole blocks; `undefined` for codecs whose blocks do not tell (professional, lossless, voice). With
 * a bit reservoir the first block of a stream has one frame less.
 */
export function wmaPacketSamples(format: WaveFormat, data: Uint8Array): number | undefined {
  const optionsAt = OPTIONS_OFFSET.get(format.tag)
  if (optionsAt === undefined || data.byteLength === 0) return undefined
  const frameLength = 2 ** frameLengthBits(format)
  const blockSize = format.blockAlign === 0 ? data.byteLength : format.blockAlign
  const blocks = Math.ceil(data.byteLength / blockSize)
  if (((format.extra[optionsAt] ?? 0) & BIT_RESERVOIR) === 0) return blocks * frameLength
  let frames = 0
  for (let at = 0; at < data.byteLength; at += blockSize) frames += (data[at] as number) & 0xf
  return frames * frameLength
}

function frameLengthBits({ tag, sampleRate }: WaveFormat): number {
  if (sampleRate <= 16_000) return 9
  if (sampleRate <= 22_050 || (sampleRate <= 32_000 && tag === WAVE_FORMAT.WMA1)) return 10
  return 11
}
