/** X-StartupProfile of a file: how much a player must have of it before it may play (MS-WMSP 2.2.1.12). */
import { computeStartupProfile, formatStartupProfile, type StartingPayload } from '../../startup-profile.ts'
import type { StreamLevels } from '../../stream-selection.ts'
import type { FileContent } from './content.ts'
import { payloadsOf } from './selection-filter.ts'

/** Bytes that are looked at; a profile of less is one all the same. */
const MAX_PROFILED_BYTES = 2 * 1024 * 1024
const READ_PACKETS = 64

export interface StartupOptions {
  /** Number of the first packet that is played. */
  readonly from: number
  readonly selection: StreamLevels
  /** Milliseconds of media that go out faster. */
  readonly accelMs: number
  /** Of what is sent, on average. */
  readonly bitrateBps: number
}

/** The header's value; `undefined`: there is nothing to say. */
export async function startupProfile(
  { asf, init }: FileContent,
  { from, selection, accelMs, bitrateBps }: StartupOptions,
): Promise<string | undefined> {
  const kinds = new Map<number, StartingPayload['kind']>()
  for (const { number, kind } of init.streams) {
    if (selection.has(number)) kinds.set(number, kind === 'audio' || kind === 'video' ? kind : 'other')
  }
  const payloads: StartingPayload[] = []
  let bytes = 0
  let endMs = Number.NaN
  for (let number = from, over = false; !over && bytes < MAX_PROFILED_BYTES; ) {
    const packets = await asf.readPackets(number, READ_PACKETS)
    if (packets.length === 0) break
    number = (packets.at(-1)?.number ?? number) + 1
    for (const packet of packets) {
      bytes += packet.bytes.byteLength
      if (Number.isNaN(endMs)) endMs = packet.sendTimeMs + accelMs
      over = packet.sendTimeMs > endMs
      if (over) break
      for (const payload of payloadsOf(packet.bytes, init)) {
        const kind = kinds.get(payload.stream)
        if (kind === undefined || payload.offset !== 0) continue
        const { key, presentationTimeMs, objectSize } = payload
        payloads.push({ kind, key, sendTimeMs: packet.sendTimeMs, presentationTimeMs, objectSize })
      }
    }
  }
  const profile = computeStartupProfile(payloads, {
    accelDurationMs: accelMs,
    averageBitrateBps: bitrateBps,
    broadcast: false,
    hasVideo: [...kinds.values()].includes('video'),
    hasAudio: [...kinds.values()].includes('audio'),
  })
  return profile === undefined ? undefined : formatStartupProfile(profile)
}
