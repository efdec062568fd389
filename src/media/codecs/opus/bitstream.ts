/** The table-of-contents byte of Opus packets: RFC 6716 section 3.1. */

/** Opus counts its time at this rate, whatever the sound was sampled at. */
export const OPUS_SAMPLE_RATE = 48_000
/** 120 ms. */
const MAX_PACKET_SAMPLES = 5760

/** Samples at 48 kHz in a packet; `undefined` for a packet that is empty or longer than 120 ms. */
export function opusPacketSamples(packet: Uint8Array): number | undefined {
  const toc = packet[0]
  if (toc === undefined) return undefined
  const code = toc & 3
  const frames = code === 0 ? 1 : code === 3 ? (packet[1] ?? 0) & 0x3f : 2
  const samples = frames * frameSamples(toc >> 3)
  return samples > 0 && samples <= MAX_PACKET_SAMPLES ? samples : undefined
}

/** By configuration number: SILK 10 to 60 ms, hybrid 10 and 20 ms, CELT 2.5 to 20 ms. */
function frameSamples(configuration: number): number {
  if (configuration < 12) return [480, 960, 1920, 2880][configuration & 3] ?? 0
  if (configuration < 16) return (configuration & 1) === 0 ? 480 : 960
  return 120 << (configuration & 3)
}
