/** A real stream of any rate without an encoder: the test channel's pictures, made heavy by filler data, published by RTMP. */
import type { TestContext } from 'node:test'
import { Hub } from '../../src/live/hub.ts'
import type { Packet } from '../../src/media/packet.ts'
import type { Logger } from '../../src/protocols/protocol.ts'
import { rtmp } from '../../src/protocols/rtmp/index.ts'
import { type PlayResult, play } from '../../src/services/player/play.ts'
import { TestSource } from '../../src/services/test-channel/test-channel.ts'
import { FRAME_RATE } from '../../src/services/test-channel/test-picture.ts'
import { loadTestSound } from '../../src/services/test-channel/test-sound.ts'
import type { RunningServer } from '../support/server.ts'
import { eventually } from './attacked-server.ts'

const FRAME_MS = 1000 / FRAME_RATE
/** H.264 table 7-1: filler data. */
const FILLER_UNIT = 12
const UNIT_LENGTH_SIZE = 4

export const silentLog: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  counted: () => {},
  child: () => silentLog,
}

/** Publishes `live/NAME` in real time, a key picture a second, until the test ends. Resolves when it is on air. */
export async function publishLive(
  t: TestContext,
  server: RunningServer,
  name: string,
  bitrateBps = 500_000,
): Promise<{ stop(): Promise<void> }> {
  const hub = new Hub()
  const publisher = hub.publish(`live/${name}`)
  const source = new TestSource(await loadTestSound(), Date.now())
  publisher.announce(source.tracks)
  const frameBytes = Math.round(bitrateBps / 8 / FRAME_RATE)
  const timer = setInterval(() => {
    for (const packet of source.packetsUntil(Date.now())) publisher.write(heavier(packet, frameBytes))
  }, FRAME_MS)
  const abort = new AbortController()
  const url = new URL(`${server.urls['rtmp']}/live/${name}?key=${server.secrets.publishKey}`)
  const pushing = rtmp.push?.(publisher.stream, url, { signal: abort.signal, log: silentLog })
  // The server may be gone first.
  pushing?.catch(() => {})
  const stop = async () => {
    clearInterval(timer)
    abort.abort()
    await pushing?.catch(() => undefined)
    hub.close()
  }
  t.after(stop)
  await eventually(`live/${name} is on air`, async () => {
    const headers = { authorization: `Bearer ${server.secrets.adminToken}` }
    const response = await fetch(`${server.urls['http']}/api/v1/streams/live/${name}`, { headers })
    return (await response.text()).includes('h264')
  })
  return { stop }
}

function heavier(packet: Packet, bytes: number): Packet {
  const missing = bytes - packet.data.byteLength - UNIT_LENGTH_SIZE
  if (packet.track.kind !== 'video' || missing < 2) return packet
  const data = new Uint8Array(bytes).fill(0xff)
  data.set(packet.data)
  const at = packet.data.byteLength
  new DataView(data.buffer).setUint32(at, missing)
  data[at + UNIT_LENGTH_SIZE] = FILLER_UNIT
  data[bytes - 1] = 0x80
  return { ...packet, data }
}

/** Plays with our own player, which checks every time and every segment, until `signal` aborts. */
export function watch(url: string, signal: AbortSignal): Promise<PlayResult> {
  return play({
    url,
    signal,
    client: { log: silentLog, insecureTls: false },
    findClient: (scheme) => (rtmp.schemes?.includes(scheme) === true ? rtmp.pull : undefined),
  })
}

/** What is wrong with what a viewer got; empty when it lost nothing. */
export function flaws({ tracks, problems, discontinuities }: PlayResult): string[] {
  const wrong = problems.map(({ rule, count, message }) => `${rule} ${count} times: ${message}`)
  for (const { kind, gaps, packets } of tracks) {
    if (gaps > 0) wrong.push(`${gaps} gaps in ${kind}`)
    if (packets < FRAME_RATE) wrong.push(`only ${packets} packets of ${kind}`)
  }
  if (tracks.length < 2) wrong.push(`only ${tracks.length} tracks`)
  if (discontinuities > 0) wrong.push(`${discontinuities} discontinuities`)
  return wrong
}
