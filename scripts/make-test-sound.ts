/**
 * Makes assets/test-sound.bin, the sound of the test channel: a soft chord that repeats after eight seconds without a seam, and a beep
 * at the turn of each second. Needs ffmpeg; run it only to change the sound: `node scripts/make-test-sound.ts`.
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'

const SAMPLE_RATE = 48_000
const CHANNELS = 2
const FRAME_SAMPLES = 1_024
/** 375 frames are exactly eight seconds. */
const LOOP_SECONDS = 8
const LOOP_FRAMES = (LOOP_SECONDS * SAMPLE_RATE) / FRAME_SAMPLES
/** The middle of these is kept: the encoder has settled by then, and what follows it is as what follows the loop's end. */
const ROUNDS = 5
const KEPT_ROUND = 2
/** The encoder puts one frame of silence before the sound. */
const PRIMING_FRAMES = 1
const BIT_RATE = '40k'
const ADTS_HEADER_LENGTH = 7
/** AAC LC, 48 kHz, stereo (ISO/IEC 14496-3 section 1.6.2.1). */
const AUDIO_SPECIFIC_CONFIG = Uint8Array.of(0x11, 0x90)

const BEEP = { frequency: 1_000, seconds: 0.12, ramp: 0.008, level: 0.22 }
/** Frequencies are rounded to whole cycles in the loop: A major with an added ninth. */
const CHORD = [110, 220, 277.18, 329.63, 493.88]
const CHORD_LEVEL = 0.028

const loop = samplesOfLoop()
const input = new Float32Array(loop.length * ROUNDS)
for (let round = 0; round < ROUNDS; round++) input.set(loop, round * loop.length)
const adts = execFileSync(
  'ffmpeg',
  // biome-ignore format: options with their values
  ['-v', 'error', '-f', 'f32le', '-ar', `${SAMPLE_RATE}`, '-ac', `${CHANNELS}`, '-i', '-',
    '-c:a', 'aac', '-b:a', BIT_RATE, '-aac_coder', 'fast', '-aac_pns', '0', '-flags', '+bitexact', '-f', 'adts', '-'],
  { input: new Uint8Array(input.buffer), maxBuffer: 1 << 26 },
)
const frames = splitAdts(adts)
const first = PRIMING_FRAMES + KEPT_ROUND * LOOP_FRAMES
const kept = frames.slice(first, first + LOOP_FRAMES)
const repeats = kept.filter((frame, index) => Buffer.compare(frame, frames[first + LOOP_FRAMES + index] ?? frame) === 0)
const asset = pack(kept)
writeFileSync(new URL('../assets/test-sound.bin', import.meta.url), asset)
process.stdout.write(
  `${kept.length} frames, ${asset.byteLength} bytes, ${repeats.length} equal to those of the next round\n`,
)

/** Interleaved; the end meets the beginning, because everything in it has whole cycles. */
function samplesOfLoop(): Float32Array {
  const count = LOOP_SECONDS * SAMPLE_RATE
  const samples = new Float32Array(count * CHANNELS)
  for (let index = 0; index < count; index++) {
    const time = index / SAMPLE_RATE
    const beep = beepAt(time % 1)
    for (let channel = 0; channel < CHANNELS; channel++)
      samples[index * CHANNELS + channel] = beep + chordAt(time, channel)
  }
  return samples
}

function chordAt(time: number, channel: number): number {
  let sum = 0
  for (const [index, note] of CHORD.entries()) {
    const frequency = Math.round(note * LOOP_SECONDS) / LOOP_SECONDS
    const swell = 0.7 + 0.3 * Math.cos(2 * Math.PI * (time / LOOP_SECONDS + index / CHORD.length))
    sum += (swell * Math.sin(2 * Math.PI * frequency * time + index + channel * 0.6)) / (1 + index * 0.35)
  }
  return sum * CHORD_LEVEL
}

function beepAt(time: number): number {
  if (time >= BEEP.seconds) return 0
  const ramp = Math.min(1, time / BEEP.ramp, (BEEP.seconds - time) / BEEP.ramp)
  return BEEP.level * Math.sin((Math.PI / 2) * ramp) ** 2 * Math.sin(2 * Math.PI * BEEP.frequency * time)
}

function splitAdts(bytes: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = []
  for (let at = 0; at + ADTS_HEADER_LENGTH <= bytes.byteLength; ) {
    const [high = 0, middle = 0, low = 0] = bytes.subarray(at + 3, at + 6)
    const length = ((high & 3) << 11) | (middle << 3) | (low >> 5)
    found.push(bytes.subarray(at + ADTS_HEADER_LENGTH, at + length))
    at += length
  }
  return found
}

/** The configuration, then the frames, each behind its length in two bytes. */
function pack(frames: readonly Uint8Array[]): Uint8Array {
  const parts: Uint8Array[] = []
  for (const part of [AUDIO_SPECIFIC_CONFIG, ...frames]) {
    parts.push(Uint8Array.of(part.byteLength >> 8, part.byteLength & 0xff), part)
  }
  return Buffer.concat(parts)
}
