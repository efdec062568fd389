/** Windows Media peers that do what they please: raw sockets, and a small stream of our own to push. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { buildAsfInit } from '../../src/media/containers/asf/header-builder.ts'
import type { AsfInit } from '../../src/media/containers/asf/model.ts'
import { AsfPacketizer } from '../../src/media/containers/asf/packetizer.ts'
import type { Track } from '../../src/media/track.ts'

const TRACK: Track = {
  id: 101,
  kind: 'audio',
  codec: 'mp3',
  audio: { sampleRate: 44_100, channels: 2 },
  timescale: 44_100,
  bitrateBps: 64_000,
}
const FRAME_MS = 26

/** A live header of one MP3 stream. */
export const asfInit: AsfInit = buildAsfInit({ tracks: [TRACK], packetSize: 1400, prerollMs: 1000, broadcast: true })

/** The first `count` data packets of a stream of `frameBytes` a frame. */
export function asfPackets(count: number, frameBytes = 600): Uint8Array[] {
  const packetizer = new AsfPacketizer(asfInit)
  const packets: Uint8Array[] = []
  for (let index = 0; packets.length < count; index++) {
    const time = index * FRAME_MS * 1000
    const data = new Uint8Array(frameBytes).fill(index & 255)
    packetizer.write({ track: TRACK, data, dts: time, pts: time, key: true })
    for (let packet = packetizer.read(); packet !== undefined; packet = packetizer.read()) packets.push(packet.bytes)
  }
  return packets.slice(0, count)
}

/** A packet of the push protocol: letter, length, payload. */
export function pushPacket(letter: string, payload: Uint8Array, length: number = payload.byteLength): Buffer {
  const head = Buffer.alloc(4)
  head.write(`$${letter}`, 'latin1')
  head.writeUInt16LE(length, 2)
  return Buffer.concat([head, payload])
}

/** A connection that keeps what it hears. */
export class WindowsMediaPeer {
  readonly socket: Socket
  heard = ''

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1')
    this.socket.on('error', () => {})
    this.socket.on('data', (piece: Buffer) => {
      this.heard = (this.heard + piece.toString('latin1')).slice(-100_000)
    })
  }

  /** Resolves when it is connected. */
  async connected(): Promise<this> {
    if (this.socket.connecting) await once(this.socket, 'connect')
    return this
  }

  say(...parts: readonly (string | Uint8Array)[]): this {
    for (const part of parts) this.socket.write(part)
    return this
  }

  /** Resolves when the server has said that, or has closed. */
  async hears(text: string): Promise<boolean> {
    while (!this.heard.includes(text) && !this.socket.closed) {
      await Promise.race([once(this.socket, 'data').catch(() => undefined), once(this.socket, 'close')])
    }
    return this.heard.includes(text)
  }

  async closed(): Promise<void> {
    if (!this.socket.closed) await once(this.socket, 'close')
  }

  /** The status of the first answer. */
  get status(): number {
    return Number(/^HTTP\/1\.[01] (\d{3})/.exec(this.heard)?.[1] ?? 0)
  }
}

/** A request for the description of a stream, on a connection that stays open: resetting one that has ended keeps Node from ending. */
export function describeRequest(path: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: NSPlayer/9.0.0.2980\r\nPragma: no-cache\r\n\r\n`
}

/** A player's request. */
export function playRequest(path: string, pragmas: readonly string[] = ['xPlayStrm=1', ...ALL_STREAMS]): string {
  const lines = [`GET ${path} HTTP/1.0`, 'User-Agent: NSPlayer/4.1.0.3856', 'Pragma: no-cache,rate=1.000000']
  return `${[...lines, ...pragmas.map((pragma) => `Pragma: ${pragma}`)].join('\r\n')}\r\n\r\n`
}

const ALL_STREAMS = ['stream-switch-count=1', 'stream-switch-entry=ffff:1:0']

/** An encoder's request; `length` is what it says of its body. */
export function pushRequest(kind: 'setup' | 'start', target: string, pushId: string, length = 2_147_483_647): string {
  return [
    `POST ${target} HTTP/1.1`,
    'Host: localhost',
    'User-Agent: WMEncoder/12.0.0.7',
    `Content-Type: application/x-wms-push${kind}`,
    `Cookie: push-id=${pushId}`,
    `Content-Length: ${kind === 'setup' ? 0 : length}`,
    '\r\n',
  ].join('\r\n')
}

/** Sets a push up and begins it; the header is sent, packets are not. */
export async function openPush(port: number, target: string): Promise<WindowsMediaPeer> {
  const peer = new WindowsMediaPeer(port).say(pushRequest('setup', target, '0'))
  await peer.hears('\r\n\r\n')
  const pushId = /push-id=([^;\r]+)/i.exec(peer.heard)?.[1]
  if (pushId === undefined) throw new Error(`expected a push-id, found ${peer.heard}`)
  return peer.say(pushRequest('start', target, pushId), pushPacket('H', asfInit.bytes))
}
