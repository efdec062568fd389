/** The test channel's sound: AAC frames of a loop of whole seconds, made by scripts/make-test-sound.ts. */
import { readFile } from 'node:fs/promises'
import { ByteReader } from '../../media/bytes/byte-reader.ts'
import { MICROS_PER_SECOND, type Micros } from '../../media/time.ts'

/** Samples a second, and samples of one AAC frame. */
export const SAMPLE_RATE = 48_000
export const FRAME_SAMPLES = 1_024

/** The loop, ready to be sent frame by frame. */
export interface TestSound {
  /** AudioSpecificConfig. */
  readonly config: Uint8Array
  /** One round. Its first sample is the turn of a second, and its duration a whole number of seconds. */
  readonly frames: readonly Uint8Array[]
}

/** Reads the asset of the package. */
export async function loadTestSound(): Promise<TestSound> {
  return readTestSound(await readFile(new URL('../../../assets/test-sound.bin', import.meta.url)))
}

/** The configuration, then the frames, each behind its length in two bytes. Throws FormatError when it is cut short. */
export function readTestSound(bytes: Uint8Array): TestSound {
  const reader = new ByteReader(bytes)
  const config = reader.view(reader.u16())
  const frames: Uint8Array[] = []
  while (reader.remaining > 0) frames.push(reader.view(reader.u16()))
  return { config, frames }
}

/** When a frame begins, counted from 1970 without end; exact to the microsecond after any number of rounds. */
export function soundTime(sound: TestSound, index: number): Micros {
  const count = sound.frames.length
  const roundSeconds = (count * FRAME_SAMPLES) / SAMPLE_RATE
  const round = Math.floor(index / count)
  const samples = (index - round * count) * FRAME_SAMPLES
  return round * roundSeconds * MICROS_PER_SECOND + Math.round((samples * MICROS_PER_SECOND) / SAMPLE_RATE)
}

/** The first frame that begins at `time` or later. */
export function soundIndexAt(sound: TestSound, time: Micros): number {
  const count = sound.frames.length
  const roundMicros = ((count * FRAME_SAMPLES) / SAMPLE_RATE) * MICROS_PER_SECOND
  const round = Math.floor(time / roundMicros)
  const inRound = ((time - round * roundMicros) * SAMPLE_RATE) / MICROS_PER_SECOND / FRAME_SAMPLES
  let index = round * count + Math.max(0, Math.ceil(inRound) - 1)
  while (soundTime(sound, index) < time) index++
  return index
}
